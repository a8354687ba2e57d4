//! The first account of an empty store, and how its credentials reach the operator, once.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use reseal_core::identity::AccountChoice;
use reseal_types::AccountId;
use tracing::info;

use crate::{
    accounts::{self, CreatedAccount},
    config::FirstAccount,
    datadir::{DataDir, write_private},
    service::Service,
};

/// Makes the first account if there is none. `None`: there is one, or the operator chose its secret and needs
/// not be told.
pub(crate) async fn ensure(
    service: &Service,
    chosen: FirstAccount,
    default: Option<AccountId>,
) -> Result<Option<CreatedAccount>> {
    if service.env.has_accounts().await.context("the accounts cannot be read")? {
        return Ok(None);
    }
    let secret_chosen = chosen.secret_access_key.is_some();
    let account = chosen.account_id.as_deref().map(accounts::parse_account).transpose();
    let choice = AccountChoice {
        account: account.context("RESEAL_ACCOUNT_ID")?.or(default),
        access_key_id: chosen.access_key_id,
        secret_access_key: chosen.secret_access_key,
        name: String::new(),
    };
    let new = service.env.create_account(choice).await.map_err(accounts::explain);
    let new = new.context("the first account could not be made")?;
    info!(account = %new.account, access_key_id = new.access_key_id, "made the first account");
    Ok((!secret_chosen).then(|| new.into()))
}

/// Shows the credentials on a terminal; otherwise, since a journal would keep them, writes them to a file that
/// only this user can read and tells its path.
pub(crate) fn announce(account: &CreatedAccount, directory: &DataDir) -> Result<()> {
    let exports = account.as_exports()?;
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        return writeln!(stdout, "The first account's credentials, shown this once:\n\n{exports}")
            .context("the first account's credentials cannot be shown");
    }
    let path = directory.first_account();
    write_private(&path, exports.as_bytes()).with_context(|| {
        format!(
            "the first account {} was made, but its credentials are lost; make another with `reseal account create`",
            account.account_id
        )
    })?;
    // Not a log line: it must be seen at every log level.
    writeln!(std::io::stderr(), "reseal: credentials of the first account are in {}", path.display())?;
    Ok(())
}
