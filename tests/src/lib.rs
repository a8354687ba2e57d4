//! One `reseal serve` process for a test, and an AWS SDK client for it.
//!
//! The binary is the one named by `RESEAL_BIN`, or the dev build beside the test. A missing binary fails the test; it never
//! skips it. Nothing here may import another crate of the workspace: what is tested is what a client sees.
#![forbid(unsafe_code)]

mod caller;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{BehaviorVersion, Config, Credentials, Region};

/// The first account of every server that these tests start.
pub const ACCOUNT: &str = "111122223333";
/// Of the account's root user.
const ACCESS_KEY: &str = "AKIARUSTACCOUNT23456";
const SECRET_KEY: &str = "rust-account-secret-for-tests-only-000000";
const START: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_secs(30);

/// Why there is no server to test.
#[derive(Debug)]
pub enum Error {
    /// No file at the place where the binary should be.
    NoBinary(PathBuf),
    /// The process left, or never said that it listens. Carries what it printed.
    NotListening(String),
    /// The process did not leave with status 0 on SIGTERM.
    NotStopped(Option<ExitStatus>),
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBinary(path) => {
                write!(f, "no server binary at {}: cargo build -p reseal, or set RESEAL_BIN", path.display())
            }
            Self::NotListening(printed) => write!(f, "the server does not listen: {printed}"),
            Self::NotStopped(status) => write!(f, "the server did not leave politely: {status:?}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running server with a data directory of its own; killed and removed when dropped.
pub struct Server {
    process: Child,
    folder: PathBuf,
    url: String,
    caller: Credentials,
}

impl Server {
    /// Starts the server on a free loopback port, waits until it says that it listens, and makes the caller.
    pub fn start() -> Result<Self, Error> {
        let binary = binary();
        if !binary.is_file() {
            return Err(Error::NoBinary(binary));
        }
        let folder = fresh_folder()?;
        let printed = folder.join("stdout");
        let process = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("data"))
            .env_clear()
            .env("RESEAL_ACCOUNT_ID", ACCOUNT)
            .env("RESEAL_ROOT_ACCESS_KEY_ID", ACCESS_KEY)
            .env("RESEAL_ROOT_SECRET_ACCESS_KEY", SECRET_KEY)
            .stdin(Stdio::null())
            .stdout(File::create(&printed)?)
            .stderr(File::create(folder.join("stderr"))?)
            .spawn()?;
        let root = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
        let mut server = Self { process, folder, url: String::new(), caller: root };
        server.url = server.wait_until_it_listens(&printed)?;
        if caller_name().as_deref() != Some("root") {
            let address = server.url.trim_start_matches("http://");
            server.caller = caller::new_caller(address, &server.caller)?;
        }
        Ok(server)
    }

    /// An SDK client of the first account's IAM user for these tests (of its root user with `RESEAL_SUITE_CALLER=root`).
    /// It never retries: no failure hides behind a second try.
    pub fn client(&self) -> Client {
        self.client_with(self.caller.secret_access_key())
    }

    /// The same with another secret.
    pub fn client_with(&self, secret: &str) -> Client {
        let access_key = self.caller.access_key_id();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&self.url)
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(access_key, secret, None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    /// SIGTERM; the server must leave with status 0.
    pub fn stop(mut self) -> Result<(), Error> {
        if let Some(pid) = rustix::process::Pid::from_raw(self.process.id().cast_signed()) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(io::Error::from)?;
        }
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Error::NotStopped(Some(status))),
                None => sleep(Duration::from_millis(10)),
            }
        }
        Err(Error::NotStopped(None))
    }

    fn wait_until_it_listens(&mut self, printed: &Path) -> Result<String, Error> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            let text = std::fs::read_to_string(printed)?;
            let line = text.lines().find_map(|line| line.strip_prefix("reseal: listening on "));
            if let Some(url) = line.filter(|_| text.ends_with('\n')) {
                return Ok(url.to_owned());
            }
            if self.process.try_wait()?.is_some() {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        Err(Error::NotListening(std::fs::read_to_string(self.folder.join("stderr"))?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A process that is gone already cannot be killed: there is nothing else to do about either failure here.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by the environment which binary to test")]
fn binary() -> PathBuf {
    let dev_build = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/reseal");
    std::env::var("RESEAL_BIN").map_or_else(|_| dev_build(), PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by the environment who calls")]
fn caller_name() -> Option<String> {
    std::env::var("RESEAL_SUITE_CALLER").ok()
}

fn fresh_folder() -> Result<PathBuf, io::Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("reseal-tests-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder)?;
    Ok(folder)
}
