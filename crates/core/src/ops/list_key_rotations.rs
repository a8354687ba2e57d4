//! ListKeyRotations: the versions of key material of a symmetric KMS key, newest first.

use reseal_types::{KeyRef, Origin};
use serde::Serialize;

use super::shape::{self, EpochSeconds, List, Paging};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    imported::model,
    json::JsonObject,
    keyring::Key,
    members::{Members, ModelEnum},
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    record::{MaterialEntry, RotationKind},
};

pub(crate) struct ListKeyRotations;

pub(crate) struct ListKeyRotationsRequest {
    key_id: String,
    include: Include,
    paging: Paging,
}

/// `IncludeKeyMaterial`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Include {
    All,
    Rotations,
}

impl ModelEnum for Include {
    const ALL: &'static [Self] = &[Self::All, Self::Rotations];

    fn name(self) -> &'static str {
        match self {
            Self::All => "ALL_KEY_MATERIAL",
            Self::Rotations => "ROTATIONS_ONLY",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListKeyRotationsResponse {
    rotations: Vec<RotationsListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

/// The shape of the same name. Members with no value are left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RotationsListEntry {
    key_id: String,
    key_material_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_state: Option<&'static str>,
    key_material_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<EpochSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_date: Option<EpochSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_type: Option<&'static str>,
}

const MOST: i64 = 1_000;
const DEFAULT: u16 = 100;

impl Request for ListKeyRotationsRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            include: members.choice("IncludeKeyMaterial")?.unwrap_or(Include::Rotations),
            paging: Paging::read(members, MOST)?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("includeKeyMaterial", self.include.name());
        self.paging.describe(parameters);
    }
}

impl Operation for ListKeyRotations {
    const SPEC: OpSpec = OpSpec {
        name: "ListKeyRotations",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ListKeyRotations",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Origin(&[Origin::AwsKms, Origin::External], &StateRule::Any),
        }],
    };

    type Request = ListKeyRotationsRequest;
    type Response = ListKeyRotationsResponse;

    fn targets(request: &ListKeyRotationsRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    async fn execute(
        env: &Env,
        call: &Call,
        permits: Permits,
        request: ListKeyRotationsRequest,
    ) -> Result<Outcome<ListKeyRotationsResponse>, Error> {
        let permitted = permits.into_one()?;
        let list = List::new(&Self::SPEC, call, &[&permitted.arn(), request.include.name()]);
        let after = request.paging.after(env, &list)?;
        let limit = request.paging.limit(DEFAULT).into();
        let mut listed = listed(permitted.key(), request.include);
        if let Some(after) = after {
            // The page before ended with this material; what was rotated in since then stands before it.
            let ended = listed.iter().position(|material| material.id.to_string() == after);
            listed.drain(..ended.map_or(listed.len(), |ended| ended + 1));
        }
        let truncated = listed.len() > limit;
        listed.truncate(limit);
        let next_marker = match listed.last() {
            Some(last) if truncated => Some(list.marker(env, &last.id.to_string())?),
            _ => None,
        };
        let pending = pending_state(env, permitted.key()).await?;
        let rotations =
            listed.into_iter().map(|material| entry(permitted.key(), material, pending)).collect();
        Ok(Outcome::unchanged(ListKeyRotationsResponse { rotations, next_marker, truncated }))
    }
}

/// The versions of key material to be listed, newest first. Keys that never rotate have none to tell of.
fn listed(key: &Key, include: Include) -> Vec<&MaterialEntry> {
    if !key.is_symmetric() {
        return Vec::new();
    }
    let wanted = |material: &&MaterialEntry| include == Include::All || material.rotation.is_some();
    key.record.materials.iter().rev().filter(wanted).collect()
}

/// `KeyMaterialState` of what waits for a rotation, if there is any.
async fn pending_state(env: &Env, key: &Key) -> Result<&'static str, Error> {
    let Some(pending) = key.record.pending_material() else { return Ok("") };
    let here = pending.is_here(key.as_of());
    if here && env.is_imported_everywhere(&key.record, pending.id).await? {
        return Ok("PENDING_ROTATION");
    }
    // A key of one Region drops such key material with its bytes.
    Ok("PENDING_MULTI_REGION_IMPORT_AND_ROTATION")
}

fn entry(key: &Key, material: &MaterialEntry, pending: &'static str) -> RotationsListEntry {
    let current = key.current_material().is_some_and(|current| current.id == material.id);
    let import = material.import.as_ref();
    let here = import.filter(|_| material.is_here(key.as_of()));
    RotationsListEntry {
        key_id: key.record.id.to_string(),
        key_material_id: material.id.to_string(),
        key_material_description: import.and_then(|import| import.description.clone()),
        import_state: import.map(|_| if here.is_some() { "IMPORTED" } else { "PENDING_IMPORT" }),
        key_material_state: match (material.is_pending(), current) {
            (true, _) => pending,
            (false, true) => "CURRENT",
            (false, false) => "NON_CURRENT",
        },
        expiration_model: here.map(|_| model(material.expires()).as_str()),
        valid_to: here.and_then(|_| material.expires()).map(EpochSeconds),
        rotation_date: material.rotation.map(|_| EpochSeconds(material.since)),
        rotation_type: material.rotation.map(RotationKind::as_str),
    }
}
