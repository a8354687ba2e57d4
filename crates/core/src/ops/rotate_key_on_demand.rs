//! RotateKeyOnDemand: gives a symmetric KMS key new key material. What the old material encrypted still decrypts;
//! ReEncrypt moves it to the newest.

use reseal_types::{KeyMaterialId, KeyRef, SecretBytes};
use serde::Serialize;

use super::shape::KeyIdRequest;
use crate::{
    call::Call,
    env::Env,
    error::{Error, Limit, Unsupported},
    multi_region::put_material,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
    quota::room_for_one,
    record::{MaterialEntry, MaterialRecord, RotationKind},
    vault::Changes,
};

pub(crate) struct RotateKeyOnDemand;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RotateKeyOnDemandResponse {
    key_id: String,
}

impl Operation for RotateKeyOnDemand {
    const SPEC: OpSpec = OpSpec {
        name: "RotateKeyOnDemand",
        read_only: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:RotateKeyOnDemand",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Usable,
        }],
    };

    type Request = KeyIdRequest;
    type Response = RotateKeyOnDemandResponse;

    fn targets(request: &KeyIdRequest) -> Result<Vec<Target>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        _request: KeyIdRequest,
    ) -> Result<Outcome<RotateKeyOnDemandResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        if !permitted.is_symmetric() {
            return Err(Error::Unsupported(Unsupported::NoText));
        }
        if !key.is_primary() {
            return Err(Error::Unsupported(Unsupported::NotPrimary(permitted.arn())));
        }
        let mut record = key.record.clone();
        let on_demand = record.materials.iter().filter(|material| material.rotation.is_some()).count();
        let most = env.settings.on_demand_rotations;
        room_for_one(on_demand, most, |_| Limit::OnDemandRotations(permitted.arn()))?;
        let (id, bytes) = new_material(env)?;
        let rotation = Some(RotationKind::OnDemand);
        record.materials.push(MaterialEntry { id, since: env.clock.now(), rotation });
        let mut changes = Changes::default();
        put_material(&mut changes, &record, id, &MaterialRecord(bytes))?;
        changes.put(key.place()?, &record);
        let synchronized =
            env.change_related(&mut changes, &record, |related| related.share(&record)).await?;
        let mut outcome = Outcome::changed(RotateKeyOnDemandResponse { key_id: permitted.arn() }, changes);
        outcome.notes.events.extend(synchronized);
        outcome.notes.elements(|elements| elements.text("keyId", key.arn()));
        Ok(outcome)
    }
}

/// Fresh symmetric key material with an id of its own, random and never used again.
fn new_material(env: &Env) -> Result<(KeyMaterialId, SecretBytes), Error> {
    let id = new_material_id(env)?;
    let bytes = SecretBytes::generate(32, |bytes| env.entropy.fill_secret(bytes))?;
    Ok((id, bytes))
}

/// An id for key material.
pub(super) fn new_material_id(env: &Env) -> Result<KeyMaterialId, Error> {
    let mut id = [0; 32];
    env.entropy.fill_public(&mut id)?;
    Ok(KeyMaterialId(id))
}
