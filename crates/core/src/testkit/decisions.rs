//! Users with policies, and decisions made again and again: what benchmarks of authorization need.

use reseal_types::AccountId;

use super::{BEGINNING, World};
use crate::{
    call::Call,
    directory::{Edits, IdentityKind, IdentityRecord},
    error::Error,
    ops::re_encrypt::ReEncrypt,
    pipeline,
};

impl World {
    /// A call of a new user of account 111122223333 with these policies, in us-east-1.
    ///
    /// # Panics
    /// When the user cannot be made: the test cannot go on.
    #[expect(clippy::expect_used, reason = "a user that cannot be made is a failed test")]
    pub async fn user(&self, name: &str, policies: &[&str]) -> Call {
        const ACCOUNT: &str = "111122223333";
        let named =
            policies.iter().enumerate().map(|(index, text)| (format!("p{index}"), (*text).to_owned()));
        let mut user = IdentityRecord {
            kind: IdentityKind::User,
            account: AccountId::parse(ACCOUNT).expect("an account has twelve digits"),
            name: name.to_owned(),
            path: "/".to_owned(),
            id: format!("AIDA{}", name.to_uppercase()),
            created: BEGINNING,
            inline: named.collect(),
            attached: Vec::new(),
            boundary: None,
            tags: Vec::new(),
            access_keys: Vec::new(),
            groups: Vec::new(),
            role: None,
        };
        let mut edits = Edits::default();
        let key = self.env.new_access_key(&mut edits, &user).expect("seeded");
        user.access_keys.push(key.entry.clone());
        edits.create(&user).expect("a user that can be stored");
        self.env.commit(edits.0).await.expect("the store is written");
        let credential = self.env.credential(&key.entry.id, None).await.expect("the store is read");
        let caller = credential.expect("just made").authenticate(|_, _| Ok::<_, ()>(()));
        Call { caller: caller.expect("no signature is asked for"), ..self.call(ACCOUNT, "us-east-1") }
    }

    /// Has a ReEncrypt decided `rounds` times: both keys, everything that a request pays for decisions.
    ///
    /// # Errors
    /// Those of the operation; a refusal too.
    pub async fn decide_re_encrypt(
        &self,
        call: &Call,
        body: &serde_json::Value,
        rounds: u32,
    ) -> Result<(), Error> {
        pipeline::decide::<ReEncrypt>(&self.env, call, body.to_string().as_bytes(), rounds).await
    }
}
