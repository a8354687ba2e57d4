//! TLS: versions, protocols, client certificates, and certificates that change while serving.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use reseal_server::{ClientCertificates, Tls, TlsError, TlsFiles};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use crate::kit::{Client, Server, signed};

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("reseal-server-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key as PEM.
fn issue(authority: &Authority, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["kms.test".to_owned()]).unwrap();
    params.extended_key_usages = vec![usage];
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Writes a fresh server certificate.
fn write_server(folder: &Folder, authority: &Authority) {
    let (certificate, key) = issue(authority, ExtendedKeyUsagePurpose::ServerAuth);
    fs::write(folder.file("server.pem"), certificate).unwrap();
    fs::write(folder.file("server.key"), key).unwrap();
}

fn files(folder: &Folder, clients: ClientCertificates) -> TlsFiles {
    TlsFiles { certificates: folder.file("server.pem"), private_key: folder.file("server.key"), clients }
}

fn start(tls: &Arc<Tls>) -> Server {
    let tls = Arc::clone(tls);
    Server::with(|config| config.tls = Some(tls))
}

type Shown = Option<(String, String)>;
type Connected = Result<Client<StreamOwned<ClientConnection, TcpStream>>, rustls::Error>;

fn client_config(authority: &Authority, shown: &Shown, protocols: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn connect(server: &Server, authority: &Authority, shown: &Shown) -> Connected {
    connect_over(server.connect(), authority, shown)
}

fn connect_over(mut stream: TcpStream, authority: &Authority, shown: &Shown) -> Connected {
    let config = Arc::new(client_config(authority, shown, &["http/1.1"]));
    let name = ServerName::try_from("kms.test").unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            return Err(error.downcast().expect("an error of TLS"));
        }
    }
    Ok(Client::new(StreamOwned::new(connection, stream)))
}

#[test]
fn serves_and_records_the_connection() {
    let (folder, authority) = (Folder::new("serves"), authority());
    write_server(&folder, &authority);
    let server = start(&Arc::new(Tls::load(files(&folder, ClientCertificates::NotAsked)).unwrap()));
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let mut client = connect(&server, &authority, &None).unwrap();
    for _ in 0..2 {
        assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
    }
    let details = server.calls()[0]["tlsDetails"].clone();
    assert_eq!(details["tlsVersion"], "TLSv1.3");
    assert!(details["cipherSuite"].as_str().unwrap().starts_with("TLS_AES_"), "{details}");
    assert_eq!(details["clientProvidedHostHeader"], "kms.test");
    // Plain HTTP on a TLS port ends the connection and nothing else.
    let mut plain = server.client();
    plain.write(&signed("ListKeys", "{}").bytes());
    let _ = std::io::Read::read_to_end(plain.stream(), &mut Vec::new());
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
}

#[test]
fn http2_is_agreed_on() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let (folder, authority) = (Folder::new("http2"), authority());
    write_server(&folder, &authority);
    let server = start(&Arc::new(Tls::load(files(&folder, ClientCertificates::NotAsked)).unwrap()));
    crate::kit::wait(async {
        let connector =
            tokio_rustls::TlsConnector::from(Arc::new(client_config(&authority, &None, &["h2", "http/1.1"])));
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let stream = connector.connect(ServerName::try_from("kms.test").unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let _task = tokio::spawn(connection);
        let reply = sender.send_request(crate::http2::convert(&signed("ListKeys", "{}"))).await.unwrap();
        assert_eq!(reply.status(), 200);
    });
    assert_eq!(server.calls()[0]["tlsDetails"]["clientProvidedHostHeader"], "kms.test");
}

#[test]
fn certificates_are_replaced_while_serving() {
    let (folder, first, second) = (Folder::new("reload"), authority(), authority());
    write_server(&folder, &first);
    let tls = Arc::new(Tls::load(files(&folder, ClientCertificates::NotAsked)).unwrap());
    let server = start(&tls);
    let mut old = connect(&server, &first, &None).unwrap();
    assert!(connect(&server, &second, &None).is_err());

    fs::write(folder.file("server.pem"), "nothing").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::NoCertificate(_))));
    assert!(connect(&server, &first, &None).is_ok(), "a failed reload changes nothing");

    write_server(&folder, &second);
    tls.reload().unwrap();
    assert!(connect(&server, &first, &None).is_err());
    let mut new = connect(&server, &second, &None).unwrap();
    assert_eq!(new.send(&signed("ListKeys", "{}")).status, 200);
    assert_eq!(old.send(&signed("ListKeys", "{}")).status, 200, "open connections stay");
}

#[test]
fn client_certificates() {
    let (folder, authority, stranger) = (Folder::new("clients"), authority(), self::authority());
    write_server(&folder, &authority);
    fs::write(folder.file("ca.pem"), authority.pem()).unwrap();
    let good: Shown = Some(issue(&authority, ExtendedKeyUsagePurpose::ClientAuth));
    let bad: Shown = Some(issue(&stranger, ExtendedKeyUsagePurpose::ClientAuth));
    let ca = folder.file("ca.pem");
    for (clients, without_one) in
        [(ClientCertificates::Required(ca.clone()), false), (ClientCertificates::Optional(ca), true)]
    {
        let server = start(&Arc::new(Tls::load(files(&folder, clients)).unwrap()));
        for (shown, expected) in [(&good, true), (&None, without_one), (&bad, false)] {
            // In TLS 1.3 the client is told of its refusal only after its own handshake is done.
            let accepted = connect(&server, &authority, shown).is_ok_and(|mut client| {
                std::io::Write::write_all(client.stream(), &signed("ListKeys", "{}").bytes()).is_ok()
                    && matches!(std::io::Read::read(client.stream(), &mut [0]), Ok(1))
            });
            assert_eq!(accepted, expected);
        }
        // A certificate is no signature.
        if let Ok(mut client) = connect(&server, &authority, &good) {
            assert_eq!(client.send(&crate::kit::call("ListKeys", "{}")).status, 400);
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let (folder, authority) = (Folder::new("files"), authority());
    write_server(&folder, &authority);
    let good = files(&folder, ClientCertificates::NotAsked);
    let error = |files: TlsFiles| Tls::load(files).err().unwrap().to_string();
    let missing = Path::new("/nowhere/at/all.pem");
    for files in [
        TlsFiles { certificates: missing.to_owned(), ..good.clone() },
        TlsFiles { private_key: missing.to_owned(), ..good.clone() },
        TlsFiles { clients: ClientCertificates::Required(missing.to_owned()), ..good.clone() },
    ] {
        assert!(error(files).starts_with("/nowhere/at/all.pem: "));
    }
    let other = KeyPair::generate().unwrap();
    fs::write(folder.file("other.key"), other.serialize_pem()).unwrap();
    let mismatched = error(TlsFiles { private_key: folder.file("other.key"), ..good });
    assert!(mismatched.contains("inconsistent") || mismatched.contains("keys may not"), "{mismatched}");
}

#[test]
fn a_handshake_that_never_ends_is_cut_off() {
    let (folder, authority) = (Folder::new("slow"), authority());
    write_server(&folder, &authority);
    let tls = Arc::new(Tls::load(files(&folder, ClientCertificates::NotAsked)).unwrap());
    let server = Server::with(|config| {
        config.tls = Some(tls);
        config.limits.head_timeout = std::time::Duration::from_millis(300);
    });
    let mut silent = server.client();
    assert!(silent.is_closed());
}

#[test]
fn a_slow_handshake_takes_no_time_from_the_head() {
    use std::{thread::sleep, time::Duration};
    let (folder, authority) = (Folder::new("twice"), authority());
    write_server(&folder, &authority);
    let tls = Arc::new(Tls::load(files(&folder, ClientCertificates::NotAsked)).unwrap());
    let server = Server::with(|config| {
        config.tls = Some(tls);
        config.limits.head_timeout = Duration::from_secs(2);
    });
    let stream = server.connect();
    sleep(Duration::from_millis(1_300));
    let mut client = connect_over(stream, &authority, &None).unwrap();
    sleep(Duration::from_millis(1_300));
    assert_eq!(client.send(&signed("ListKeys", "{}")).status, 200);
}
