//! ScheduleKeyDeletion: starts the waiting period after which a KMS key and its key material are destroyed.
//!
//! Nothing is destroyed before DeletionDate; `jobs::deletion` does it afterwards. The waiting period of a multi-Region
//! primary starts when its last replica has been destroyed.

use reseal_policy::ConditionKey;
use reseal_types::{KeyRef, KeyState, Timestamp};
use serde::Serialize;

use super::shape::{self, EpochSeconds};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    record::{Deletion, KeyRecord},
    schedule::put_key,
    vault::Changes,
};

pub(crate) struct ScheduleKeyDeletion;

pub(crate) struct ScheduleKeyDeletionRequest {
    key_id: String,
    window_days: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ScheduleKeyDeletionResponse {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<EpochSeconds>,
    key_state: &'static str,
    pending_window_in_days: u32,
}

const DEFAULT_WINDOW_DAYS: u32 = 30;

impl Request for ScheduleKeyDeletionRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let key_id = shape::key_id(members, "KeyId")?;
        let days = members.integer("PendingWindowInDays", Bounds(1, 365))?;
        let window_days = days.and_then(|days| u32::try_from(days).ok()).unwrap_or(DEFAULT_WINDOW_DAYS);
        Ok(Self { key_id, window_days })
    }

    fn check(&self) -> Result<(), Error> {
        // The model says 1 to 365; the service takes less.
        if (7..=30).contains(&self.window_days) {
            return Ok(());
        }
        Err(Error::Validation("PendingWindowInDays must be between 7 and 30".to_owned()))
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.number("pendingWindowInDays", self.window_days.into());
    }
}

impl Operation for ScheduleKeyDeletion {
    const SPEC: OpSpec = OpSpec {
        name: "ScheduleKeyDeletion",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:ScheduleKeyDeletion",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::NotPendingDeletion,
        }],
    };

    type Request = ScheduleKeyDeletionRequest;
    type Response = ScheduleKeyDeletionResponse;

    fn targets(request: &ScheduleKeyDeletionRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &ScheduleKeyDeletionRequest, _index: usize) -> Facts<'_> {
        let window = (ConditionKey::ScheduleKeyDeletionPendingWindowInDays, request.window_days.to_string());
        Facts { values: vec![window], ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: ScheduleKeyDeletionRequest,
    ) -> Result<Outcome<ScheduleKeyDeletionResponse>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let window_days = request.window_days;
        let mut record = key.record.clone();
        // CancelKeyDeletion leaves the key disabled, whatever it was before.
        record.enabled = false;
        let mut changes = Changes::default();
        let due = match &mut record.multi_region {
            Some(set) if key.is_primary() && !set.replicas.is_empty() => {
                set.waiting_days = Some(window_days);
                None
            }
            _ => Some(begin_window(&mut record, env.clock.now(), window_days)),
        };
        put_key(&mut changes, Some(&key.record), &record)?;
        let state = if due.is_some() { KeyState::PendingDeletion } else { KeyState::PendingReplicaDeletion };
        let response = ScheduleKeyDeletionResponse {
            key_id: permitted.arn(),
            deletion_date: due.map(EpochSeconds),
            key_state: state.as_str(),
            pending_window_in_days: window_days,
        };
        let mut outcome = Outcome::changed(response, changes);
        outcome.notes.elements(|elements| {
            elements.text("keyId", key.arn());
            elements.text("keyState", state.as_str());
            elements.optional_text("deletionDate", due.map(|due| due.to_string()).as_deref());
            elements.number("pendingWindowInDays", window_days.into());
        });
        Ok(outcome)
    }
}

/// Starts the deletion window of a key; gives its end.
pub(crate) fn begin_window(record: &mut KeyRecord, now: Timestamp, window_days: u32) -> Timestamp {
    let due = now.plus_days(window_days);
    record.deletion = Some(Deletion { due, window_days });
    due
}
