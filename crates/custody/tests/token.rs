//! KMS keys in a token of SoftHSM, from their making to their end: the service is in memory and its clock is moved, the
//! token is a real one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    object::{Attribute, AttributeType, ObjectClass},
    session::UserType,
    types::AuthPin,
};
use reseal_core::{
    env::Clock,
    testkit::{BEGINNING, World},
};
use reseal_custody::{Cluster, ClusterSettings, ConfiguredKeyStores};
use reseal_types::{AccountId, Region, Timestamp};
use serde_json::{Value, json};

const TEST: &str = "a_destroyed_kms_key_is_gone_from_the_token";
/// Which part of the test a process does, and the folder with its token. SoftHSM reads where its tokens are from the
/// environment, which a process that is running cannot change safely.
const PART: &str = "RESEAL_TEST_PART";
const FOLDER: &str = "RESEAL_TEST_FOLDER";
const TOKEN: &str = "life";
const PIN: &str = "kmsuser-password";
const CLUSTER: &str = "cluster-key2store3a";
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];

#[test]
fn a_destroyed_kms_key_is_gone_from_the_token() {
    let part = std::env::var_os(PART);
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    match (part.as_ref().and_then(|part| part.to_str()), folder) {
        (Some("life"), Some(folder)) => {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(life(&folder));
        }
        (Some("look"), Some(folder)) => {
            let labels = look();
            fs::write(folder.join("labels"), labels.into_iter().collect::<Vec<_>>().join("\n")).unwrap();
        }
        _ => in_a_new_folder(),
    }
}

/// Makes a token, and lives in a process that knows where it is.
fn in_a_new_folder() {
    let folder = std::env::temp_dir().join(format!("reseal-token-{}", std::process::id()));
    fs::create_dir_all(folder.join("tokens")).unwrap();
    let configuration = format!("directories.tokendir = {}/tokens\nlog.level = ERROR\n", folder.display());
    fs::write(folder.join("softhsm2.conf"), configuration).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let anchor = rcgen::CertificateParams::new(vec!["anchor".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(folder.join("anchor.pem"), anchor.pem()).unwrap();
    let init = ["--init-token", "--free", "--label", TOKEN, "--so-pin", "security-officer", "--pin", PIN];
    let made = Command::new("softhsm2-util")
        .args(init)
        .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
        .output()
        .expect("softhsm2-util is installed");
    assert!(made.status.success(), "{made:?}");
    run("life", &folder);
    fs::remove_dir_all(folder).unwrap();
}

/// Does that part of the test in a process of its own.
fn run(part: &str, folder: &Path) {
    let done = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(PART, part)
        .env(FOLDER, folder)
        .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && told.contains("1 passed"), "{part}: {told}");
}

fn module() -> PathBuf {
    MODULES.iter().map(PathBuf::from).find(|path| path.exists()).expect("SoftHSM is installed")
}

/// The labels of the secret keys in the token.
fn look() -> BTreeSet<String> {
    let module = Pkcs11::new(module()).unwrap();
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let slots = module.get_slots_with_token().unwrap().into_iter();
    let slot = slots.clone().find(|slot| module.get_token_info(*slot).unwrap().label() == TOKEN).unwrap();
    let session = module.open_ro_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::from(PIN.to_owned()))).unwrap();
    let keys = session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap();
    let labels = keys.into_iter().map(|key| {
        let found = session.get_attributes(key, &[AttributeType::Label]).unwrap();
        let [Attribute::Label(label)] = found.as_slice() else { panic!("no label: {found:?}") };
        String::from_utf8(label.clone()).unwrap()
    });
    labels.collect()
}

/// What another process sees in the token now.
fn labels(folder: &Path) -> BTreeSet<String> {
    run("look", folder);
    fs::read_to_string(folder.join("labels")).unwrap().lines().map(str::to_owned).collect()
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        BEGINNING
    }
}

fn set(of: &[&String]) -> BTreeSet<String> {
    of.iter().map(|text| (*text).clone()).collect()
}

async fn change(world: &World, operation: &str, store: &str) {
    world.ask(operation, &json!({"CustomKeyStoreId": store})).await.unwrap();
    while world.env.has_key_store_tasks() {
        work(world).await;
    }
}

async fn work(world: &World) {
    let task = world.env.next_key_store_task().await;
    world.env.work_on_key_store(&task).await.unwrap();
}

fn text(answer: &Value, pointer: &str) -> String {
    answer.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned()
}

async fn life(folder: &Path) {
    let settings = ClusterSettings {
        id: CLUSTER.to_owned(),
        account: AccountId::parse("111122223333").unwrap(),
        region: Region::parse("us-east-1").unwrap(),
        module: module(),
        token: TOKEN.to_owned(),
        trust_anchor: folder.join("anchor.pem"),
        sessions: 2,
        timeout: Duration::from_mins(1),
    };
    let cluster = Cluster::load(settings).unwrap();
    let world =
        World::standing_on(Arc::new(ConfiguredKeyStores::new([], [cluster], Arc::new(Standing)))).await;
    let request = json!({
        "CustomKeyStoreName": "life", "CloudHsmClusterId": CLUSTER, "KeyStorePassword": PIN,
        "TrustAnchorCertificate": fs::read_to_string(folder.join("anchor.pem")).unwrap(),
    });
    let store = text(&world.ask("CreateCustomKeyStore", &request).await.unwrap(), "/CustomKeyStoreId");
    change(&world, "ConnectCustomKeyStore", &store).await;
    assert_eq!(labels(folder), BTreeSet::new());

    let (mut keys, mut blobs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let request = json!({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store});
        let key = text(&world.ask("CreateKey", &request).await.unwrap(), "/KeyMetadata/Arn");
        let blob = world.ask("Encrypt", &json!({"KeyId": key, "Plaintext": "c2VjcmV0"})).await.unwrap();
        blobs.push(text(&blob, "/CiphertextBlob"));
        keys.push(key);
    }
    let [doomed, forgotten, kept] = keys.as_slice() else { panic!("{keys:?}") };
    assert_eq!(labels(folder), set(&[doomed, forgotten, kept]), "labelled with the ARNs");

    world.ask("ScheduleKeyDeletion", &json!({"KeyId": doomed, "PendingWindowInDays": 7})).await.unwrap();
    world.ask("ScheduleKeyDeletion", &json!({"KeyId": forgotten, "PendingWindowInDays": 8})).await.unwrap();
    world.clock.set(BEGINNING.plus_days(6));
    assert_eq!(world.env.do_what_is_due().await.destroyed, 0);
    assert_eq!(labels(folder), set(&[doomed, forgotten, kept]));
    world.clock.set(BEGINNING.plus_days(7));
    assert_eq!(world.env.do_what_is_due().await.destroyed, 1);
    while world.env.has_key_store_tasks() {
        work(&world).await;
    }
    assert_eq!(labels(folder), set(&[forgotten, kept]), "destroyed with its KMS key");
    let gone = world.ask("Decrypt", &json!({"CiphertextBlob": blobs[0]})).await.unwrap_err();
    assert_ne!(gone.code(), "KMSInternalException", "{gone:?}");

    // Out of reach when its time comes, the key material stays for its owner to find.
    change(&world, "DisconnectCustomKeyStore", &store).await;
    world.clock.set(BEGINNING.plus_days(8));
    assert_eq!(world.env.do_what_is_due().await.destroyed, 1);
    while world.env.has_key_store_tasks() {
        work(&world).await;
    }
    change(&world, "ConnectCustomKeyStore", &store).await;
    assert_eq!(labels(folder), set(&[forgotten, kept]));
    let opened = world.ask("Decrypt", &json!({"CiphertextBlob": blobs[2]})).await.unwrap();
    assert_eq!(opened["Plaintext"], "c2VjcmV0");
}
