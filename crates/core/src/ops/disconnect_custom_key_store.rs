//! DisconnectCustomKeyStore: from the answer on, no KMS key of the key store can be used.

use super::connect_custom_key_store::{KeyStoreRequest, NoProperties, switch, wrong_state};
use crate::{
    call::Call,
    env::Env,
    error::Error,
    operation::{OpSpec, Operation, Outcome},
    permit::Permits,
    record::Connection,
};

pub(crate) struct DisconnectCustomKeyStore;

impl Operation for DisconnectCustomKeyStore {
    const SPEC: OpSpec = OpSpec {
        name: "DisconnectCustomKeyStore",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:DisconnectCustomKeyStore"),
        keys: &[],
    };

    type Request = KeyStoreRequest;
    type Response = NoProperties;

    async fn execute(
        env: &Env,
        call: &Call,
        _permits: Permits,
        request: KeyStoreRequest,
    ) -> Result<Outcome<NoProperties>, Error> {
        let store = env.known_key_store(call.caller.account(), &call.region, &request.id).await?;
        match store.record.connection {
            Connection::Disconnecting | Connection::Disconnected => Err(wrong_state(&store, Self::SPEC.name)),
            Connection::Connecting | Connection::Connected | Connection::Failed(_) => {
                switch(&store, Connection::Disconnecting)
            }
        }
    }
}
