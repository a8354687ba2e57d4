//! One thread's session with a token, and what is done in it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cryptoki::{
    context::{Function, Pkcs11},
    error::{Error, RvError},
    mechanism::{Mechanism, MechanismType, aead::GcmParams},
    object::{Attribute, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::{AuthPin, Ulong},
};
use reseal_core::key_store::{ClusterFault, Foreign};
use reseal_types::{Reveal, SecretBytes};
use tracing::warn;

use super::{cluster::module, fault::Trouble};

/// What all threads of a token know of the login, which PKCS#11 has once for each token and process.
#[derive(Default)]
pub(super) struct Login {
    /// A password was refused. It is not tried again, so that nobody gets locked out, until a key store is connected.
    refused: bool,
    /// Length of the IVs that the token takes, once that is known.
    iv_length: Option<usize>,
}

/// A thread's worker.
pub(super) struct Worker {
    module: PathBuf,
    token: String,
    login: Arc<Mutex<Login>>,
    session: Option<Session>,
}

/// A session in which the key store's user is logged in.
pub(super) struct LoggedIn<'w> {
    login: &'w Mutex<Login>,
    session: &'w Session,
}

const TAG_BYTES: usize = 16;
const TAG_BITS: u64 = 128;
const KEY_BYTES: u64 = 32;

fn lock(login: &Mutex<Login>) -> MutexGuard<'_, Login> {
    login.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    pub(super) fn new(module: PathBuf, token: String, login: Arc<Mutex<Login>>) -> Self {
        Self { module, token, login, session: None }
    }

    /// Whether the token is there and has what is needed. Logs in nowhere.
    pub(super) fn check(&self) -> Result<(), ClusterFault> {
        self.look().map_err(Trouble::fault)
    }

    fn look(&self) -> Result<(), Trouble> {
        let (module, slot) = self.slot()?;
        let token = module.get_token_info(slot)?;
        if !token.token_initialized() || !token.user_pin_initialized() {
            return Err(ClusterFault::NotActive.into());
        }
        let known = module.get_mechanism_list(slot)?;
        let mut needed = [MechanismType::AES_KEY_GEN, MechanismType::AES_GCM].into_iter();
        if token.write_protected() || !needed.all(|mechanism| known.contains(&mechanism)) {
            return Err(ClusterFault::Unfit.into());
        }
        Ok(())
    }

    /// The slot that holds the token now. Another token that cannot be read, such as one taken away just now, is not in
    /// the way of this one.
    fn slot(&self) -> Result<(Pkcs11, Slot), Trouble> {
        let module = module(&self.module)?;
        let mut slots = module.get_slots_with_token()?.into_iter();
        let is_it = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|token| token.label() == self.token);
        match slots.find(is_it) {
            Some(slot) => Ok((module, slot)),
            None => Err(ClusterFault::NotActive.into()),
        }
    }

    /// Logs in anew, so that the password is known to be the right one.
    pub(super) fn connect(&mut self, password: &SecretBytes) -> Result<(), ClusterFault> {
        self.check()?;
        self.disconnect()?;
        *lock(&self.login) = Login::default();
        self.logged_in(password, &|session| session.iv_length().map(|_| ()))
    }

    /// Logs out, for all threads.
    pub(super) fn disconnect(&mut self) -> Result<(), ClusterFault> {
        // In a fresh session: what is kept may have gone stale.
        self.session = None;
        let log_out = || -> Result<Session, Trouble> {
            let session = self.open()?;
            match session.logout() {
                Ok(()) | Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => Ok(session),
                Err(error) => Err(error.into()),
            }
        };
        log_out().map(|_| ()).map_err(Trouble::fault)
    }

    /// Does `work` in a session that is logged in; once more in a fresh one when that of this thread has gone stale.
    pub(super) fn logged_in<T>(
        &mut self,
        password: &SecretBytes,
        work: &impl Fn(&LoggedIn<'_>) -> Result<T, Trouble>,
    ) -> Result<T, ClusterFault> {
        let kept = match self.session.take() {
            Some(session) => Some(self.attempt(session, work)),
            None => None,
        };
        let result = match kept {
            Some(Err(trouble)) if trouble.is_stale() => {
                self.session = None;
                self.afresh(password, work)
            }
            Some(result) => result,
            None => self.afresh(password, work),
        };
        result.map_err(Trouble::fault)
    }

    fn afresh<T>(
        &mut self,
        password: &SecretBytes,
        work: &impl Fn(&LoggedIn<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let session = self.open()?;
        self.log_in(&session, password)?;
        self.attempt(session, work)
    }

    fn attempt<T>(
        &mut self,
        session: Session,
        work: &impl Fn(&LoggedIn<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let result = work(&LoggedIn { login: &self.login, session: &session });
        self.session = Some(session);
        result
    }

    fn open(&self) -> Result<Session, Trouble> {
        let (module, slot) = self.slot()?;
        Ok(module.open_rw_session(slot)?)
    }

    fn log_in(&self, session: &Session, password: &SecretBytes) -> Result<(), Trouble> {
        // One thread at a time: a wrong password must not be tried by all of them.
        let mut login = lock(&self.login);
        if login.refused {
            return Err(ClusterFault::Password.into());
        }
        let pin = str::from_utf8(password.reveal(Reveal::ToCipher)).map_err(|_| ClusterFault::Password)?;
        match session.login(UserType::User, Some(&AuthPin::from(pin.to_owned()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => {
                let trouble = Trouble::from(error);
                login.refused = trouble.is(ClusterFault::Password) || trouble.is(ClusterFault::UserLocked);
                Err(trouble)
            }
        }
    }
}

impl LoggedIn<'_> {
    /// Makes a key that cannot be taken out of the token.
    pub(super) fn generate(&self, id: &[u8; 32], label: &str) -> Result<(), Trouble> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(Ulong::new(KEY_BYTES)),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Sign(false),
            Attribute::Verify(false),
            Attribute::Derive(false),
            Attribute::Id(id.to_vec()),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        self.session.generate_key(&Mechanism::AesKeyGen, &template)?;
        Ok(())
    }

    pub(super) fn encrypt(
        &self,
        id: &[u8; 32],
        plaintext: &SecretBytes,
        associated: &[u8],
    ) -> Result<Foreign, Trouble> {
        let (key, mut iv) = (self.find(id)?, vec![0; self.iv_length()?]);
        reseal_crypto::random::fill(&mut iv).map_err(|_| ClusterFault::Failed)?;
        // A module that makes IVs of its own writes them over this one.
        let mechanism = gcm(&mut iv, associated)?;
        let mut sealed =
            self.session.encrypt(&Mechanism::AesGcm(mechanism), key, plaintext.reveal(Reveal::ToCipher))?;
        let split = sealed.len().checked_sub(TAG_BYTES).filter(|length| *length == plaintext.len());
        let tag = sealed.split_off(split.ok_or(ClusterFault::Failed)?);
        let tag = tag.try_into().map_err(|_| ClusterFault::Failed)?;
        Ok(Foreign { iv, metadata: Vec::new(), tag, ciphertext: sealed })
    }

    pub(super) fn decrypt(
        &self,
        id: &[u8; 32],
        sealed: &Foreign,
        associated: &[u8],
    ) -> Result<SecretBytes, Trouble> {
        let (key, mut iv) = (self.find(id)?, sealed.iv.clone());
        let mechanism = gcm(&mut iv, associated)?;
        let input = [sealed.ciphertext.as_slice(), &sealed.tag].concat();
        let opened = self.session.decrypt(&Mechanism::AesGcm(mechanism), key, &input);
        let plaintext = SecretBytes::from(match opened {
            Err(Error::Pkcs11(RvError::GeneralError | RvError::FunctionFailed, Function::Decrypt))
                if self.probe(key, self.iv_length()?)? =>
            {
                // So it is not the token that fails, nor the key. Some say no more of a tag that does not fit.
                return Err(ClusterFault::InvalidCiphertext.into());
            }
            other => other?,
        });
        // Modules are known to give what they decrypted so far when the tag does not fit.
        if plaintext.len() == sealed.ciphertext.len() {
            return Ok(plaintext);
        }
        Err(ClusterFault::InvalidCiphertext.into())
    }

    pub(super) fn destroy(&self, id: &[u8; 32]) -> Result<(), Trouble> {
        for key in self.all(id)? {
            self.session.destroy_object(key)?;
        }
        Ok(())
    }

    pub(super) fn random(&self, length: usize) -> Result<SecretBytes, Trouble> {
        SecretBytes::generate(length, |bytes| Ok(self.session.generate_random_slice(bytes)?))
    }

    /// The one key with that id. Looked for at each use: a handle may mean another object after a new login.
    fn find(&self, id: &[u8; 32]) -> Result<ObjectHandle, Trouble> {
        match self.all(id)?.as_slice() {
            [key] => Ok(*key),
            [] => Err(ClusterFault::KeyMissing.into()),
            _ => {
                warn!("a PKCS#11 token holds several keys with one id, and none of them is used");
                Err(ClusterFault::Failed.into())
            }
        }
    }

    fn all(&self, id: &[u8; 32]) -> Result<Vec<ObjectHandle>, Trouble> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Id(id.to_vec()),
        ];
        Ok(self.session.find_objects(&template)?)
    }

    /// The longest IV that the token takes: found out with a key that is gone with the session.
    pub(super) fn iv_length(&self) -> Result<usize, Trouble> {
        if let Some(length) = lock(self.login).iv_length {
            return Ok(length);
        }
        let template = [
            Attribute::ValueLen(Ulong::new(KEY_BYTES)),
            Attribute::Token(false),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
        ];
        let key = self.session.generate_key(&Mechanism::AesKeyGen, &template)?;
        let taken = if self.probe(key, 16)? {
            16
        } else if self.probe(key, 12)? {
            12
        } else {
            return Err(ClusterFault::Unfit.into());
        };
        self.session.destroy_object(key)?;
        lock(self.login).iv_length = Some(taken);
        Ok(taken)
    }

    /// Whether the key encrypts a byte with an IV of that length.
    fn probe(&self, key: ObjectHandle, iv_length: usize) -> Result<bool, Trouble> {
        let mut iv = vec![0; iv_length];
        reseal_crypto::random::fill(&mut iv).map_err(|_| ClusterFault::Failed)?;
        let sealed = self.session.encrypt(&Mechanism::AesGcm(gcm(&mut iv, b"probe")?), key, b"p");
        Ok(sealed.is_ok_and(|sealed| sealed.len() == 1 + TAG_BYTES))
    }
}

fn gcm<'p>(iv: &'p mut [u8], associated: &'p [u8]) -> Result<GcmParams<'p>, Trouble> {
    Ok(GcmParams::new(iv, associated, Ulong::new(TAG_BITS))?)
}
