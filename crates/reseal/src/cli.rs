//! The command line: what can be typed, and nothing about what it does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A key management service that speaks the AWS KMS API.
#[derive(Debug, Parser)]
#[command(name = "reseal", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Directory that holds the store, the root key and the audit log
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How to print data
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// For programs: one JSON document
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service
    Serve(Serve),
    /// Accounts and their root credentials
    #[command(subcommand)]
    Account(Account),
    /// Say why a call is allowed or refused: a question, or a call in the audit log
    Explain(Explain),
    /// Look for what is wrong with configuration, clock, files, store and root key
    Doctor,
}

/// Flags of `reseal serve`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Serve {
    /// Address to answer on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// Address for Prometheus metrics, off by default
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics_listen: Option<String>,
    /// Answer without TLS on addresses other than loopback
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    /// Development mode: accept any well-formed credentials as root, keep everything in memory unless --data-dir is given
    #[arg(long)]
    pub(crate) dev: bool,
    /// Let development mode answer on addresses other than loopback
    #[arg(long, requires = "dev")]
    pub(crate) dev_allow_remote: bool,
    /// Create the accounts, keys and aliases of this TOML file (development mode only)
    #[arg(long, value_name = "FILE", requires = "dev")]
    pub(crate) seed: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account; its root credentials are shown this once
    Create(CreateAccount),
    /// List accounts
    List,
}

/// Flags of `reseal explain`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Explain {
    /// ARN of an account's root, a user, a role, or a session of a role
    #[arg(long, value_name = "ARN", required_unless_present = "event")]
    pub(crate) principal: Option<String>,
    /// Action, such as kms:Decrypt or ReEncryptTo
    #[arg(long, value_name = "NAME", required_unless_present = "event")]
    pub(crate) action: Option<String>,
    /// Key id, key ARN, alias name or alias ARN; left out for actions on no key
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Region, where the name of the key does not tell it
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Pair of the encryption context; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<String>,
    /// Value of a condition key, such as aws:SourceIp=10.1.2.3; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) value: Vec<String>,
    /// For RetireGrant: id of the grant
    #[arg(long, value_name = "ID")]
    pub(crate) grant: Option<String>,
    /// For actions on no key: ARN of what they are done to, such as an alias
    #[arg(long, value_name = "ARN", conflicts_with = "key")]
    pub(crate) resource: Option<String>,
    /// File with the session policy of a role's session
    #[arg(long, value_name = "FILE")]
    pub(crate) session_policy: Option<PathBuf>,
    /// Event id of an audit record: explain the decisions of that call
    #[arg(long, value_name = "ID", conflicts_with_all = ["principal", "action", "key", "region", "context", "value", "grant", "resource", "session_policy"])]
    pub(crate) event: Option<String>,
}

/// Flags of `reseal account create`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CreateAccount {
    /// 12 digits; made at random when left out
    #[arg(long, value_name = "N")]
    pub(crate) account_id: Option<String>,
    /// A name for people
    #[arg(long, value_name = "S", default_value = "")]
    pub(crate) name: String,
    /// Access key id of the account's root; made at random when left out
    #[arg(long, value_name = "X")]
    pub(crate) access_key_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_flags_go_before_or_after_the_command() {
        for line in [
            ["reseal", "--data-dir", "d", "account", "create", "--output", "json"],
            ["reseal", "account", "create", "--data-dir", "d", "--output", "json"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.common.data_dir, Some("d".into()));
            assert_eq!(cli.common.output, Output::Json);
        }
    }

    #[test]
    fn seed_and_remote_need_dev() {
        for flags in [&["--seed", "f"][..], &["--dev-allow-remote"]] {
            let line = ["reseal", "serve"].iter().chain(flags);
            assert!(Cli::try_parse_from(line.clone()).is_err(), "{flags:?}");
            assert!(Cli::try_parse_from(line.chain(&["--dev"])).is_ok(), "{flags:?}");
        }
    }
}
