//! ImportKeyMaterial: key material made elsewhere, durable before it is said to be here.
//!
//! A key keeps to the key material it once had: asymmetric and HMAC keys to one for life, symmetric keys to all that
//! were ever current. New key material of a symmetric key waits for RotateKeyOnDemand.

use reseal_policy::ConditionKey;
use reseal_types::{ExpirationModel, ImportType, KeyMaterialId, KeyRef, Origin, Timestamp};
use serde::Serialize;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Error, Unsupported},
    import_token::ImportToken,
    imported::{Import, admit, take_out},
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::{Permits, Permitted},
    record::{MaterialRecord, place},
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct ImportKeyMaterial;

pub(crate) struct ImportKeyMaterialRequest {
    key_id: String,
    token: Vec<u8>,
    encrypted: Vec<u8>,
    valid_to: Option<Timestamp>,
    model: Option<ExpirationModel>,
    kind: Option<ImportType>,
    description: Option<String>,
    material_id: Option<KeyMaterialId>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImportKeyMaterialResponse {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

/// The longest time for which key material can be here before it expires.
const MOST_DAYS: u32 = 365;

impl Request for ImportKeyMaterialRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            token: members.required_blob("ImportToken", Bounds(1, 6_144))?,
            encrypted: members.required_blob("EncryptedKeyMaterial", Bounds(1, 6_144))?,
            valid_to: members.timestamp("ValidTo")?,
            model: members.choice("ExpirationModel")?,
            kind: members.choice("ImportType")?,
            description: description(members)?,
            material_id: shape::key_material_id(members)?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let invalid = |text: &str| Err(Error::Validation(text.to_owned()));
        match (self.model.unwrap_or(ExpirationModel::Expires), self.valid_to) {
            (ExpirationModel::Expires, None) => {
                return invalid("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES");
            }
            (ExpirationModel::DoesNotExpire, Some(_)) => {
                return invalid(
                    "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
                );
            }
            _ => {}
        }
        if self.kind == Some(ImportType::New) && self.material_id.is_some() {
            return invalid("You cannot specify a KeyMaterialId with ImportType set to NEW_KEY_MATERIAL");
        }
        Ok(())
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("expirationModel", self.model.unwrap_or(ExpirationModel::Expires).as_str());
        parameters.optional_text("validTo", self.valid_to.map(|end| end.to_string()).as_deref());
        parameters.optional_text("importType", self.kind.map(ImportType::as_str));
        parameters.optional_text("keyMaterialId", self.material_id.map(|id| id.to_string()).as_deref());
        parameters.optional_text("keyMaterialDescription", self.description.as_deref());
    }
}

fn description(members: &mut Members<'_>) -> Result<Option<String>, Error> {
    const PATTERN: &str = r"^[a-zA-Z0-9:/_\s.-]+$";
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '_' | '.' | '-' | ' ' | '\t'..='\r');
    // The model allows no characters at all and asks for one: none is the way to drop a description.
    members.patterned_text("KeyMaterialDescription", Bounds(0, 256), PATTERN, |text| text.chars().all(legal))
}

impl ImportKeyMaterialRequest {
    /// These parameters are for symmetric encryption keys.
    fn check_kind(&self, permitted: &Permitted) -> Result<(), Error> {
        let given = [
            ("ImportType", self.kind.is_some()),
            ("KeyMaterialDescription", self.description.is_some()),
            ("KeyMaterialId", self.material_id.is_some()),
        ];
        let given = given.iter().find(|(_, given)| *given).filter(|_| !permitted.is_symmetric());
        match given {
            Some((name, _)) => {
                Err(Error::Unsupported(Unsupported::ParameterOf(name, permitted.key().spec())))
            }
            None => Ok(()),
        }
    }

    fn check_end(&self, now: Timestamp) -> Result<(), Error> {
        match self.valid_to {
            Some(end) if end <= now => {
                Err(Error::Validation("The validTo date must be in the future".to_owned()))
            }
            Some(end) if end > now.plus_days(MOST_DAYS) => {
                Err(Error::Validation(format!("The validTo date must be at most {MOST_DAYS} days from now")))
            }
            _ => Ok(()),
        }
    }
}

impl Operation for ImportKeyMaterial {
    const SPEC: OpSpec = OpSpec {
        name: "ImportKeyMaterial",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ImportKeyMaterial",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::External], &StateRule::NotPendingDeletion),
        }],
    };

    type Request = ImportKeyMaterialRequest;
    type Response = ImportKeyMaterialResponse;

    fn targets(request: &ImportKeyMaterialRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &ImportKeyMaterialRequest, _index: usize) -> Facts<'_> {
        let model = request.model.map(|model| (ConditionKey::ExpirationModel, model.to_string()));
        let valid_to = request.valid_to.map(|end| (ConditionKey::ValidTo, end.seconds().to_string()));
        Facts { values: model.into_iter().chain(valid_to).collect(), ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: ImportKeyMaterialRequest,
    ) -> Result<Outcome<ImportKeyMaterialResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        request.check_kind(&permitted)?;
        request.check_end(env.clock.now())?;
        let token = ImportToken::open(env, &key.record, &request.token)?;
        let material = take_out(env, &key.record, token, request.encrypted).await?;
        let id = material.id;
        let import = Import {
            id,
            kind: request.kind,
            expected: request.material_id,
            valid_to: request.valid_to,
            description: request.description,
        };
        let mut record = key.record.clone();
        let shared = admit(&mut record, import, permitted.arn(), env.clock.now())?;
        record.public_key = material.public_key;
        let mut changes = Changes::default();
        changes.put(place::material(&record.region, record.id, id)?, &MaterialRecord(material.bytes));
        put_key(&mut changes, Some(&key.record), &record)?;
        let synchronized = if shared {
            env.change_related(&mut changes, &record, |related| related.share(&record)).await?
        } else {
            None
        };
        let key_material_id = permitted.is_symmetric().then(|| id.to_string());
        let response = ImportKeyMaterialResponse { key_id: permitted.arn(), key_material_id };
        let mut outcome = Outcome::changed(response, changes);
        outcome.notes.events.extend(synchronized);
        let ImportKeyMaterialResponse { key_id, key_material_id } = &outcome.response;
        outcome.notes.elements(|elements| {
            elements.text("keyId", key_id);
            elements.optional_text("keyMaterialId", key_material_id.as_deref());
        });
        Ok(outcome)
    }
}
