//! What an operation is: its rules as data, its shapes, and what it does.

use std::sync::Arc;

use reseal_crypto::attestation::Attested;
use reseal_policy::{ConditionKey, Grant};
use reseal_types::{
    AccountId, EncryptionAlgorithm, EncryptionContext, GrantId, KeyId, KeyMaterialId, KeyRef, KeyUsage,
    Origin, Region,
};
use serde::Serialize;

use crate::{
    call::Call,
    env::Env,
    error::Error,
    hex_text::HexText,
    json::JsonObject,
    keyring::Key,
    members::Members,
    permit::Permits,
    recipient::{self, Recipient},
    vault::Changes,
};

/// The rules of an operation, read by the pipeline, the tests and the documentation.
#[expect(clippy::struct_excessive_bools, reason = "columns of one table: none says anything about another")]
pub struct OpSpec {
    /// The API's name.
    pub name: &'static str,
    /// What the audit record says: true for reads and for all cryptographic operations.
    pub read_only: bool,
    /// Whether it may wait for what stands outside the service, such as an external key store proxy, before it changes
    /// anything.
    pub asks_outside: bool,
    /// Whether keys of other accounts can be named at all.
    pub cross_account: bool,
    /// Whether the answer is an empty body: the operations without an output shape.
    pub empty_response: bool,
    /// An action decided by identity policies alone, on no key.
    pub account_action: Option<&'static str>,
    /// One rule for each KMS key the operation works on.
    pub keys: &'static [KeyRule],
}

impl OpSpec {
    /// Whether it uses the key material of KMS keys.
    pub(crate) fn is_cryptographic(&self) -> bool {
        self.read_only && self.keys.iter().any(|rule| rule.usage.is_some())
    }

    /// Whether a call that met a concurrent change makes the others wait until it is through. One that waits for
    /// somebody outside does not: nobody's patience with a slow proxy is asked of all the others.
    pub(crate) fn takes_turns(&self) -> bool {
        !self.read_only && !self.asks_outside
    }
}

/// What an operation asks of one KMS key.
pub struct KeyRule {
    /// The action that must be allowed on the key.
    pub action: &'static str,
    /// How the key may be named.
    pub forms: Forms,
    /// The usage it must have, if any.
    pub usage: Option<UsageRule>,
    /// The states it may be in.
    pub states: StateRule,
}

/// How a key may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// Key id, key ARN, alias name or alias ARN.
    Any,
    /// Key id or key ARN.
    KeyOnly,
}

/// Which usage a key must have, and how its lack is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageRule {
    /// `InvalidKeyUsageException`
    Needs(KeyUsage),
    /// `IncorrectKeyException`: a key named for decryption that cannot decrypt at all.
    Decrypts,
}

/// Which states a key may be in. Source: the key state table of the KMS developer guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateRule {
    /// Any.
    Any,
    /// Enabled only.
    Usable,
    /// Enabled, even while its key store is out of reach or its primary Region changes.
    Live,
    /// Any but pending deletion or pending replica deletion.
    NotPendingDeletion,
    /// Any but pending deletion, pending replica deletion or pending import.
    HasMaterial,
    /// Any but pending deletion or pending replica deletion; pending import only once the public key is known.
    HasPublicKey,
    /// Any, but a key that lacks its imported key material is refused for its origin.
    AnyWithMaterial,
    /// Pending deletion or pending replica deletion only.
    PendingDeletion,
    /// No key of another origin than these, whatever its state; of these, as the rule says.
    Origin(&'static [Origin], &'static StateRule),
}

/// A key as a request points at it.
#[derive(Debug, Clone)]
pub(crate) enum Target<'r> {
    /// By one of the four forms.
    Named(KeyRef<'r>),
    /// By the header of a ciphertext alone.
    OfCiphertext(KeyId),
    /// By one of the four forms, along with a ciphertext whose header names this key. A bare key id is then
    /// enough for a key of another account.
    NamedWithCiphertext(KeyRef<'r>, KeyId),
    /// By a grant token: the key of its grant.
    OfGrantToken(&'r str),
    /// The replica in this Region of the multi-Region primary that the request named first.
    ReplicaOfFirst(&'r str),
}

/// What a request says about itself to the policies, for the key at hand.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    /// The encryption context of this side.
    pub(crate) context: Option<&'a EncryptionContext>,
    /// The encryption algorithm of this side.
    pub(crate) encryption_algorithm: Option<EncryptionAlgorithm>,
    /// The custom key store that the request names, where it works with no key.
    pub(crate) key_store: Option<&'a str>,
    /// Tags in the request.
    pub(crate) tags: &'a [(String, String)],
    /// Tag keys in the request, when it carries no values.
    pub(crate) tag_keys: &'a [String],
    /// Who alone is to read the answer.
    pub(crate) recipient: Option<&'a Attested>,
    /// Tags of a resource that is no KMS key.
    pub(crate) resource_tags: &'a [(String, String)],
    /// For CreateGrant, the grant to be made.
    pub(crate) new_grant: Option<Box<Grant>>,
    /// Values of other condition keys.
    pub(crate) values: Vec<(ConditionKey, String)>,
}

/// A grant as a request points at it.
#[derive(Clone, Copy)]
pub(crate) enum GrantRef<'r> {
    /// By its id.
    Id(GrantId),
    /// By a token.
    Token(&'r str),
}

impl GrantRef<'_> {
    /// The id of the grant.
    ///
    /// # Errors
    /// [`Error::InvalidGrantToken`] when a token was not given by this service.
    pub(crate) fn id(self, env: &Env) -> Result<GrantId, Error> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Token(token) => Ok(env.open_grant_token(token)?.id),
        }
    }
}

/// Actions of another Region that the call takes there.
pub(crate) struct Elsewhere<'a> {
    pub(crate) region: Region,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) facts: Facts<'a>,
}

/// What an operation did: its answer, the changes it asks for, and what the audit record adds.
pub(crate) struct Outcome<R> {
    pub(crate) response: R,
    pub(crate) changes: Changes,
    pub(crate) notes: Notes,
}

/// What the audit record of a successful call adds.
#[derive(Default)]
pub(crate) struct Notes {
    /// `additionalEventData`
    pub(crate) additional: Vec<(&'static str, Noted)>,
    /// Who alone can read the answer; also in `additionalEventData`.
    pub(crate) recipient: Option<Arc<Attested>>,
    /// `responseElements`: a JSON object.
    pub(crate) response_elements: Option<Vec<u8>>,
    /// ARNs of resources besides the keys worked on, such as one just created.
    pub(crate) resources: Vec<String>,
    /// What the service did by itself because of the call: each gets a record of its own.
    pub(crate) events: Vec<ServiceNote>,
    /// For whoever called, besides the answer: what was accepted and looks like a mistake. Printable ASCII.
    pub(crate) warnings: Vec<String>,
    /// Another Region in which the same call is recorded, with what it worked on there.
    pub(crate) also_in: Option<Region>,
}

/// A value of `additionalEventData`.
#[derive(PartialEq)]
pub(crate) enum Noted {
    /// Any text.
    Text(String),
    /// The id of key material: written when the record is.
    Material(KeyMaterialId),
}

/// Something that the service does by itself, committed together with what caused it.
pub(crate) struct ServiceNote {
    /// Such as `SynchronizeMultiRegionKey`.
    pub(crate) name: &'static str,
    /// The Region.
    pub(crate) region: Region,
    /// The account that owns the key.
    pub(crate) account: AccountId,
    /// The KMS key it is about.
    pub(crate) key_arn: String,
    /// `serviceEventDetails` besides `keyId`.
    pub(crate) details: Vec<(&'static str, String)>,
}

impl Notes {
    /// Adds a text, once.
    pub(crate) fn text(&mut self, name: &'static str, value: String) {
        let noted = (name, Noted::Text(value));
        if !self.additional.contains(&noted) {
            self.additional.push(noted);
        }
    }

    /// Adds the id of the key material used, if the key has one.
    pub(crate) fn material(&mut self, name: &'static str, id: Option<KeyMaterialId>) {
        self.additional.extend(id.map(|id| (name, Noted::Material(id))));
    }

    /// Adds who alone can read the answer.
    pub(crate) fn recipient(&mut self, recipient: Option<&Recipient>) {
        self.recipient = recipient.and_then(Recipient::attested).cloned();
    }

    /// Whether there is any `additionalEventData`.
    pub(crate) fn has_additional(&self) -> bool {
        !self.additional.is_empty() || self.recipient.is_some()
    }

    /// Writes `additionalEventData`.
    pub(crate) fn describe_additional(&self, data: &mut JsonObject<'_>) {
        for (name, value) in &self.additional {
            match value {
                Noted::Text(text) => data.text(name, text),
                Noted::Material(id) => data.plain(name, HexText::from(*id).as_bytes()),
            }
        }
        self.recipient.iter().for_each(|attested| recipient::describe(attested, data));
    }

    /// Adds the custom key store of the key used, if it is in one.
    pub(crate) fn key_store(&mut self, key: &Key) {
        let Some(held) = &key.record.stored_in else { return };
        // ReEncrypt may use two of one key store.
        self.text("customKeyStoreId", held.store.clone());
        held.external_key.iter().for_each(|id| self.text("xksKeyId", id.clone()));
    }

    /// Sets `responseElements`.
    pub(crate) fn elements(&mut self, fill: impl FnOnce(&mut JsonObject<'_>)) {
        let mut elements = Vec::new();
        JsonObject::write(&mut elements, fill);
        self.response_elements = Some(elements);
    }
}

impl<R> Outcome<R> {
    /// Nothing changes.
    pub(crate) fn unchanged(response: R) -> Self {
        Self::changed(response, Changes::default())
    }

    /// These changes are to be committed.
    pub(crate) fn changed(response: R, changes: Changes) -> Self {
        Self { response, changes, notes: Notes::default() }
    }
}

/// A request of the service model.
pub(crate) trait Request: Sized + Send + Sync {
    /// Reads the members; broken constraints stay with `members` until its `finish`.
    ///
    /// # Errors
    /// What does not fit the model's types.
    fn read(members: &mut Members<'_>) -> Result<Self, Error>;

    /// Rules beyond the model's constraints that need no key: checked once those hold.
    ///
    /// # Errors
    /// In AWS's words.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What the audit record says of the request. Never a plaintext, ciphertext or grant token.
    fn describe(&self, parameters: &mut JsonObject<'_>);

    /// Who alone is to read the answer. The pipeline checks the attestation document before it authorizes.
    fn recipient(&mut self) -> Option<&mut Recipient> {
        None
    }

    /// Whether nothing may be kept.
    fn dry_run(&self) -> bool {
        false
    }

    /// Whether only the authorization is tested.
    fn ignores_ciphertext(&self) -> bool {
        false
    }
}

/// One operation of the API.
pub(crate) trait Operation: 'static {
    /// Its rules.
    const SPEC: OpSpec;
    /// What it is asked.
    type Request: Request;
    /// What it answers.
    type Response: Serialize + Send;

    /// The keys it works on, one for each rule of `SPEC.keys`.
    ///
    /// # Errors
    /// When the request names no key at all.
    fn targets(_request: &Self::Request) -> Result<Vec<Target<'_>>, Error> {
        Ok(Vec::new())
    }

    /// What the policies may ask about the request, for the key at `index` (or for no key).
    fn facts(_request: &Self::Request, _index: usize) -> Facts<'_> {
        Facts::default()
    }

    /// Actions to be allowed by identity policies, each with the ARN it is decided on.
    fn identity_actions(_env: &Env, _call: &Call, _request: &Self::Request) -> Vec<(&'static str, String)> {
        Self::SPEC.account_action.map(|action| (action, "*".to_owned())).into_iter().collect()
    }

    /// The grant that the call ends. The grant then decides who may, not the policy of its key.
    ///
    /// # Errors
    /// When the request names no grant.
    fn retires(_request: &Self::Request) -> Result<Option<GrantRef<'_>>, Error> {
        Ok(None)
    }

    /// Actions in another Region, on no key, to be allowed by identity policies once the keys are permitted.
    fn elsewhere<'r>(_request: &'r Self::Request, _permits: &Permits) -> Option<Elsewhere<'r>> {
        None
    }

    /// Does the work. Decides, and writes nothing: changes are committed by the pipeline.
    fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: Self::Request,
    ) -> impl Future<Output = Result<Outcome<Self::Response>, Error>> + Send;
}
