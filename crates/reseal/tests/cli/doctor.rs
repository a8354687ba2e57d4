//! `reseal doctor` on directories in all states of health.

use std::fs;

use crate::support::*;

/// What the doctor printed; whether it was content is checked by its exit code.
fn doctor(place: &Place, content: bool) -> String {
    let output = place.run(&["doctor"]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(i32::from(!content)), "{printed}{}", text(&output.stderr));
    printed
}

/// Turns over one bit of the stored value at this place.
fn damage(place: &Place, key: &str) {
    let database = rusqlite::Connection::open(place.data().join("reseal.db")).unwrap();
    let read = "SELECT value FROM records WHERE key = ?1";
    let mut value: Vec<u8> = database.query_row(read, [key.as_bytes()], |row| row.get(0)).unwrap();
    // A stored value begins with where the sealed bytes begin and how many they are; the rest is padding.
    let (start, length) =
        (u16::from_be_bytes([value[0], value[1]]), u32::from_be_bytes(value[2..6].try_into().unwrap()));
    value[usize::from(start) + length as usize / 2] ^= 1;
    let changed = database.execute("UPDATE records SET value = ?1 WHERE key = ?2", (value, key.as_bytes()));
    assert_eq!(changed.unwrap(), 1);
}

#[test]
fn a_healthy_service_running_and_stopped() {
    let place = Place::new();
    let server = place.serve_chosen();
    let running = doctor(&place, true);
    assert!(running.contains(&format!("service: running (process {})", server.process.id())), "{running}");
    assert!(running.contains("records open\n") && running.contains("problems: 0, warnings: 0"), "{running}");
    server.stop();
    let database = fs::read(place.data().join("reseal.db")).unwrap();
    let stopped = doctor(&place, true);
    assert!(stopped.contains("service: not running") && stopped.contains("records open\n"), "{stopped}");
    assert_eq!(fs::read(place.data().join("reseal.db")).unwrap(), database, "it changes nothing");
}

#[test]
fn json_for_programs() {
    let place = Place::new();
    place.serve().stop();
    let output = place.run(&["doctor", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["Findings"].as_array().unwrap();
    let warning = findings.iter().find(|finding| finding["Level"] == "warning").unwrap();
    assert!(warning["What"].as_str().unwrap().contains("first-account.env"), "{warning}");
    assert!(warning["Mend"].as_str().unwrap().contains("delete"), "{warning}");
}

#[test]
fn an_edited_record_is_named_and_the_rest_works() {
    let place = Place::new();
    place.serve_chosen().stop();
    let account = format!("account/{ACCOUNT}");
    damage(&place, &account);
    let named = format!("record {account} was changed outside the service and is refused");
    assert!(doctor(&place, false).contains(&named));

    let server = place.serve();
    server.await_log(&account);
    assert!(doctor(&place, false).contains(&named), "also by the running service");
    assert!(!place.data().join("first-account.env").exists(), "no second first account");
    let made = place.run(&["account", "create", "--account-id", "222233334444"]);
    assert_eq!(made.status.code(), Some(0));
    server.stop();
}

#[test]
fn a_loose_root_key_is_refused_with_the_mend() {
    let place = Place::new();
    place.serve_chosen().stop();
    let key = place.data().join("root.key");
    set_mode(&key, 0o644);
    let found = doctor(&place, false);
    let mend = format!("chmod 600 {}", key.display());
    assert!(found.contains("PROBLEM") && found.contains("mode 0644") && found.contains(&mend), "{found}");
    assert_refused(&place.run(&["serve", "--listen", "127.0.0.1:0"]), 1, &mend);
}

#[test]
fn a_root_key_is_never_made_anew_beside_a_store() {
    let place = Place::new();
    place.serve_chosen().stop();
    let (key, kept) = (place.data().join("root.key"), place.path("kept"));
    fs::rename(&key, &kept).unwrap();
    assert_refused(
        &place.run(&["serve", "--listen", "127.0.0.1:0"]),
        1,
        "put it back from where you keep its copy",
    );
    assert!(!key.exists());
    assert!(doctor(&place, false).contains("there is no root key file"));

    let other = Place::new();
    other.serve_chosen().stop();
    fs::copy(other.data().join("root.key"), &key).unwrap();
    let wrong = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_refused(&wrong, 1, "put back the root key that belongs to this store");
    assert!(doctor(&place, false).contains("the store does not open with the root key"));

    fs::rename(&kept, &key).unwrap();
    place.serve_chosen().stop();
}

#[test]
fn the_configuration_is_looked_at() {
    let place = Place::new();
    place.serve_chosen().stop();
    let looked = |configuration: &str| {
        let file = place.write("reseal.toml", configuration);
        let output = place.run(&["doctor", "--config", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        text(&output.stdout)
    };
    let unknown = looked("lisen = 'x'");
    assert!(unknown.contains("did you mean `listen`?") && unknown.contains("records open"), "{unknown}");
    assert!(looked("listen = '192.0.2.1:1'").contains("plain HTTP on 192.0.2.1:1"));
    assert!(looked("[tls]\ncertificate = '/nowhere'\nkey = '/nowhere'").contains("/nowhere cannot be used"));

    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2025, 1, 31);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let (crt, key) = (place.write("t.crt", &certificate.pem()), place.write("t.key", &key.serialize_pem()));
    let expired = looked(&format!("[tls]\ncertificate = '{}'\nkey = '{}'", crt.display(), key.display()));
    assert!(expired.contains("expired at 2025-01-31T00:00:00Z"), "{expired}");
}

#[test]
fn files_and_a_torn_audit_record() {
    let place = Place::new();
    place.serve_chosen().stop();
    let audit = place.data().join("audit");
    let segments = fs::read_dir(&audit).unwrap().flatten().map(|entry| entry.path());
    let segment =
        segments.filter(|path| path.extension().is_some_and(|found| found == "jsonl")).max().unwrap();
    fs::write(&segment, "{\"eventID\":").unwrap();
    assert!(doctor(&place, true).contains("was cut short by a crash"));
    set_mode(&segment, 0o640);
    let found = doctor(&place, false);
    assert!(
        found.contains("(mode 0640)") && found.contains(&format!("chmod 600 {}", segment.display())),
        "{found}"
    );
    set_mode(&segment, 0o600);
    place.serve_chosen().stop();
    assert!(doctor(&place, true).contains("ends whole"));
}
