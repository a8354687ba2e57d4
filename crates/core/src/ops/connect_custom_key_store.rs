//! ConnectCustomKeyStore: has the service connect a key store. The answer comes first; how it went is shown by
//! DescribeCustomKeyStores.

use serde::Serialize;

use super::shape::key_store::key_store_id;
use crate::{
    call::Call,
    env::Env,
    error::{Error, KeyStoreRefusal},
    json::JsonObject,
    key_store::{Backing, HeldStore, KeyStoreFault},
    members::Members,
    operation::{OpSpec, Operation, Outcome, Request},
    permit::Permits,
    record::Connection,
    vault::Changes,
};

pub(crate) struct ConnectCustomKeyStore;

/// A request that only names a custom key store.
pub(crate) struct KeyStoreRequest {
    pub(super) id: String,
}

/// `{}`
#[derive(Serialize)]
pub(crate) struct NoProperties {}

impl Request for KeyStoreRequest {
    fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        Ok(Self { id: key_store_id(members)? })
    }

    fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.text("customKeyStoreId", &self.id);
    }
}

impl Operation for ConnectCustomKeyStore {
    const SPEC: OpSpec = OpSpec {
        name: "ConnectCustomKeyStore",
        read_only: false,
        asks_outside: true,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:ConnectCustomKeyStore"),
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
            Connection::Disconnecting | Connection::Failed(_) => Err(wrong_state(&store, Self::SPEC.name)),
            Connection::Connecting | Connection::Connected => switch(&store, store.record.connection),
            Connection::Disconnected => {
                // Only of a cluster can the model say at once that nothing will come of it.
                if let (Backing::Cluster(_), Ok(backend)) = (&store.record.backing, store.backend()) {
                    let asked = env.on_own_behalf(Self::SPEC.name)?;
                    backend.check(&asked).await.map_err(KeyStoreFault::at_setup)?;
                }
                switch(&store, Connection::Connecting)
            }
        }
    }
}

/// Brings the key store into another state; the rest is done after the commit.
pub(super) fn switch(store: &HeldStore, connection: Connection) -> Result<Outcome<NoProperties>, Error> {
    let mut changes = Changes::default();
    if store.record.connection != connection {
        let mut record = store.record.clone();
        record.connection = connection;
        store.replace(&record, &mut changes)?;
    }
    let mut outcome = Outcome::changed(NoProperties {}, changes);
    store.record.note(&mut outcome.notes);
    Ok(outcome)
}

/// The connection state stands in the way.
pub(super) fn wrong_state(store: &HeldStore, operation: &str) -> Error {
    let (id, state) = (&store.record.id, store.record.connection.as_str());
    let words = format!("Custom key store {id} is {state}, which is not valid for {operation}.");
    Error::KeyStore(KeyStoreRefusal::InvalidState, words.into())
}
