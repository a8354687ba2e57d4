//! RevokeGrant: takes a grant away. The next call that it would have allowed is refused.

use reseal_policy::ConditionKey;
use reseal_types::KeyRef;

use super::shape;
use crate::{
    call::Call,
    env::Env,
    error::{Error, NotFound},
    grants,
    json::JsonObject,
    members::Members,
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target},
    permit::Permits,
    vault::Changes,
};

pub(crate) struct RevokeGrant;

pub(crate) struct RevokeGrantRequest {
    key_id: String,
    grant_id: String,
    dry_run: bool,
}

impl Request for RevokeGrantRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_id: shape::key_id(members, "KeyId")?,
            grant_id: shape::grant_id(members)?,
            dry_run: members.flag("DryRun")?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        shape::parse_grant_id(&self.grant_id).map(drop)
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("grantId", &self.grant_id);
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Operation for RevokeGrant {
    const SPEC: OpSpec = OpSpec {
        name: "RevokeGrant",
        read_only: false,
        asks_outside: false,
        cross_account: true,
        empty_response: true,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:RevokeGrant",
            forms: Forms::KeyOnly,
            usage: None,
            states: StateRule::Any,
        }],
    };

    type Request = RevokeGrantRequest;
    type Response = ();

    fn targets(request: &RevokeGrantRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(_request: &RevokeGrantRequest, _index: usize) -> Facts<'_> {
        let values = vec![(ConditionKey::GrantIsForAwsResource, "false".to_owned())];
        Facts { values, ..Facts::default() }
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: RevokeGrantRequest,
    ) -> Result<Outcome<()>, Error> {
        let permitted = permits.into_one()?;
        let key = permitted.key();
        let id = shape::parse_grant_id(&request.grant_id)?;
        let grant = env.grant(key, id).await?.ok_or(Error::NotFound(NotFound::Grant(id)))?;
        let mut changes = Changes::default();
        grants::delete(&mut changes, key, &grant)?;
        Ok(Outcome::changed((), changes))
    }
}
