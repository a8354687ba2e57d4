//! Runs the built program as an operator would, on directories and ports of its own.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const SECRET: &str = "the-secret-of-the-first-account-0123456789";

/// A directory that is removed at the end of its test.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("reseal-cli-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A command on the data directory, in an empty environment.
    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = bare(line);
        command.arg("--data-dir").arg(self.data());
        command
    }

    pub(crate) fn run(&self, line: &[&str]) -> Output {
        self.command(line).output().unwrap()
    }

    /// A server whose first account is made at random.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self, self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// A server whose first account is [`ACCOUNT`] with [`SECRET`].
    pub(crate) fn serve_chosen(&self) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .env("RESEAL_ACCOUNT_ID", ACCOUNT)
            .env("RESEAL_ROOT_ACCESS_KEY_ID", "AKIAFIRSTACCOUNT2345")
            .env("RESEAL_ROOT_SECRET_ACCESS_KEY", SECRET);
        Server::start(self, command)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program in an empty environment.
pub(crate) fn bare(line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reseal"));
    command.env_clear().args(line).stdin(Stdio::null());
    command
}

/// A running `reseal serve`; killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) url: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Server {
    pub(crate) fn start(place: &Place, mut command: Command) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (stdout, stderr) = (place.path(&format!("{number}.out")), place.path(&format!("{number}.err")));
        command.stdout(fs::File::create(&stdout).unwrap()).stderr(fs::File::create(&stderr).unwrap());
        let process = command.spawn().unwrap();
        let mut server = Self { process, url: String::new(), stdout, stderr };
        server.await_listening();
        server
    }

    fn await_listening(&mut self) {
        let started = Instant::now();
        loop {
            let stdout = self.stdout();
            if let Some(line) =
                stdout.strip_prefix("reseal: listening on ").and_then(|rest| rest.strip_suffix('\n'))
            {
                line.clone_into(&mut self.url);
                return;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?}: {}", self.stderr());
            assert!(started.elapsed() < PATIENCE, "did not start: {}", self.stderr());
            sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    pub(crate) fn get(&self, path: &str) -> String {
        get(self.address(), path)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Waits until the log has this text.
    pub(crate) fn await_log(&self, text: &str) {
        let started = Instant::now();
        while !self.stderr().contains(text) {
            assert!(started.elapsed() < PATIENCE, "the log lacks {text:?}: {}", self.stderr());
            sleep(Duration::from_millis(10));
        }
    }

    /// The exit code, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "does not end: {}", self.stderr());
            sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ended(), Some(0), "{}", self.stderr());
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One HTTP exchange, as text.
pub(crate) fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn get(address: &str, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// A KMS call signed with nonsense, as development mode takes it.
pub(crate) fn dev_call(address: &str, region: &str, operation: &str, body: &str) -> String {
    let signature = "0".repeat(64);
    exchange(
        address,
        &format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: TrentService.{operation}\r\nX-Amz-Date: 20260102T030405Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIAANYTHING12345678/20260102/{region}/kms/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Fails with this message on standard error.
pub(crate) fn assert_refused(output: &Output, code: i32, message: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}
