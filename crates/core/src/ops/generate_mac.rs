//! GenerateMac: the HMAC of a message of up to 4096 bytes.

use reseal_policy::ConditionKey;
use reseal_types::{KeyRef, KeyUsage, MacAlgorithm, Reveal, SecretBytes};
use serde::Serialize;

use super::shape::{self, Blob};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{Facts, Forms, KeyRule, OpSpec, Operation, Outcome, Request, StateRule, Target, UsageRule},
    permit::Permits,
};

pub(crate) struct GenerateMac;

/// What GenerateMac is asked, and most of what VerifyMac is.
pub(crate) struct MacRequest {
    pub(super) key_id: String,
    pub(super) message: SecretBytes,
    pub(super) algorithm: MacAlgorithm,
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateMacResponse {
    mac: Blob,
    mac_algorithm: &'static str,
    key_id: String,
}

impl MacRequest {
    /// What the policies may ask.
    pub(super) fn facts(&self) -> Facts<'_> {
        let values = vec![(ConditionKey::MacAlgorithm, self.algorithm.to_string())];
        Facts { values, ..Facts::default() }
    }

    pub(super) fn message(&self) -> &[u8] {
        self.message.reveal(Reveal::ToCipher)
    }
}

impl Request for MacRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        let message = members.blob("Message", Bounds(1, 4096))?;
        members.require("Message", message.is_some());
        let key_id = shape::key_id(members, "KeyId")?;
        let algorithm = members.required_choice("MacAlgorithm")?;
        shape::grant_tokens(members)?;
        Ok(Self {
            key_id,
            message: SecretBytes::from(message.unwrap_or_default()),
            algorithm: algorithm.unwrap_or(MacAlgorithm::HmacSha256),
            dry_run: members.flag("DryRun")?,
        })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("keyId", &self.key_id);
        parameters.text("macAlgorithm", self.algorithm.as_str());
        if self.dry_run {
            parameters.boolean("dryRun", true);
        }
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

impl Operation for GenerateMac {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateMac",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GenerateMac",
            forms: Forms::Any,
            usage: Some(UsageRule::Needs(KeyUsage::GenerateVerifyMac)),
            states: StateRule::Usable,
        }],
    };

    type Request = MacRequest;
    type Response = GenerateMacResponse;

    fn targets(request: &MacRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(&request.key_id)?)])
    }

    fn facts(request: &MacRequest, _index: usize) -> Facts<'_> {
        request.facts()
    }

    async fn execute(
        env: &Env,
        _call: &Call,
        permits: Permits,
        request: MacRequest,
    ) -> Result<Outcome<GenerateMacResponse>, Error> {
        let key = permits.into_one()?;
        let mac = key.generate_mac(env, request.algorithm, request.message()).await?;
        Ok(Outcome::unchanged(GenerateMacResponse {
            mac: Blob(mac),
            mac_algorithm: request.algorithm.as_str(),
            key_id: key.arn(),
        }))
    }
}
