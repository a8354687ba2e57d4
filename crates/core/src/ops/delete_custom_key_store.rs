//! DeleteCustomKeyStore: forgets a disconnected key store that contains no KMS keys. What it stood on stays as it is.

use super::connect_custom_key_store::{KeyStoreRequest, NoProperties, wrong_state};
use crate::{
    call::Call,
    env::Env,
    error::{Error, KeyStoreRefusal},
    key_store::Siblings,
    operation::{OpSpec, Operation, Outcome},
    permit::Permits,
    record::{Connection, Marker, place},
    vault::Changes,
};

pub(crate) struct DeleteCustomKeyStore;

impl Operation for DeleteCustomKeyStore {
    const SPEC: OpSpec = OpSpec {
        name: "DeleteCustomKeyStore",
        read_only: false,
        asks_outside: false,
        cross_account: false,
        empty_response: false,
        account_action: Some("kms:DeleteCustomKeyStore"),
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
        let (account, region) = (call.caller.account(), &call.region);
        let siblings = Siblings::read(env, account, region).await?;
        let store = env.known_key_store(account, region, &request.id).await?;
        if store.record.connection != Connection::Disconnected {
            return Err(wrong_state(&store, Self::SPEC.name));
        }
        // A key is made only in a key store that is connected, and its commit expects that very version of it. So
        // whichever key there can be at the commit below is there now.
        let prefix = place::key_store_keys_prefix(account, region, &request.id);
        if !env.vault.scan::<Marker>(&prefix, None, 1).await?.0.is_empty() {
            let words = format!("Custom key store {} contains KMS keys.", request.id);
            return Err(Error::KeyStore(KeyStoreRefusal::HasKeys, words.into()));
        }
        let mut changes = Changes::default();
        siblings.guard(&mut changes);
        changes.expect(store.place()?, Some(store.version));
        // Its record holds a password.
        changes.destroy(store.place()?);
        let mut outcome = Outcome::changed(NoProperties {}, changes);
        store.record.note(&mut outcome.notes);
        Ok(outcome)
    }
}
