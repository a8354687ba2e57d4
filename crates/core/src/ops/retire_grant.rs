//! RetireGrant: a grant is ended by those whom it names for that, wherever they are.

use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Error, NotFound},
    grants,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Forms, GrantRef, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct RetireGrant;

pub(crate) struct RetireGrantRequest {
    token: Option<String>,
    key_id: Option<String>,
    grant_id: Option<String>,
    dry_run: bool,
}

impl Request for RetireGrantRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            token: members.sensitive_text("GrantToken", Bounds(1, 8192), None)?,
            key_id: shape::optional_key_id(members, "KeyId")?,
            grant_id: shape::optional_grant_id(members)?,
            dry_run: members.flag("DryRun")?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        match (&self.token, &self.key_id, &self.grant_id) {
            (Some(_), None, None) => Ok(()),
            (None, Some(_), Some(id)) => shape::parse_grant_id(id).map(drop),
            _ => Err(Error::Validation(
                "Either GrantToken, or both KeyId and GrantId, must be specified.".to_owned(),
            )),
        }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_text("keyId", self.key_id.as_deref());
        parameters.optional_text("grantId", self.grant_id.as_deref());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl RetireGrantRequest {
    fn grant(&self) -> Result<GrantRef<'_>, Error> {
        match (&self.token, &self.grant_id) {
            (Some(token), _) => Ok(GrantRef::Token(token)),
            (None, id) => Ok(GrantRef::Id(shape::parse_grant_id(id.as_deref().unwrap_or_default())?)),
        }
    }
}

impl Operation for RetireGrant {
    const SPEC: OpSpec = OpSpec {
        name: "RetireGrant",
        read_only: false,
        asks_outside: false,
        cross_account: true,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:RetireGrant",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = RetireGrantRequest;
    type Response = ();

    fn targets(request: &RetireGrantRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![match (&request.token, &request.key_id) {
            (Some(token), _) => Target::OfGrantToken(token),
            (None, key) => Target::Named(KeyRef::parse(key.as_deref().unwrap_or_default())?),
        }])
    }

    fn retires(request: &RetireGrantRequest) -> Result<Option<GrantRef<'_>>, Error> {
        request.grant().map(Some)
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: RetireGrantRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let id = request.grant()?.id(env)?;
        let grant = env.grant(key, id).await?.ok_or(Error::NotFound(NotFound::Grant(id)))?;
        let mut changes = Changes::default();
        grants::delete(&mut changes, key, &grant)?;
        let mut outcome = Outcome::changed((), changes);
        outcome.notes.text("grantId", id.to_string());
        Ok(outcome)
    }
}
