//! Grant tokens: sealed names of grants. A token gives nothing: it lets a caller show that it knows a grant, which
//! counts here as soon as it is made.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reseal_types::{GrantId, KeyId, Region, Reveal};

use crate::{
    env::Env,
    error::Error,
    record::{GrantPointer, place},
    vault::VaultError,
};

/// Which grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GrantName {
    pub(crate) region: Region,
    pub(crate) key: KeyId,
    pub(crate) id: GrantId,
}

const PURPOSE: &str = "grant";

impl Env {
    /// A token for the grant, another one each time.
    pub(crate) fn seal_grant_token(&self, name: &GrantName) -> Result<String, VaultError> {
        let content = format!("{}/{}/{}", name.region, name.key, name.id);
        Ok(URL_SAFE_NO_PAD.encode(self.vault.seal_token(PURPOSE, content.as_bytes())?))
    }

    /// The grant that a token was given for, whether or not it is still there.
    pub(crate) fn open_grant_token(&self, token: &str) -> Result<GrantName, Error> {
        let open = || {
            let content = self.vault.open_token(PURPOSE, &URL_SAFE_NO_PAD.decode(token).ok()?)?;
            let content = std::str::from_utf8(content.reveal(Reveal::ToCaller)).ok()?;
            let mut parts = content.split('/');
            let region = Region::parse(parts.next()?)?;
            Some(GrantName { region, key: parts.next()?.parse().ok()?, id: GrantId::parse(parts.next()?)? })
        };
        open().ok_or(Error::InvalidGrantToken)
    }

    /// Refuses tokens that were not given here, and those of grants that are no more.
    pub(crate) async fn check_grant_tokens(&self, tokens: &[String]) -> Result<(), Error> {
        for token in tokens {
            let name = self.open_grant_token(token)?;
            let load = || async {
                let place = place::grant_by_id(&name.region, name.key, name.id)?;
                Ok::<_, Error>(self.vault.read::<GrantPointer>(&place).await?.map(|_| ()))
            };
            if self.keyring.grants.get_or_load(&name, load).await?.is_none() {
                return Err(Error::InvalidGrantToken);
            }
        }
        Ok(())
    }
}
