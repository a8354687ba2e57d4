//! GenerateRandom: random bytes from the service's generator, or from that of a cluster.

use reseal_types::SecretBytes;
use serde::Serialize;

use super::{
    connect_custom_key_store::wrong_state,
    shape::{Blob, SecretBlob},
};
use crate::{
    call::Call,
    env::Env,
    error::{Error, Unsupported},
    json::JsonObject,
    key_store::{Backing, KeyStoreFault},
    members::{Bounds, Members},
    operation::{Facts, OpSpec, Operation, Outcome, Request},
    permit::Permits,
    recipient::{self, Recipient, deliver},
};

pub(crate) struct GenerateRandom;

pub(crate) struct GenerateRandomRequest {
    number_of_bytes: Option<i64>,
    custom_key_store_id: Option<String>,
    recipient: Option<Recipient>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GenerateRandomResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<SecretBlob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_for_recipient: Option<Blob>,
}

impl Request for GenerateRandomRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self {
            number_of_bytes: members.integer("NumberOfBytes", Bounds(1, 1024))?,
            custom_key_store_id: members.text("CustomKeyStoreId", Bounds(1, 64))?,
            recipient: Recipient::read(members)?,
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.number_of_bytes.is_none() {
            return Err(Error::Validation("NumberOfBytes is required.".to_owned()));
        }
        Ok(())
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_number("numberOfBytes", self.number_of_bytes);
        parameters.optional_text("customKeyStoreId", self.custom_key_store_id.as_deref());
    }

    fn recipient(&mut self) -> Option<&mut Recipient> {
        self.recipient.as_mut()
    }
}

impl Operation for GenerateRandom {
    const SPEC: OpSpec = OpSpec {
        name: "GenerateRandom",
        read_only: true,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:GenerateRandom"),
        keys: &[],
    };

    type Request = GenerateRandomRequest;
    type Response = GenerateRandomResponse;

    fn facts(request: &GenerateRandomRequest, _index: usize) -> Facts<'_> {
        Facts {
            recipient: recipient::measured(request.recipient.as_ref()),
            key_store: request.custom_key_store_id.as_deref(),
            ..Facts::default()
        }
    }

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: GenerateRandomRequest,
    ) -> Result<Outcome<GenerateRandomResponse>, Error> {
        let length = request.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        let bytes = match &request.custom_key_store_id {
            Some(id) => from_cluster(env, call, id, length).await?,
            None => SecretBytes::generate(length, |bytes| env.entropy.fill_secret(bytes))?,
        };
        let to = request.recipient.as_ref();
        let delivered = deliver(to, bytes)?;
        let mut outcome = Outcome::unchanged(GenerateRandomResponse {
            plaintext: delivered.clear,
            ciphertext_for_recipient: delivered.for_recipient,
        });
        outcome.notes.recipient(to);
        Ok(outcome)
    }
}

async fn from_cluster(env: &Env, call: &Call, id: &str, length: usize) -> Result<SecretBytes, Error> {
    let store = env.known_key_store(call.caller.account(), &call.region, id).await?;
    if let Backing::Proxy(_) = store.record.backing {
        return Err(Error::Unsupported(Unsupported::RandomOfExternalKeyStore));
    }
    if !store.is_connected() {
        return Err(wrong_state(&store, GenerateRandom::SPEC.name));
    }
    let random = match store.backend() {
        Ok(backend) => backend.random(length).await,
        Err(fault) => Err(fault),
    };
    random.map_err(KeyStoreFault::at_random)
}
