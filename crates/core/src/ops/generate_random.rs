//! GenerateRandom: random bytes from the service's generator.

use reseal_types::SecretBytes;
use serde::Serialize;

use super::shape::{self, SecretBlob};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
};

pub(crate) struct GenerateRandom;

pub(crate) struct GenerateRandomRequest {
    number_of_bytes: Option<i64>,
    custom_key_store_id: Option<String>,
    recipient: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateRandomResponse {
    plaintext: SecretBlob,
}

impl Request for GenerateRandomRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            number_of_bytes: members.integer("NumberOfBytes", Bounds(1, 1024))?,
            custom_key_store_id: members.text("CustomKeyStoreId", Bounds(1, 64))?,
            recipient: members.structure_present("Recipient")?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.number_of_bytes.is_none() {
            return Err(Error::Validation("NumberOfBytes is required.".to_owned()));
        }
        shape::refuse_recipient(self.recipient)?;
        match &self.custom_key_store_id {
            Some(id) => Err(Error::NoCustomKeyStore(id.clone())),
            None => Ok(()),
        }
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_number("numberOfBytes", self.number_of_bytes);
        parameters.optional_text("customKeyStoreId", self.custom_key_store_id.as_deref());
    }
}

impl Operation for GenerateRandom {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateRandom",
        read_only: true,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:GenerateRandom"),
        keys: &[],
    };

    type Request = GenerateRandomRequest;
    type Response = GenerateRandomResponse;

    async fn execute(
        env: &Env,
        _call: &Call,
        _permits: Permits,
        request: GenerateRandomRequest,
    ) -> Result<Outcome<GenerateRandomResponse>, Error> {
        let length = request.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        let bytes = SecretBytes::generate(length, |bytes| env.entropy.fill_secret(bytes))?;
        Ok(Outcome::unchanged(GenerateRandomResponse { plaintext: SecretBlob(bytes) }))
    }
}
