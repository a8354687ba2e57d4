//! VerifyMac: whether an HMAC is that of a message. A wrong one is an error, in the same time wherever it differs.

use reseal_types::{KeyRef, KeyUsage};
use serde::Serialize;

use super::generate_mac::MacRequest;
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct VerifyMac;

pub(crate) struct VerifyMacRequest {
    inner: MacRequest,
    mac: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct VerifyMacResponse {
    key_id: String,
    mac_valid: bool,
    mac_algorithm: &'static str,
}

impl Request for VerifyMacRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let inner = MacRequest::read(members)?;
        let mac = members.blob("Mac", Bounds(1, 6144))?;
        members.require("Mac", mac.is_some());
        Ok(Self { inner, mac: mac.unwrap_or_default() })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        self.inner.describe(parameters);
    }

    fn dry_run(&self) -> bool {
        self.inner.dry_run()
    }
}

impl Operation for VerifyMac {
    const SPEC: OpSpec = OpSpec {
        name: "VerifyMac",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:VerifyMac",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::GenerateVerifyMac)),
            states: StateRule::Usable,
        }],
    };

    type Request = VerifyMacRequest;
    type Response = VerifyMacResponse;

    fn targets(request: &VerifyMacRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.inner.key_id)?)])
    }

    fn facts(request: &VerifyMacRequest, _index: usize) -> Facts<'_> {
        request.inner.facts()
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: VerifyMacRequest,
    ) -> Result<Outcome<VerifyMacResponse>, Error> {
        let key = permits.into_one()?;
        let VerifyMacRequest { inner, mac } = request;
        key.verify_mac(env, inner.algorithm, inner.message(), &mac).await?;
        Ok(Outcome::unchanged(VerifyMacResponse {
            key_id: key.arn(),
            mac_valid: true,
            mac_algorithm: inner.algorithm.as_str(),
        }))
    }
}
