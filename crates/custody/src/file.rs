//! The root key in a file that only its owner can read.
//!
//! A symbolic link is followed when the file is opened, since secret mounts are made of them; what counts is the
//! file behind it, which must be regular, owned by the user of this process, and closed to everybody else. A new
//! file is never made through a link or over an existing file.

use std::{
    fmt,
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use reseal_core::{
    custodian::{Custodian, CustodianError},
    env::NoEntropy,
};
use reseal_crypto::{RootKey, wrap::ROOT_KEY_LEN};
use reseal_types::SecretBytes;
use rustix::{fs::OFlags, process::geteuid};
use zeroize::Zeroizing;

pub use crate::format::FormatError;
use crate::{format, local};

/// Holds a root key read from a file.
pub struct FileCustodian {
    path: PathBuf,
    root: RootKey,
}

/// Why a root key file cannot be made or used. The message says what to do.
#[derive(Debug)]
pub struct RootKeyFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: RootKeyFileErrorKind,
}

/// What is wrong with a root key file.
#[derive(Debug)]
pub enum RootKeyFileErrorKind {
    /// There is none.
    Missing,
    /// There is one already, or something else of that name.
    Exists,
    /// It is a directory, a pipe or a device.
    NotAFile,
    /// Others than the owner have permissions on it; these are its permission bits.
    LooseMode(u32),
    /// It belongs to another user.
    ForeignOwner {
        /// User id of the owner.
        owner: u32,
        /// User id of this process.
        expected: u32,
    },
    /// Its content is not a root key.
    Format(FormatError),
    /// There were no random bytes to make it from.
    NoEntropy,
    /// The operating system refused.
    Io(io::Error),
    /// The cryptographic library did not take the key.
    Crypto,
}

use RootKeyFileErrorKind as Kind;

const FILE_MODE: u32 = 0o600;
const OTHERS_BITS: u32 = 0o077;

impl FileCustodian {
    /// Reads the root key from `path`.
    ///
    /// # Errors
    /// [`RootKeyFileError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RootKeyFileError> {
        let path = path.as_ref();
        let root = load(path).map_err(|kind| RootKeyFileError { path: path.to_owned(), kind })?;
        Ok(Self { path: path.to_owned(), root })
    }

    /// Makes a root key with `fill` and keeps it in a new file at `path`, durable when this returns. The directory
    /// must exist.
    ///
    /// # Errors
    /// [`RootKeyFileError`]; no file of ours is left then.
    pub fn create(
        path: impl AsRef<Path>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
    ) -> Result<Self, RootKeyFileError> {
        let path = path.as_ref();
        let root = make(path, fill).map_err(|kind| RootKeyFileError { path: path.to_owned(), kind })?;
        Ok(Self { path: path.to_owned(), root })
    }
}

#[async_trait]
impl Custodian for FileCustodian {
    async fn wrap(&self, plaintext: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, CustodianError> {
        local::wrap(&self.root, plaintext, context)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, CustodianError> {
        local::unwrap(&self.root, wrapped, context)
    }

    /// Reads the file again: a key that is in memory only would be missed at the next start.
    async fn health(&self) -> Result<(), CustodianError> {
        let now = Self::open(&self.path)?;
        if local::agree(&self.root, &now.root)? {
            return Ok(());
        }
        Err(CustodianError::Misconfigured {
            problem: format!("{} holds another root key than the one in use", self.path.display()),
            mend: "put the former file back; nothing in the store opens with the new one".to_owned(),
        })
    }

    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }
}

fn load(path: &Path) -> Result<RootKey, Kind> {
    // Not waiting for a writer, should the path be a named pipe.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound { Kind::Missing } else { Kind::Io(error) }
    })?;
    // Of the open file, not of the path: nobody can put another in between.
    check(&file.metadata().map_err(Kind::Io)?, geteuid().as_raw())?;
    let mut text = Zeroizing::new([0; format::TEXT_LEN + 1]);
    let len = read_up_to(&file, &mut *text).map_err(Kind::Io)?;
    let key = format::decode(text.get(..len).unwrap_or_default()).map_err(Kind::Format)?;
    RootKey::new(&key).map_err(|_| Kind::Crypto)
}

fn check(metadata: &Metadata, user: u32) -> Result<(), Kind> {
    if !metadata.is_file() {
        return Err(Kind::NotAFile);
    }
    if metadata.uid() != user {
        return Err(Kind::ForeignOwner { owner: metadata.uid(), expected: user });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS_BITS != 0 {
        return Err(Kind::LooseMode(mode));
    }
    Ok(())
}

/// Fills `buffer` or reads to the end, without a buffer in between that would keep a copy.
fn read_up_to(mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

fn make(path: &Path, fill: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>) -> Result<RootKey, Kind> {
    let key = SecretBytes::generate(ROOT_KEY_LEN, fill).map_err(|NoEntropy| Kind::NoEntropy)?;
    let root = RootKey::new(&key).map_err(|_| Kind::Crypto)?;
    let text = format::encode(&key).map_err(Kind::Format)?;
    let file =
        OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists { Kind::Exists } else { Kind::Io(error) }
        })?;
    write_durably(&file, &text, path).map_err(|error| {
        // Whatever was written is of no use, and would stand in the way of the next attempt.
        let _ = fs::remove_file(path);
        Kind::Io(error)
    })?;
    Ok(root)
}

fn write_durably(mut file: &File, text: &[u8], path: &Path) -> io::Result<()> {
    // The mode given at creation is cut by the umask, even to nothing.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.write_all(text)?;
    file.sync_all()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

impl RootKeyFileError {
    fn problem(&self) -> String {
        let path = self.path.display();
        match &self.kind {
            Kind::Missing => format!("there is no root key file {path}"),
            Kind::Exists => format!("{path} exists already"),
            Kind::NotAFile => format!("{path} is not a regular file"),
            Kind::LooseMode(mode) => format!("others may use the root key file {path} (mode {mode:04o})"),
            Kind::ForeignOwner { owner, expected } => {
                format!(
                    "the root key file {path} belongs to user {owner}, not to user {expected} of this process"
                )
            }
            Kind::Format(FormatError::Empty) => format!("the root key file {path} is empty"),
            Kind::Format(FormatError::Truncated) => format!("the root key file {path} is cut short"),
            Kind::Format(FormatError::NotARootKey) => format!("{path} is not a root key file"),
            Kind::Format(FormatError::Checksum) => {
                format!("the root key file {path} was altered: its checksum does not match")
            }
            Kind::NoEntropy => format!("no random bytes to make the root key file {path} from"),
            Kind::Io(error) => format!("the root key file {path} cannot be used: {error}"),
            Kind::Crypto => format!("the cryptographic library does not take the root key of {path}"),
        }
    }

    fn mend(&self) -> Option<String> {
        let path = self.path.display();
        Some(match &self.kind {
            Kind::Missing => "restore it from its backup; without it nothing in the store opens".to_owned(),
            Kind::Exists => "use it, or choose another path; it is never overwritten".to_owned(),
            Kind::NotAFile => "name the file itself".to_owned(),
            Kind::LooseMode(_) => format!("chmod 600 {path}"),
            Kind::ForeignOwner { expected, .. } => format!("chown {expected} {path}"),
            Kind::Format(FormatError::Empty | FormatError::Truncated) => format!(
                "restore it from its backup; if its making was interrupted and no store was started with it: rm {path}"
            ),
            Kind::Format(_) => "restore it from its backup".to_owned(),
            Kind::NoEntropy | Kind::Io(_) | Kind::Crypto => return None,
        })
    }
}

impl fmt::Display for RootKeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem())?;
        self.mend().map_or(Ok(()), |mend| write!(f, "; to mend it: {mend}"))
    }
}

impl std::error::Error for RootKeyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Kind::Io(error) = &self.kind { Some(error) } else { None }
    }
}

impl From<RootKeyFileError> for CustodianError {
    fn from(error: RootKeyFileError) -> Self {
        let problem = error.problem();
        match error.mend() {
            Some(mend) => Self::Misconfigured { problem, mend },
            None => Self::Unavailable { reason: problem },
        }
    }
}

#[cfg(test)]
mod tests;
