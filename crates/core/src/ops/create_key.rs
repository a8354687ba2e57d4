//! CreateKey: a new KMS key, durable before its id is told.

use reseal_policy::ConditionKey;
use reseal_types::{KeyId, KeySpec, KeyUsage, Origin};
use serde::Serialize;

use super::{
    shape::{self, KeyMetadata},
    tag_resource::describe_tags,
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, Unsupported},
    json::JsonObject,
    key_policy::{About, NewPolicy, default_policy, values_of_new_key},
    key_store::Destination,
    keyring::{Key, key_arn},
    material::{self, Fresh},
    members::{Bounds, Members, ModelEnum},
    operation::{Facts, OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::{
        GrantCount, KeyRecord, Marker, MaterialEntry, MaterialRecord, MultiRegion, PolicyText, StoredIn,
        place,
    },
    rotation::new_material_id,
    vault::Changes,
};

pub(crate) struct CreateKey;

pub(crate) struct CreateKeyRequest {
    policy: Option<String>,
    description: String,
    key_usage: Option<KeyUsage>,
    key_spec: Option<KeySpec>,
    deprecated_key_spec: Option<KeySpec>,
    origin: Origin,
    custom_key_store_id: Option<String>,
    xks_key_id: Option<String>,
    bypass_lockout_check: Option<bool>,
    tags: Vec<(String, String)>,
    multi_region: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateKeyResponse {
    key_metadata: KeyMetadata,
}

impl CreateKeyRequest {
    fn spec(&self) -> KeySpec {
        self.key_spec.or(self.deprecated_key_spec).unwrap_or(KeySpec::SymmetricDefault)
    }

    /// The custom key store that is to hold the key.
    fn stored_in(&self) -> Option<StoredIn> {
        let external_key = self.xks_key_id.clone();
        self.custom_key_store_id.clone().map(|store| StoredIn { store, external_key })
    }

    /// Only a symmetric encryption key has a usage that goes without saying.
    fn usage(&self) -> Option<KeyUsage> {
        let default = (self.spec() == KeySpec::SymmetricDefault).then_some(KeyUsage::EncryptDecrypt);
        self.key_usage.or(default)
    }
}

/// `CustomerMasterKeySpec`: the key specs of the time when it was deprecated.
#[derive(Clone, Copy)]
struct DeprecatedKeySpec(KeySpec);

impl ModelEnum for DeprecatedKeySpec {
    const ALL: &'static [Self] = &[
        Self(KeySpec::Rsa2048),
        Self(KeySpec::Rsa3072),
        Self(KeySpec::Rsa4096),
        Self(KeySpec::EccNistP256),
        Self(KeySpec::EccNistP384),
        Self(KeySpec::EccNistP521),
        Self(KeySpec::EccSecgP256k1),
        Self(KeySpec::SymmetricDefault),
        Self(KeySpec::Hmac224),
        Self(KeySpec::Hmac256),
        Self(KeySpec::Hmac384),
        Self(KeySpec::Hmac512),
        Self(KeySpec::Sm2),
    ];

    fn name(self) -> &'static str {
        self.0.as_str()
    }
}

impl Request for CreateKeyRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let xks_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let xks_matches = |text: &str| text.bytes().all(xks_legal);
        Ok(Self {
            policy: shape::policy(members)?,
            description: members.text("Description", shape::DESCRIPTION)?.unwrap_or_default(),
            key_usage: members.choice("KeyUsage")?,
            key_spec: members.choice("KeySpec")?,
            deprecated_key_spec: members
                .choice::<DeprecatedKeySpec>("CustomerMasterKeySpec")?
                .map(|spec| spec.0),
            origin: members.choice("Origin")?.unwrap_or(Origin::AwsKms),
            custom_key_store_id: members.text("CustomKeyStoreId", Bounds(1, 64))?,
            xks_key_id: members.patterned_text(
                "XksKeyId",
                Bounds(1, 128),
                "^[a-zA-Z0-9-_.]+$",
                xks_matches,
            )?,
            bypass_lockout_check: members.boolean("BypassPolicyLockoutSafetyCheck")?,
            tags: shape::tags(members)?.unwrap_or_default(),
            multi_region: members.flag("MultiRegion")?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let invalid = |text: &str| Err(Error::Validation(text.to_owned()));
        if self.key_spec.is_some() && self.deprecated_key_spec.is_some() {
            return invalid(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
                 CustomerMasterKeySpec is deprecated.",
            );
        }
        let spec = self.spec();
        let Some(usage) = self.usage() else {
            return invalid(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
            );
        };
        if !spec.allows(usage) {
            return Err(Error::Validation(format!("KeyUsage {usage} is not compatible with KeySpec {spec}")));
        }
        let custom = matches!(self.origin, Origin::AwsCloudhsm | Origin::ExternalKeyStore);
        let imported = self.origin == Origin::External;
        if custom && spec != KeySpec::SymmetricDefault || imported && !spec.takes_import() {
            let origin = self.origin;
            return Err(Error::Validation(format!("KeySpec {spec} is not supported for Origin {origin}")));
        }
        match (custom, &self.custom_key_store_id) {
            (true, None) => return invalid("CustomKeyStoreId is required for this Origin."),
            (false, Some(_)) => return invalid("CustomKeyStoreId is not valid for this Origin."),
            (true, Some(_)) | (false, None) => {}
        }
        match (self.origin == Origin::ExternalKeyStore, &self.xks_key_id) {
            (true, None) => return invalid("XksKeyId is required for Origin EXTERNAL_KEY_STORE."),
            (false, Some(_)) => return invalid("XksKeyId is only valid for Origin EXTERNAL_KEY_STORE."),
            (true, Some(_)) | (false, None) => {}
        }
        if custom && self.multi_region {
            return Err(Error::Unsupported(Unsupported::MultiRegionInKeyStore));
        }
        Ok(())
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        let spec = self.spec().as_str();
        parameters.text("keySpec", spec);
        parameters.text("customerMasterKeySpec", spec);
        parameters.optional_text("keyUsage", self.usage().map(KeyUsage::as_str));
        parameters.text("origin", self.origin.as_str());
        parameters.text("description", &self.description);
        parameters.boolean("bypassPolicyLockoutSafetyCheck", self.bypass_lockout_check.unwrap_or(false));
        parameters.boolean("multiRegion", self.multi_region);
        parameters.optional_text("customKeyStoreId", self.custom_key_store_id.as_deref());
        parameters.optional_text("xksKeyId", self.xks_key_id.as_deref());
        parameters.optional_text("policy", self.policy.as_deref());
        if !self.tags.is_empty() {
            describe_tags(parameters, &self.tags);
        }
    }
}

impl CreateKeyRequest {
    /// What conditions may ask about the key.
    fn key_values(&self) -> Vec<(ConditionKey, String)> {
        let multi_region_type = self.multi_region.then_some("PRIMARY");
        values_of_new_key(self.spec(), self.usage(), self.origin, multi_region_type)
    }
}

impl Operation for CreateKey {
    const SPEC: OpSpec = OpSpec {
        name: "CreateKey",
        read_only: false,
        asks_outside: true,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:CreateKey"),
        keys: &[],
    };

    type Request = CreateKeyRequest;
    type Response = CreateKeyResponse;

    fn identity_actions(_: &Env, _: &Call, request: &CreateKeyRequest) -> Vec<(&'static str, String)> {
        let mut actions = vec![("kms:CreateKey", "*".to_owned())];
        if !request.tags.is_empty() {
            actions.push(("kms:TagResource", "*".to_owned()));
        }
        actions
    }

    fn facts(request: &CreateKeyRequest, _index: usize) -> Facts<'_> {
        let mut values = request.key_values();
        if let Some(bypass) = request.bypass_lockout_check {
            values.push((ConditionKey::BypassPolicyLockoutSafetyCheck, bypass.to_string()));
        }
        Facts { tags: &request.tags, values, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: CreateKeyRequest,
    ) -> Result<Outcome<CreateKeyResponse>, Error> {
        shape::check_tags(&request.tags, env.settings.tags_per_key)?;
        let account = call.caller.account();
        let mut random = [0; 16];
        env.entropy.fill_public(&mut random)?;
        let id = KeyId::from_random(request.multi_region, random);
        let bypass = request.bypass_lockout_check.unwrap_or(false);
        let policy = request.policy.clone().unwrap_or_else(|| default_policy(env, account));
        let arn = key_arn(&env.settings.partition, &call.region, account, id);
        let about = About::NewKey(request.key_values());
        let policy = NewPolicy { text: policy, key_arn: &arn, bypass, about };
        let (policy, warnings) = policy.check(env, call).await?;
        let mut changes = Changes::default();
        env.reserve_key(account, &call.region, &mut changes).await?;
        let mut outcome = create(env, call, request, id, policy, changes).await?;
        outcome.notes.warnings = warnings;
        Ok(outcome)
    }
}

async fn create(
    env: &Env,
    call: &Call,
    request: CreateKeyRequest,
    id: KeyId,
    policy: PolicyText,
    mut changes: Changes,
) -> Result<Outcome<CreateKeyResponse>, Error> {
    let (account, region, spec) = (call.caller.account(), call.region.clone(), request.spec());
    let usage = request.usage().unwrap_or(KeyUsage::EncryptDecrypt);
    let material_id = new_material_id(env)?;
    let destination = match request.stored_in() {
        Some(stored_in) => Some(Destination::find(env, call, request.origin, stored_in).await?),
        None => None,
    };
    let made = match (&destination, request.origin) {
        (Some(destination), _) => {
            let arn = key_arn(&env.settings.partition, &region, account, id);
            Some((destination.provide(env, call, &arn, material_id).await?, None))
        }
        // The owner imports it later.
        (None, Origin::External) => None,
        (None, _) => {
            let Fresh { bytes, public_key } = material::generate(env, spec, usage).await?;
            Some((Some(bytes), public_key))
        }
    };
    let created = env.clock.now();
    let materials = made.iter().map(|_| MaterialEntry::first(material_id, created)).collect();
    let (bytes, public_key) = made.unwrap_or_default();
    let record = KeyRecord {
        id,
        region: region.clone(),
        account,
        spec,
        usage,
        origin: request.origin,
        created,
        enabled: true,
        deletion: None,
        description: request.description,
        policy,
        tags: request.tags,
        aliases: Vec::new(),
        materials,
        rotation: None,
        public_key,
        multi_region: id.is_multi_region().then(|| MultiRegion::alone(region.clone())),
        stored_in: destination.as_ref().map(|destination| destination.stored_in.clone()),
        grants: GrantCount::default(),
    };
    let key_place = place::key(&region, id)?;
    changes.expect(key_place.clone(), None);
    if let Some(bytes) = bytes {
        changes.put(place::material(&region, id, material_id)?, &MaterialRecord(bytes));
    }
    if let Some(destination) = &destination {
        destination.enter(id, &mut changes)?;
    }
    changes.put(place::account_key(account, &region, id)?, &Marker);
    changes.put(key_place, &record);
    let store = destination.map(|destination| destination.store);
    let key = Key::new(&env.settings.partition, record, 0)?.in_store(store);
    let key_metadata = KeyMetadata::of(&key, &env.settings.partition);
    let mut outcome = Outcome::changed(CreateKeyResponse { key_metadata }, changes);
    let metadata = &outcome.response.key_metadata;
    outcome.notes.elements(|elements| elements.object("keyMetadata", |object| metadata.describe(object)));
    outcome.notes.resources.push(key.arn().to_owned());
    outcome.notes.key_store(&key);
    Ok(outcome)
}
