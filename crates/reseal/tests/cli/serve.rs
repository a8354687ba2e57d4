//! `reseal serve` from outside: start, refusals, reload, stop.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::{fd::OwnedFd, unix::fs::FileTypeExt},
    time::{Duration, Instant},
};

use crate::support::*;
use rustix::{
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

#[test]
fn a_first_start_makes_everything_private() {
    let place = Place::new();
    let server = place.serve();
    assert!(server.get("/_reseal/health/live").starts_with("HTTP/1.1 200"));
    let ready = server.get("/_reseal/health/ready");
    assert!(ready.contains(r#""store":true,"root_key":true,"audit":true"#), "{ready}");

    let data = place.data();
    assert_eq!((mode(&data), mode(&data.join("audit"))), (0o700, 0o700));
    for file in ["root.key", "reseal.db", "lock", "admin.sock", "first-account.env"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    assert!(fs::metadata(data.join("admin.sock")).unwrap().file_type().is_socket());
    let exports = fs::read_to_string(data.join("first-account.env")).unwrap();
    assert!(exports.contains("\nexport AWS_ACCESS_KEY_ID='AKIA"), "the file can be sourced");
    let secret = exports.split("AWS_SECRET_ACCESS_KEY='").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(secret.len(), 40);
    assert_eq!(server.stdout(), format!("reseal: listening on {}\n", server.url));
    assert!(server.stderr().contains("first-account.env"));
    assert!(!server.stderr().contains(secret));
    server.stop();
    assert!(!data.join("admin.sock").exists());
}

#[test]
fn on_a_terminal_credentials_are_shown_instead_of_kept() {
    let place = Place::new();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options().read(true).write(true).open(name).unwrap();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut process =
        command.stdout(OwnedFd::from(slave)).stderr(std::process::Stdio::null()).spawn().unwrap();
    drop(command);
    let mut shown = String::new();
    let mut lines = BufReader::new(File::from(terminal));
    while !shown.contains("listening on") {
        assert_ne!(lines.read_line(&mut shown).unwrap(), 0, "{shown}");
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(
        shown.contains("export AWS_ACCESS_KEY_ID='AKIA") && shown.contains("export AWS_SECRET_ACCESS_KEY='")
    );
    assert!(!place.data().join("first-account.env").exists());
}

#[test]
fn a_chosen_first_account_is_not_shown_again() {
    let place = Place::new();
    let server = place.serve_chosen();
    assert!(!place.data().join("first-account.env").exists());
    assert!(!server.stderr().contains(SECRET));
    server.kill();
    let again = place.serve_chosen();
    let list = text(&place.run(&["account", "list", "--output", "json"]).stdout);
    assert_eq!(list.matches("AccountId").count(), 1, "a killed server's directory is taken up again: {list}");
    again.stop();
}

#[test]
fn a_second_service_is_refused_by_name() {
    let place = Place::new();
    let server = place.serve();
    let second = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_refused(&second, 1, &format!("is in use by process {}", server.process.id()));
    assert!(server.get("/_reseal/health/live").starts_with("HTTP/1.1 200"), "the first goes on");
    server.stop();
}

#[test]
fn sigterm_answers_what_was_accepted() {
    let place = Place::new();
    let mut server = place.serve();
    let address = server.address().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: TrentService.ListKeys\r\nContent-Length: 2\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The head must have been read before the order comes: a connection without a request is simply closed.
    std::thread::sleep(Duration::from_millis(300));
    server.signal(Signal::TERM);
    server.await_log("stopping");
    assert_eq!(server.process.try_wait().unwrap(), None);
    stream.write_all(b"}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("MissingAuthenticationTokenException"), "{answer}");
    assert_eq!(server.ended(), Some(0));
    assert!(TcpStream::connect(&address).is_err());
    let audit = fs::read_dir(place.data().join("audit")).unwrap().flatten();
    let audit: String = audit.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect();
    assert!(audit.contains(r#""eventName":"FailedAuthentication""#), "what waited is recorded: {audit}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let place = Place::new();
    let mut server = place.serve();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    server.signal(Signal::TERM);
    server.await_log("stopping");
    let asked = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.ended(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(10), "the drain timeout is 30 seconds");
}

#[test]
fn sighup_says_what_it_did() {
    let place = Place::new();
    let file = place.write("reseal.toml", "[log]\nlevel = 'info'\n");
    let line = ["serve", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()];
    let mut server = Server::start(&place, place.command(&line));
    place.write("reseal.toml", "keys_in_memory = 100\n[log]\nlevel = 'warn'\n");
    server.signal(Signal::HUP);
    server.await_log("takes effect at the next start only setting=\"keys_in_memory\"");
    server.await_log("changed setting=\"log.level\"");
    place.write("reseal.toml", "keys_in_memry = 100\n");
    server.signal(Signal::HUP);
    server.await_log("did you mean `keys_in_memory`?");
    let before = server.stderr().len();
    server.signal(Signal::TERM);
    assert_eq!(server.ended(), Some(0));
    assert!(!server.stderr()[before..].contains("INFO"), "the level changed: {}", server.stderr());
}

#[test]
fn tls_certificates_are_reloaded() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    place.write("tls.crt", &made.cert.pem());
    place.write("tls.key", &made.signing_key.serialize_pem());
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("RESEAL_TLS_CERTIFICATE", place.path("tls.crt")).env("RESEAL_TLS_KEY", place.path("tls.key"));
    let server = Server::start(&place, command);
    assert!(server.url.starts_with("https://127.0.0.1:"));
    server.signal(Signal::HUP);
    server.await_log("read the certificate files again");
    place.write("tls.crt", "nothing");
    server.signal(Signal::HUP);
    server.await_log("the old ones stay in use");
    server.stop();
}

#[test]
fn nothing_is_exposed_by_mistake() {
    let place = Place::new();
    let dev = bare(&["serve", "--dev", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_refused(&dev, 1, "--dev-allow-remote");
    let plain = place.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_refused(&plain, 1, "--allow-plain-http");
    assert!(!place.data().exists(), "refused before anything was made");
    let none = bare(&["serve"]).output().unwrap();
    assert_refused(&none, 1, "no data directory: give --data-dir DIR");
    assert_refused(&bare(&["serve", "--seed", "x"]).output().unwrap(), 2, "--dev");
}

#[test]
fn development_mode_takes_any_credentials_and_a_seed() {
    let place = Place::new();
    let id = "0f0e0d0c-1111-4222-8333-444444444444";
    let seed = place.write(
        "seed.toml",
        &format!(
            "[[account]]\nid = '444455556666'\nname = 'other'\n\n[[key]]\nid = '{id}'\naliases = ['alias/app']\n\
             description = 'seeded'\ntags = {{ team = 'a' }}\n\
             material = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='\n"
        ),
    );
    let line = ["serve", "--dev", "--listen", "127.0.0.1:0", "--seed", seed.to_str().unwrap()];
    let mut command = bare(&line);
    command.env("TMPDIR", place.path(""));
    let server = Server::start(&place, command);
    server.await_log("DEVELOPMENT MODE");
    let answer = dev_call(server.address(), "us-east-1", "DescribeKey", r#"{"KeyId":"alias/app"}"#);
    assert!(answer.contains(&format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{id}")), "{answer}");
    server.stop();
    let left = fs::read_dir(place.path("")).unwrap().flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with("reseal-dev")).collect();
    assert!(left.is_empty(), "{left:?}");

    // With a directory the same seed fits every start.
    for _ in 0..2 {
        Server::start(&place, place.command(&line)).stop();
    }
    let handbook = include_str!("../../../../docs/operations.md");
    let example = handbook.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    place.write("seed.toml", example);
    let server = Server::start(&place, place.command(&line));
    let arn = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let described =
        dev_call(server.address(), "eu-west-1", "DescribeKey", &format!(r#"{{"KeyId":"{arn}"}}"#));
    assert!(described.contains(&format!(r#""Arn":"{arn}""#)), "{described}");
    assert!(text(&place.run(&["account", "list"]).stdout).contains("444455556666"));
    server.stop();

    place.write("seed.toml", "[[key]]\nid = 'x'\n");
    assert_refused(&place.run(&line), 1, "key x: the id is not a key id");
}

#[test]
fn metrics_have_a_listener_of_their_own() {
    let place = Place::new();
    let server = Server::start(
        &place,
        place.command(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]),
    );
    let log = server.stderr();
    let address = log.split("metrics at http://").nth(1).unwrap().split('/').next().unwrap();
    assert!(get(address, "/metrics").contains("reseal_connections"));
    assert!(server.get("/metrics").starts_with("HTTP/1.1 404"));
    server.stop();
}
