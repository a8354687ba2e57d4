//! KMS keys in use: loaded from the vault, their policy compiled, their key material prepared, kept in memory
//! until they change.

use std::{
    fmt::Display,
    sync::{Arc, OnceLock},
};

use quick_cache::Equivalent;
use reseal_crypto::{
    agreement::AgreementKey, asymmetric::KeyPair, ciphertext::MaterialKey, kem::KemKeyPair, mac::MacKey,
    signing::SigningKey,
};
use reseal_policy::KeyPolicy;
use reseal_types::{
    AccountId, AliasName, ExpirationModel, GrantId, KeyId, KeyMaterialId, KeySpec, KeyState, KeyUsage,
    Origin, Partition, Region, Timestamp,
};

use crate::{
    cache::{NameOf, ReadThrough},
    env::Env,
    error::{Cause, Error},
    grants::{GrantName, GrantsHeld},
    json::JsonObject,
    key_store::{BackingKey, HeldStore},
    last_use::{LastUse, LastUses},
    material,
    per_thread::{Local, Own},
    record::{AliasRecord, IdentityKind, KeyRecord, MaterialEntry, MaterialRecord, place},
    store::{RecordKey, StoreError},
    vault::{Changes, VaultError},
};

/// The type under which records name a KMS key.
pub(crate) const RESOURCE_TYPE: &str = "AWS::KMS::Key";

/// A KMS key as an operation sees it: one consistent version of all that decides about it.
pub(crate) struct Key {
    pub(crate) record: KeyRecord,
    pub(crate) version: u64,
    pub(crate) policy: KeyPolicy,
    /// Its custom key store, if it belongs to one that is there.
    pub(crate) store: Option<Arc<HeldStore>>,
    /// Of the grants on it, what callers needed so far.
    pub(crate) grants: GrantsHeld,
    arn: Arc<str>,
    /// What the records of its uses say of it: members of a JSON object.
    described: Box<[u8]>,
    /// The time for which the rest is told.
    as_of: Timestamp,
    /// When imported key material expires next: from then on the key is another one.
    good_until: Option<Timestamp>,
    /// Which call used it last in this run.
    pub(crate) last_use: Arc<LastUse>,
    materials: OnceLock<Materials>,
}

/// Key material, prepared for use.
pub(crate) enum Materials {
    /// All versions of a symmetric key, oldest first.
    Symmetric(Vec<(KeyMaterialId, MaterialKey)>),
    /// A pair for encryption. Like all that follow it has one version for life.
    Pair(Arc<KeyPair>),
    /// A pair for signatures.
    Signing(Arc<SigningKey>),
    /// An HMAC key.
    Mac(Box<MacKey>),
    /// A private key for key agreement.
    Agreement(Arc<AgreementKey>),
    /// A pair for key encapsulation.
    Kem(Box<KemKeyPair>),
    /// A key of a custom key store.
    External(Box<External>),
}

/// What is in the service of a key of a custom key store.
pub(crate) struct External {
    pub(crate) id: KeyMaterialId,
    /// The half of the double encryption that is done here; none for a key in a cluster.
    pub(crate) inner: Option<MaterialKey>,
}

impl Key {
    /// Prepares a record read at `version`.
    pub(crate) fn new(partition: &Partition, record: KeyRecord, version: u64) -> Result<Self, Error> {
        let arn: Arc<str> = key_arn(partition, &record.region, record.account, record.id).into();
        let policy = KeyPolicy::parse(&record.policy.text);
        let policy = policy.map_err(|_| Error::Internal(Cause::StoredPolicy(arn.to_string())))?;
        let described = JsonObject::members_alone(|resource| {
            resource.plain("accountId", record.account.as_bytes());
            resource.plain("type", RESOURCE_TYPE.as_bytes());
            resource.plain("ARN", arn.as_bytes());
        });
        Ok(Self {
            record,
            version,
            policy,
            store: None,
            grants: GrantsHeld::default(),
            arn,
            described: described.into(),
            as_of: Timestamp::default(),
            good_until: None,
            last_use: Arc::default(),
            materials: OnceLock::new(),
        })
    }

    /// With its custom key store as it is now.
    pub(crate) fn in_store(self, store: Option<Arc<HeldStore>>) -> Self {
        Self { store, ..self }
    }

    /// The key as it is at that time, with what is known of its uses.
    fn seen_at(mut self, now: Timestamp, last_use: Arc<LastUse>) -> Self {
        self.as_of = now;
        self.last_use = last_use;
        let expires = self.record.materials.iter().filter_map(MaterialEntry::expires);
        self.good_until = expires.filter(|end| *end > now).min();
        self
    }

    /// The key ARN.
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// The key ARN, to keep.
    pub(crate) fn shared_arn(&self) -> Arc<str> {
        Arc::clone(&self.arn)
    }

    /// What the records of its uses say of it, as [`JsonObject::members`] takes it.
    pub(crate) fn described(&self) -> &[u8] {
        &self.described
    }

    pub(crate) fn spec(&self) -> KeySpec {
        self.record.spec
    }

    pub(crate) fn usage(&self) -> KeyUsage {
        self.record.usage
    }

    /// Whether the key is one that makes data keys and takes an encryption context.
    pub(crate) fn is_symmetric(&self) -> bool {
        self.record.spec == KeySpec::SymmetricDefault
    }

    pub(crate) fn state(&self) -> KeyState {
        match (self.record.deletion, self.record.waiting_days(), self.record.enabled) {
            (Some(_), ..) => KeyState::PendingDeletion,
            (None, Some(_), _) => KeyState::PendingReplicaDeletion,
            // Whether it is enabled shows once it is available again.
            (None, None, _) if self.is_cut_off() => KeyState::Unavailable,
            _ if self.record.lacks_material(self.as_of) => KeyState::PendingImport,
            (None, None, true) => KeyState::Enabled,
            (None, None, false) => KeyState::Disabled,
        }
    }

    /// Whether it belongs to a custom key store that is not connected.
    fn is_cut_off(&self) -> bool {
        self.record.stored_in.is_some() && !self.store.as_ref().is_some_and(|store| store.is_connected())
    }

    /// Whether what related keys share is changed here: true for every key but a multi-Region replica.
    pub(crate) fn is_primary(&self) -> bool {
        self.record.is_primary()
    }

    /// `MultiRegionKeyType`, of a multi-Region key.
    pub(crate) fn multi_region_type(&self) -> Option<&'static str> {
        self.record.multi_region.as_ref()?;
        Some(if self.is_primary() { "PRIMARY" } else { "REPLICA" })
    }

    /// The version of key material that encrypts; only symmetric keys have an id for it.
    pub(crate) fn current_material(&self) -> Option<&MaterialEntry> {
        self.record.current_material()
    }

    /// The versions of key material that are here, oldest first, without those that wait for rotation.
    pub(crate) fn materials_here(&self) -> impl Iterator<Item = &MaterialEntry> {
        self.record.associated().filter(|entry| entry.is_here(self.as_of))
    }

    /// `ExpirationModel` and `ValidTo`, while imported key material is here.
    pub(crate) fn expiration(&self) -> Option<(ExpirationModel, Option<Timestamp>)> {
        self.record.expiration(self.as_of)
    }

    /// The time for which the key tells its state.
    pub(crate) fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The key as its custom key store knows it.
    pub(crate) fn backing_key(&self, id: KeyMaterialId) -> Option<BackingKey> {
        let held = self.record.stored_in.as_ref()?;
        Some(match &held.external_key {
            Some(external) => BackingKey::External(external.clone()),
            None => BackingKey::InCluster { id: id.0, label: self.arn.to_string() },
        })
    }

    /// Where the key's record stands.
    pub(crate) fn place(&self) -> Result<RecordKey, VaultError> {
        place::key(&self.record.region, self.record.id)
    }

    /// The key material, read and prepared at its first use.
    pub(crate) async fn materials(&self, env: &Env) -> Result<&Materials, Error> {
        if let Some(materials) = self.materials.get() {
            return Ok(materials);
        }
        let loaded = Box::pin(self.load_materials(env)).await?;
        Ok(self.materials.get_or_init(|| loaded))
    }

    async fn load_materials(&self, env: &Env) -> Result<Materials, Error> {
        let broken = || Error::Internal(Cause::Crypto("loading of key material"));
        let KeyRecord { region, id, spec, usage, .. } = &self.record;
        let mut versions = Vec::with_capacity(self.record.materials.len());
        for entry in self.materials_here() {
            if self.record.origin == Origin::AwsCloudhsm {
                return Ok(Materials::External(Box::new(External { id: entry.id, inner: None })));
            }
            let place = place::material(region, *id, entry.id)?;
            let held = env.vault.read::<MaterialRecord>(&place).await?;
            let bytes = held.ok_or(VaultError::Tampered(place))?.record.0;
            if *spec != KeySpec::SymmetricDefault {
                return material::prepare(env, *spec, *usage, bytes).await;
            }
            let material = MaterialKey::new(&bytes).map_err(|_| broken())?;
            if self.record.origin == Origin::ExternalKeyStore {
                let external = External { id: entry.id, inner: Some(material) };
                return Ok(Materials::External(Box::new(external)));
            }
            versions.push((entry.id, material));
        }
        Ok(Materials::Symmetric(versions))
    }
}

/// What a key is kept under, borrowed.
#[derive(Hash)]
struct KeyName<'a>(&'a Region, KeyId);

impl Equivalent<(Region, KeyId)> for KeyName<'_> {
    fn equivalent(&self, (region, id): &(Region, KeyId)) -> bool {
        self.0 == region && self.1 == *id
    }
}

impl NameOf<(Region, KeyId)> for KeyName<'_> {
    fn to_key(&self) -> (Region, KeyId) {
        (self.0.clone(), self.1)
    }
}

impl Own for KeyId {}

/// Keys, aliases and grants in use.
pub(crate) struct Keyring {
    keys: ReadThrough<(Region, KeyId), Local<Key>>,
    aliases: ReadThrough<(AccountId, Region, AliasName), KeyId>,
    /// Grants that are known to be there, for calls that carry their tokens.
    pub(crate) grants: ReadThrough<GrantName, ()>,
    pub(crate) last_uses: LastUses,
}

impl Keyring {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            keys: ReadThrough::new(capacity),
            aliases: ReadThrough::new(capacity),
            grants: ReadThrough::new(capacity),
            last_uses: LastUses::default(),
        }
    }
}

impl Env {
    /// The KMS key with that id in that Region, whatever account it belongs to.
    pub(crate) async fn key(&self, region: &Region, id: KeyId) -> Result<Option<Local<Key>>, Error> {
        match self.keyring.keys.kept(&KeyName(region, id)) {
            Some(key) if key.good_until.is_none() => Ok(Some(key)),
            _ => Box::pin(self.key_of_now(region, id)).await,
        }
    }

    async fn key_of_now(&self, region: &Region, id: KeyId) -> Result<Option<Local<Key>>, Error> {
        let name = (region.clone(), id);
        let key = self.keyring.keys.get_or_load(&name, || self.load_key(region, id)).await?;
        if key.as_ref().and_then(|key| key.good_until).is_some_and(|end| end <= self.clock.now()) {
            self.keyring.keys.forget(&name);
            return self.keyring.keys.get_or_load(&name, || self.load_key(region, id)).await;
        }
        Ok(key)
    }

    async fn load_key(&self, region: &Region, id: KeyId) -> Result<Option<Local<Key>>, Error> {
        let Some(held) = self.vault.read::<KeyRecord>(&place::key(region, id)?).await? else {
            return Ok(None);
        };
        let key = Key::new(&self.settings.partition, held.record, held.version)?;
        let KeyRecord { account, stored_in, .. } = &key.record;
        let store = match stored_in {
            Some(stored_in) => self.key_store(*account, region, &stored_in.store).await?,
            None => None,
        };
        let last_use = self.keyring.last_uses.of(region, id);
        Ok(Some(Local::new(key.in_store(store).seen_at(self.clock.now(), last_use))))
    }

    /// The key an alias points to.
    pub(crate) async fn alias_target(
        &self,
        account: AccountId,
        region: &Region,
        name: &AliasName,
    ) -> Result<Option<KeyId>, Error> {
        let load = || async {
            let place = place::alias(account, region, name.as_str())?;
            Ok::<_, Error>(self.vault.read::<AliasRecord>(&place).await?.map(|held| held.record.target))
        };
        self.keyring.aliases.get_or_load(&(account, region.clone(), name.clone()), load).await
    }

    /// Commits the changes and makes sure that no later call sees what they replaced. Whatever the outcome:
    /// after a failed commit the store may hold either.
    pub(crate) async fn commit(&self, mut changes: Changes) -> Result<(), VaultError> {
        let touched: Vec<(RecordKey, bool)> =
            changes.places().map(|(place, put)| (place.clone(), put)).collect();
        // Given back when what they stand for has been counted.
        let _reserved = changes.take_reserved();
        let committed = self.vault.commit(changes).await;
        for (place, put) in &touched {
            self.forget(place);
            if self.settings.keys_per_region.is_some() {
                match &committed {
                    Ok(()) => self.key_counts.note(place, *put),
                    Err(VaultError::Store(StoreError::Conflict)) => {}
                    Err(_) => self.key_counts.doubt(place),
                }
            }
        }
        committed
    }

    /// Drops what caches hold of the record at `place`.
    pub(crate) fn forget(&self, place: &RecordKey) {
        let Ok(text) = std::str::from_utf8(place.as_bytes()) else { return };
        let mut parts = text.splitn(4, '/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("key"), Some(region), Some(id), None) => {
                if let (Some(region), Ok(id)) = (Region::parse(region), id.parse()) {
                    self.keyring.keys.forget(&(region, id));
                }
            }
            (Some("alias"), Some(account), Some(region), Some(name)) => {
                let parsed = (AccountId::parse(account), Region::parse(region), AliasName::parse(name));
                if let (Some(account), Some(region), Ok(name)) = parsed {
                    self.keyring.aliases.forget(&(account, region, name));
                }
            }
            (Some("grant"), Some(region), Some(key), Some(rest)) => {
                if let (Some(region), Ok(key)) = (Region::parse(region), key.parse()) {
                    self.keyring.keys.forget(&(region.clone(), key));
                    if let Some(id) = rest.strip_prefix("id/").and_then(GrantId::parse) {
                        self.keyring.grants.forget(&GrantName { region, key, id });
                    }
                }
            }
            (Some("key-store"), Some(account), Some(region), Some(id)) => {
                if let (Some(account), Some(region)) = (AccountId::parse(account), Region::parse(region)) {
                    self.forget_key_store(account, region, id);
                }
            }
            (Some("access-key"), Some(id), None, None) => self.credentials.forget(id),
            (Some(kind), Some(account), Some(name), None) => {
                if let Some(account) = AccountId::parse(account) {
                    self.forget_directory(kind, account, name);
                }
            }
            _ => {}
        }
    }
}

impl Env {
    fn forget_directory(&self, kind: &str, account: AccountId, name: &str) {
        match kind {
            "user" => self.principals.forget(account, IdentityKind::User, name),
            "role" => self.principals.forget(account, IdentityKind::Role, name),
            "group" => self.principals.forget_users(account),
            "managed-policy" => self.principals.forget_policy(account, name),
            _ => {}
        }
    }
}

impl Env {
    /// First the key store: a key loaded after this must not see what it was before.
    fn forget_key_store(&self, account: AccountId, region: Region, id: &str) {
        self.key_stores.forget(account, region, id);
        let is_in_it = |key: &Local<Key>| {
            key.record.account == account
                && key.record.stored_in.as_ref().is_some_and(|held| held.store == id)
        };
        self.keyring.keys.forget_where(|_, key| is_in_it(key));
    }
}

/// The ARN of a KMS key.
pub(crate) fn key_arn(partition: &Partition, region: &Region, account: AccountId, id: KeyId) -> String {
    format!("arn:{partition}:kms:{region}:{account}:key/{id}")
}

/// The ARN of an alias, here or elsewhere.
pub(crate) fn alias_arn(
    partition: impl Display,
    region: impl Display,
    account: AccountId,
    name: &AliasName,
) -> String {
    format!("arn:{partition}:kms:{region}:{account}:{name}")
}
