//! ReplicateKey: a replica of a multi-Region primary in another Region, ready as soon as it is answered.

use reseal_policy::ConditionKey;
use reseal_types::{KeyRef, Region};
use serde::Serialize;

use super::{
    shape::{self, KeyMetadata, Tag},
    tag_resource::describe_tags,
};
use crate::{
    call::Call,
    env::Env,
    error::{AlreadyExists, Error, Unsupported},
    json::JsonObject,
    key_policy::{About, NewPolicy, default_policy, values_of_new_key},
    keyring::{Key, key_arn},
    members::Members,
    multi_region::copy_materials,
    operation::{
        Elsewhere, Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, ServiceNote, StateRule, Target,
    },
    permit::Permits,
    record::{GrantCount, KeyRecord, Marker, PolicyText, place},
    vault::Changes,
};

pub(crate) struct ReplicateKey;

pub(crate) struct ReplicateKeyRequest {
    key_id: String,
    replica_region: String,
    policy: Option<String>,
    bypass_lockout_check: Option<bool>,
    description: String,
    tags: Vec<(String, String)>,
}

#[derive(Serialize)]
pub(crate) struct ReplicateKeyResponse {
    #[serde(rename = "ReplicaKeyMetadata")]
    metadata: KeyMetadata,
    #[serde(rename = "ReplicaPolicy")]
    policy: String,
    #[serde(rename = "ReplicaTags")]
    tags: Vec<Tag>,
}

impl Request for ReplicateKeyRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            replica_region: shape::region(members, "ReplicaRegion")?,
            policy: shape::policy(members)?,
            bypass_lockout_check: members.boolean("BypassPolicyLockoutSafetyCheck")?,
            description: members.text("Description", shape::DESCRIPTION)?.unwrap_or_default(),
            tags: shape::tags(members)?.unwrap_or_default(),
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("replicaRegion", &self.replica_region);
        parameters.boolean("bypassPolicyLockoutSafetyCheck", self.bypass_lockout_check.unwrap_or(false));
        parameters.text("description", &self.description);
        parameters.optional_text("policy", self.policy.as_deref());
        if !self.tags.is_empty() {
            describe_tags(parameters, &self.tags);
        }
    }
}

impl ReplicateKeyRequest {
    fn facts(&self, mut values: Vec<(ConditionKey, String)>) -> Facts<'_> {
        if let Some(bypass) = self.bypass_lockout_check {
            values.push((ConditionKey::BypassPolicyLockoutSafetyCheck, bypass.to_string()));
        }
        Facts { tags: &self.tags, values, ..Facts::default() }
    }

    /// The replica's Region: served, and not the primary's.
    fn region(&self, env: &Env, primary: &Key) -> Result<Region, Error> {
        let known = env.settings.regions.get(self.replica_region.as_bytes());
        let region =
            known.ok_or_else(|| Error::Unsupported(Unsupported::Region(self.replica_region.clone())))?;
        if *region == primary.record.region {
            return Err(Error::Validation(
                "The replica Region must be different from the Region of the primary key.".to_owned(),
            ));
        }
        Ok(region.clone())
    }
}

impl Operation for ReplicateKey {
    const SPEC: OpSpec = OpSpec {
        name: "ReplicateKey",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ReplicateKey",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Usable,
        }],
    };

    type Request = ReplicateKeyRequest;
    type Response = ReplicateKeyResponse;

    fn targets(request: &ReplicateKeyRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &ReplicateKeyRequest, _index: usize) -> Facts<'_> {
        request.facts(vec![(ConditionKey::ReplicaRegion, request.replica_region.clone())])
    }

    /// In the Region of the replica the call creates a key, and tags it.
    fn elsewhere<'r>(request: &'r ReplicateKeyRequest, permits: &Permits) -> Option<Elsewhere<'r>> {
        let region = Region::parse(&request.replica_region)?;
        let values = values_of_replica(&permits.keys().next()?.record);
        let mut actions = vec!["kms:CreateKey"];
        if !request.tags.is_empty() {
            actions.push("kms:TagResource");
        }
        Some(Elsewhere { region, actions, facts: request.facts(values) })
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: ReplicateKeyRequest,
    ) -> Result<Outcome<ReplicateKeyResponse>, Error> {
        let permitted = permits.into_one()?;
        let primary = permitted.key();
        if primary.multi_region_type() != Some("PRIMARY") {
            return Err(Error::Unsupported(Unsupported::NotPrimary(permitted.arn())));
        }
        let region = request.region(env, primary)?;
        shape::check_tags(&request.tags, env.settings.tags_per_key)?;
        let (account, id) = (primary.record.account, primary.record.id);
        let arn = key_arn(&env.settings.partition, &region, account, id);
        if env.key(&region, id).await?.is_some() {
            return Err(Error::AlreadyExists(AlreadyExists::Key(arn)));
        }
        let new_policy = NewPolicy {
            text: request.policy.clone().unwrap_or_else(|| default_policy(env, account)),
            key_arn: &arn,
            bypass: request.bypass_lockout_check.unwrap_or(false),
            about: About::NewKey(values_of_replica(&primary.record)),
        };
        let (policy, warnings) = new_policy.check(env, call).await?;
        let mut changes = Changes::default();
        env.reserve_key(account, &region, &mut changes).await?;
        let mut outcome = replicate(env, primary, request, region, policy, changes).await?;
        outcome.notes.warnings = warnings;
        Ok(outcome)
    }
}

/// What conditions may ask about the replica of a primary.
fn values_of_replica(primary: &KeyRecord) -> Vec<(ConditionKey, String)> {
    values_of_new_key(primary.spec, Some(primary.usage), primary.origin, Some("REPLICA"))
}

async fn replicate(
    env: &Env,
    primary: &Key,
    request: ReplicateKeyRequest,
    region: Region,
    policy: PolicyText,
    mut changes: Changes,
) -> Result<Outcome<ReplicateKeyResponse>, Error> {
    let grow = |related: &mut KeyRecord| {
        if let Some(set) = &mut related.multi_region {
            set.add(&region);
        }
    };
    let synchronized = env.change_related(&mut changes, &primary.record, grow).await?;
    let mut grown = primary.record.clone();
    grow(&mut grown);
    changes.put(primary.place()?, &grown);

    // Every field by its name: for each there is a decision whether related keys share it.
    let replica = KeyRecord {
        id: grown.id,
        region: region.clone(),
        account: grown.account,
        spec: grown.spec,
        usage: grown.usage,
        origin: grown.origin,
        created: env.clock.now(),
        enabled: true,
        deletion: None,
        description: request.description,
        policy,
        tags: request.tags,
        aliases: Vec::new(),
        // Imported key material is imported here by its owner.
        materials: grown.shared_materials(&[]),
        rotation: grown.rotation,
        public_key: grown.public_key,
        multi_region: grown.multi_region,
        // No key of a custom key store is a multi-Region key.
        stored_in: None,
        grants: GrantCount::default(),
    };
    copy_materials(env, &mut changes, &primary.record, &replica).await?;
    let (place, account) = (place::key(&region, replica.id)?, replica.account);
    changes.expect(place.clone(), None);
    changes.put(place::account_key(account, &region, replica.id)?, &Marker);
    changes.put(place, &replica);

    let key = Key::new(&env.settings.partition, replica, 0)?;
    let response = ReplicateKeyResponse {
        metadata: KeyMetadata::of(&key, &env.settings.partition),
        policy: key.record.policy.text.clone(),
        tags: key.record.tags.iter().cloned().map(Tag::from).collect(),
    };
    let mut outcome = Outcome::changed(response, changes);
    let ReplicateKeyResponse { metadata, policy, .. } = &outcome.response;
    outcome.notes.elements(|elements| {
        elements.object("replicaKeyMetadata", |object| metadata.describe(object));
        elements.text("replicaPolicy", policy);
    });
    outcome.notes.events.push(ServiceNote {
        name: "CreateKey",
        region,
        account,
        key_arn: key.arn().to_owned(),
        details: Vec::new(),
    });
    outcome.notes.events.extend(synchronized);
    Ok(outcome)
}
