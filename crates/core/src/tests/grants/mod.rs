//! Grants: making, using, listing and ending them.

mod ending;
mod listing;
mod making;
mod meaning;
mod using;

use super::*;
use crate::call::Call;

const OWNER: &str = "111122223333";
const GUEST: &str = "444455556666";
const THIRD: &str = "777788889999";

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn guest(world: &World) -> Call {
    world.call(GUEST, "us-east-1")
}

/// Makes a grant for the guest and gives its id and token.
async fn grant(world: &World, key: &str, operations: Value, more: Value) -> (String, String) {
    let mut request = json!({"KeyId": key, "GranteePrincipal": root(GUEST), "Operations": operations});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = world.ask("CreateGrant", &request).await.unwrap();
    (text(&made, "/GrantId"), text(&made, "/GrantToken"))
}

async fn encrypt_as(world: &World, call: &Call, key: &str, context: Value) -> Result<Value, Error> {
    let request = json!({"KeyId": key, "Plaintext": "c2VjcmV0", "EncryptionContext": context});
    world.ask_as(call, "Encrypt", &request).await
}
