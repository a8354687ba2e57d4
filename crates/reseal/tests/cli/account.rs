//! `reseal account` with the service running and without.

use crate::support::*;

fn create(place: &Place, id: &str) -> String {
    let output = place.run(&["account", "create", "--account-id", id, "--name", "n", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn listed(place: &Place) -> Vec<String> {
    let output = place.run(&["account", "list"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).lines().skip(1).map(|line| line[..12].to_owned()).collect()
}

#[test]
fn accounts_are_made_with_and_without_the_service() {
    let place = Place::new();
    let server = place.serve_chosen();
    let made = create(&place, "222233334444");
    assert!(made.starts_with(r#"{"AccountId":"222233334444","AccessKeyId":"AKIA"#), "{made}");
    let secret = made.split(r#""SecretAccessKey":""#).nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(secret.len(), 40);
    assert!(!server.stderr().contains(secret));
    let again = place.run(&["account", "create", "--account-id", "222233334444"]);
    assert_refused(&again, 1, "exists already: choose another account id");
    assert_refused(
        &place.run(&["account", "create", "--account-id", "12"]),
        1,
        "\"12\" is not an account id",
    );
    server.stop();

    create(&place, "333344445555");
    let again = place.run(&["account", "create", "--account-id", "333344445555"]);
    assert_refused(&again, 1, "exists already: choose another account id");
    let all = [ACCOUNT, "222233334444", "333344445555"];
    assert_eq!(listed(&place), all, "stopped");
    let server = place.serve();
    assert_eq!(listed(&place), all, "running again");
    server.stop();
}

#[test]
fn text_output_can_be_pasted() {
    let place = Place::new();
    let server = place.serve();
    let output = place.run(&[
        "account",
        "create",
        "--account-id",
        "222233334444",
        "--access-key-id",
        "AKIACHOSENBYOPERATOR",
    ]);
    let exports = text(&output.stdout);
    assert!(exports.contains("export AWS_ACCESS_KEY_ID='AKIACHOSENBYOPERATOR'\n"), "{exports}");
    server.stop();
}

#[test]
fn a_killed_services_socket_is_not_mistaken_for_a_running_one() {
    let place = Place::new();
    place.serve_chosen().kill();
    assert!(place.data().join("admin.sock").exists());
    create(&place, "222233334444");
    let server = place.serve();
    assert_eq!(listed(&place), [ACCOUNT, "222233334444"]);
    server.stop();
}

#[test]
fn a_mistaken_directory_is_refused() {
    let place = Place::new();
    assert_refused(&place.run(&["account", "list"]), 1, "is not there");
    std::fs::create_dir(place.data()).unwrap();
    set_mode(&place.data(), 0o700);
    assert_refused(&place.run(&["account", "create"]), 1, "holds no store");
    set_mode(&place.data(), 0o755);
    assert_refused(&place.run(&["account", "list"]), 1, "`chmod 700");
    assert_refused(&place.run(&["acount"]), 2, "account");
}
