//! Keys and aliases that a test suite expects, made at the start of a development server.
//!
//! Only development mode calls this: fixed ids and fixed key material have no place in a service that keeps
//! secrets.

use reseal_crypto::kdf::DerivationKey;
use reseal_types::{
    AccountId, AliasName, KeyId, KeyMaterialId, KeySpec, KeyUsage, Origin, Region, Reveal, SecretBytes,
};

use crate::{
    env::Env,
    error::{Cause, Error},
    key_policy::{check_grammar, default_policy},
    material::{self, Fresh},
    record::{AliasRecord, GrantCount, KeyRecord, Marker, MaterialEntry, MaterialRecord, MultiRegion, place},
    vault::Changes,
};

/// A key to be there.
pub struct SeedKey {
    /// The account that owns it.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// Its id.
    pub id: KeyId,
    /// Its spec.
    pub spec: KeySpec,
    /// Its usage; the spec must allow it.
    pub usage: KeyUsage,
    /// Its description.
    pub description: String,
    /// Aliases that point to it.
    pub aliases: Vec<AliasName>,
    /// Its policy; the default one when absent.
    pub policy: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Fixed key material of a symmetric key, 32 bytes, or of an HMAC key; random when absent.
    pub material: Option<SecretBytes>,
}

impl Env {
    /// Makes the key unless one with its id is there; `false`: it was there.
    ///
    /// # Errors
    /// When the key makes no sense, or the store fails.
    pub async fn seed_key(&self, seed: SeedKey) -> Result<bool, Error> {
        let invalid = |text: &str| Err(Error::Validation(text.to_owned()));
        if self.key(&seed.region, seed.id).await?.is_some() {
            return Ok(false);
        }
        if !seed.spec.allows(seed.usage) {
            return invalid("The usage does not fit the key spec.");
        }
        if seed.material.as_ref().is_some_and(|bytes| !material::fits(seed.spec, bytes)) {
            return invalid("Fixed key material is 32 bytes of a symmetric key, or that of an HMAC key.");
        }
        let SeedKey { account, region, id, .. } = &seed;
        let (account, region, id) = (*account, region.clone(), *id);
        let policy = seed.policy.unwrap_or_else(|| default_policy(self, account));
        check_grammar(self, &policy)?;
        let (bytes, public_key) = self.seed_material(seed.spec, seed.usage, seed.material).await?;
        let material_id = material_id(id, &bytes)?;
        let now = self.clock.now();
        let mut changes = Changes::default();
        for name in &seed.aliases {
            let alias_place = place::alias(account, &region, name.as_str())?;
            changes.expect(alias_place.clone(), None);
            changes.put(alias_place, &AliasRecord { target: id, created: now, updated: now });
        }
        let record = KeyRecord {
            id,
            region: region.clone(),
            account,
            spec: seed.spec,
            usage: seed.usage,
            origin: Origin::AwsKms,
            created: now,
            enabled: true,
            deletion: None,
            description: seed.description,
            policy: policy.into(),
            tags: seed.tags,
            aliases: seed.aliases,
            materials: vec![MaterialEntry::first(material_id, now)],
            rotation: None,
            public_key,
            multi_region: id.is_multi_region().then(|| MultiRegion::alone(region.clone())),
            stored_in: None,
            grants: GrantCount::default(),
        };
        changes.put(place::material(&region, id, material_id)?, &MaterialRecord(bytes));
        changes.put(place::account_key(account, &region, id)?, &Marker);
        changes.put(place::key(&region, id)?, &record);
        self.commit(changes).await?;
        Ok(true)
    }

    async fn seed_material(
        &self,
        spec: KeySpec,
        usage: KeyUsage,
        fixed: Option<SecretBytes>,
    ) -> Result<(SecretBytes, Option<Vec<u8>>), Error> {
        if let Some(bytes) = fixed {
            return Ok((bytes, None));
        }
        let Fresh { bytes, public_key } = material::generate(self, spec, usage).await?;
        Ok((bytes, public_key))
    }
}

/// Follows from key id and key material, so that what an earlier run encrypted under fixed material opens again.
fn material_id(id: KeyId, bytes: &SecretBytes) -> Result<KeyMaterialId, Error> {
    let key = DerivationKey::hmac_sha256(bytes.reveal(Reveal::ToCipher));
    let derived = key.derive::<32>(b"reseal v1 seeded material", id.as_bytes());
    derived
        .map(|bytes| KeyMaterialId(*bytes))
        .map_err(|_| Error::Internal(Cause::Crypto("derivation of an id")))
}
