//! UpdatePrimaryRegion: a replica becomes the primary of its multi-Region key, and the primary a replica. No
//! cryptographic operation notices.

use reseal_policy::ConditionKey;
use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Cause, Error, NotFound, Unsupported},
    json::JsonObject,
    keyring::key_arn,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    record::KeyRecord,
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct UpdatePrimaryRegion;

pub(crate) struct UpdatePrimaryRegionRequest {
    key_id: String,
    primary_region: String,
}

impl Request for UpdatePrimaryRegionRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            primary_region: shape::region(members, "PrimaryRegion")?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("primaryRegion", &self.primary_region);
    }
}

impl UpdatePrimaryRegionRequest {
    /// Why no replica was found.
    fn no_replica(&self, env: &Env, primary: &KeyRecord) -> Error {
        let Some(region) = env.settings.regions.get(self.primary_region.as_bytes()) else {
            return Error::Unsupported(Unsupported::Region(self.primary_region.clone()));
        };
        if *region == primary.region {
            return Error::Validation(
                "The new primary Region must be different from the Region of the primary key.".to_owned(),
            );
        }
        let arn = key_arn(&env.settings.partition, region, primary.account, primary.id);
        Error::NotFound(NotFound::Key(arn))
    }
}

const RULE: KeyRule = KeyRule {
    action: "kms:UpdatePrimaryRegion",
    forms: Forms::KeyOnly,
    usage: None,
    states: StateRule::Usable,
};

impl Operation for UpdatePrimaryRegion {
    const SPEC: OpSpec = OpSpec {
        name: "UpdatePrimaryRegion",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: true,
        account_action: None,
        // The current primary, and the replica that takes its place.
        keys: &[RULE, RULE],
    };

    type Request = UpdatePrimaryRegionRequest;
    type Response = ();

    fn targets(request: &UpdatePrimaryRegionRequest) -> Result<Vec<Target<'_>>, Error> {
        let primary = Target::Named(KeyRef::parse(&request.key_id)?);
        Ok(vec![primary, Target::ReplicaOfFirst(&request.primary_region)])
    }

    fn facts(request: &UpdatePrimaryRegionRequest, _index: usize) -> Facts<'_> {
        let values = vec![(ConditionKey::PrimaryRegion, request.primary_region.clone())];
        Facts { values, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: UpdatePrimaryRegionRequest,
    ) -> Result<Outcome<()>, Error> {
        let mut keys = permits.keys().cloned();
        let primary = keys.next().ok_or(Error::Internal(Cause::Crypto("matching of keys to rules")))?;
        let record = &primary.record;
        if primary.multi_region_type() != Some("PRIMARY") {
            return Err(Error::Unsupported(Unsupported::NotPrimary(primary.arn().to_owned())));
        }
        let Some(replica) = keys.next() else { return Err(request.no_replica(env, record)) };
        let region = replica.record.region.clone();
        let promote = |related: &mut KeyRecord| {
            if let Some(set) = &mut related.multi_region {
                set.promote(&region);
            }
        };
        let mut changes = Changes::default();
        let synchronized = env.change_related(&mut changes, record, promote).await?;
        let mut former = record.clone();
        promote(&mut former);
        put_key(&mut changes, Some(record), &former)?;
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.also_in = Some(region);
        // The two keys have their records; any other was brought into step.
        if record.multi_region.as_ref().is_some_and(|set| set.replicas.len() > 1) {
            outcome.notes.events.extend(synchronized);
        }
        Ok(outcome)
    }
}
