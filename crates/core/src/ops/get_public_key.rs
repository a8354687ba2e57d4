//! GetPublicKey: the public half of an asymmetric KMS key, as DER SubjectPublicKeyInfo. Also of a disabled key,
//! and of one whose imported key material has gone: the public key is its for life.

use reseal_types::KeyRef;
use serde::Serialize;

use super::{
    describe_key::DescribeKeyRequest,
    shape::{Algorithms, Blob},
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, Unsupported},
    operation::{Forms, KeyRule, OpSpec, Operation, Outcome, StateRule, Target},
    permit::Permits,
};

pub(crate) struct GetPublicKey;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetPublicKeyResponse {
    key_id: String,
    public_key: Blob,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    key_usage: &'static str,
    #[serde(flatten)]
    algorithms: Algorithms,
}

impl Operation for GetPublicKey {
    const SPEC: OpSpec = OpSpec {
        name: "GetPublicKey",
        read_only: true,
        asks_outside: false,
        cross_account: true,
        empty_response: false,
        account_action: None,
        keys: &[KeyRule {
            action: "kms:GetPublicKey",
            forms: Forms::Any,
            usage: None,
            states: StateRule::HasPublicKey,
        }],
    };

    type Request = DescribeKeyRequest;
    type Response = GetPublicKeyResponse;

    fn targets(request: &DescribeKeyRequest) -> Result<Vec<Target<'_>>, Error> {
        Ok(vec![Target::Named(KeyRef::parse(request.key_id())?)])
    }

    async fn execute(
        _env: &Env,
        _call: &Call,
        permits: Permits,
        _request: DescribeKeyRequest,
    ) -> Result<Outcome<GetPublicKeyResponse>, Error> {
        let permitted = permits.into_one()?;
        let (key, arn) = (permitted.key(), permitted.arn());
        let Some(public_key) = key.record.public_key.clone() else {
            return Err(Error::Unsupported(Unsupported::NoPublicKey(arn)));
        };
        let (spec, usage) = (key.spec(), key.usage());
        Ok(Outcome::unchanged(GetPublicKeyResponse {
            key_id: arn,
            public_key: Blob(public_key),
            customer_master_key_spec: spec.as_str(),
            key_spec: spec.as_str(),
            key_usage: usage.as_str(),
            algorithms: Algorithms::of(spec, usage),
        }))
    }
}
