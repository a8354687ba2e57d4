//! DeleteImportedKeyMaterial: destroys imported key material. The KMS key cannot be used until the same key material is
//! imported again.

use reseal_types::{KeyMaterialId, KeyRef, Origin};
use serde::Serialize;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Error, NotFound, Unsupported},
    imported::discard,
    json::JsonObject,
    members::Members,
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct DeleteImportedKeyMaterial;

pub(crate) struct DeleteImportedKeyMaterialRequest {
    key_id: String,
    material_id: Option<KeyMaterialId>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteImportedKeyMaterialResponse {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Request for DeleteImportedKeyMaterialRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { key_id: shape::key_id(members, "KeyId")?, material_id: shape::key_material_id(members)? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.optional_text("keyMaterialId", self.material_id.map(|id| id.to_string()).as_deref());
    }
}

impl Operation for DeleteImportedKeyMaterial {
    const SPEC: OpSpec = OpSpec {
        name: "DeleteImportedKeyMaterial",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:DeleteImportedKeyMaterial",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::External], &StateRule::Any),
        }],
    };

    type Request = DeleteImportedKeyMaterialRequest;
    type Response = DeleteImportedKeyMaterialResponse;

    fn targets(request: &DeleteImportedKeyMaterialRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: DeleteImportedKeyMaterialRequest,
    ) -> Result<Outcome<DeleteImportedKeyMaterialResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        if request.material_id.is_some() && !permitted.is_symmetric() {
            return Err(Error::Unsupported(Unsupported::ParameterOf("KeyMaterialId", key.spec())));
        }
        let entry = match request.material_id {
            None => key.current_material(),
            Some(id) => {
                let known = key.record.materials.iter().find(|entry| entry.id == id);
                Some(known.ok_or_else(|| Error::NotFound(NotFound::KeyMaterial(permitted.arn(), id)))?)
            }
        };
        let mut changes = Changes::default();
        let mut synchronized = None;
        // Expired key material that the job has not come to yet goes now.
        let present = entry.filter(|entry| entry.import.as_ref().is_some_and(|import| import.present));
        if let Some(entry) = present {
            let mut record = key.record.clone();
            synchronized = discard(env, &mut changes, &mut record, entry.id).await?;
            put_key(&mut changes, Some(&key.record), &record)?;
        }
        let key_material_id = entry.filter(|_| permitted.is_symmetric()).map(|entry| entry.id.to_string());
        let response = DeleteImportedKeyMaterialResponse { key_id: permitted.arn(), key_material_id };
        let mut outcome = Outcome::changed(response, changes);
        outcome.notes.events.extend(synchronized);
        let DeleteImportedKeyMaterialResponse { key_id, key_material_id } = &outcome.response;
        outcome.notes.elements(|elements| {
            elements.text("keyId", key_id);
            elements.optional_text("keyMaterialId", key_material_id.as_deref());
        });
        Ok(outcome)
    }
}
