//! The servers under measurement: separate processes, so that the kernel accounts their CPU apart.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::tidy::workspace_root;

/// Ticks per second of the times in /proc, fixed by the kernel's interface on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Credentials of the account that the benchmark makes for itself.
pub(super) const ACCESS_KEY_ID: &str = "AKIABENCHBENCHBENCH2";
pub(super) const SECRET_ACCESS_KEY: &str = "a-secret-for-the-benchmark-alone-1234567";

/// A running server; ended when dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: String,
    data: Option<PathBuf>,
}

impl Server {
    pub(super) fn start_echo() -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("echo");
        Self::start(command, "echo: listening on http://", None)
    }

    /// The service, built as releases are.
    pub(super) fn start_reseal() -> Result<Self> {
        let root = workspace_root()?;
        let mut build = Command::new(root.join("scripts/release.sh"));
        build.args(["build", "--release", "--locked", "--quiet", "-p", "reseal"]).current_dir(&root);
        if !build.status()?.success() {
            bail!("the service does not build");
        }
        Self::start_service(&root.join("target/release/reseal"))
    }

    /// A build of the service over an empty data directory, with its default settings.
    pub(super) fn start_service(binary: &Path) -> Result<Self> {
        let data = env::temp_dir().join(format!("reseal-bench-{}", std::process::id()));
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
        command.env("RESEAL_ACCOUNT_ID", "111122223333");
        command.env("RESEAL_ROOT_ACCESS_KEY_ID", ACCESS_KEY_ID);
        command.env("RESEAL_ROOT_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        Self::start(command, "reseal: listening on http://", Some(data))
    }

    fn start(mut command: Command, announcement: &str, data: Option<PathBuf>) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("its output is piped")?;
        for line in BufReader::new(output).lines() {
            if let Some(address) = line?.strip_prefix(announcement) {
                return Ok(Self { child, address: address.to_owned(), data });
            }
        }
        bail!("the server ended before it could serve")
    }

    /// Ends it in order.
    pub(super) fn end(mut self) -> Result<()> {
        let told = Command::new("sh").args(["-c", "kill $0", &self.child.id().to_string()]).status()?;
        ensure!(told.success() && self.child.wait()?.success(), "the server did not end in order");
        Ok(())
    }

    /// CPU seconds used so far, in user space and in the kernel.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field, a name in parentheses, may contain anything; count from behind it.
        let (_, rest) = stat.rsplit_once(')').context("/proc/PID/stat")?;
        let mut ticks = rest.split_whitespace().skip(11).map(str::parse::<f64>);
        let mut next = || ticks.next().context("/proc/PID/stat")?.context("a number");
        Ok((next()? + next()?) / TICKS_PER_SECOND)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a server that will not end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(data) = &self.data {
            let _ = fs::remove_dir_all(data);
        }
    }
}
