//! What the return values of a PKCS#11 module mean.

use cryptoki::error::{Error, RvError};
use reseal_core::key_store::ClusterFault;
use tracing::debug;

fn of_module(error: &Error) -> ClusterFault {
    let Error::Pkcs11(value, _) = error else {
        return match error {
            Error::LibraryLoading(_) | Error::MissingSymbol(_) => ClusterFault::NotActive,
            _ => ClusterFault::Failed,
        };
    };
    match value {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => ClusterFault::Password,
        RvError::PinLocked | RvError::PinExpired => ClusterFault::UserLocked,
        RvError::UserPinNotInitialized => ClusterFault::UserMissing,
        RvError::UserAnotherAlreadyLoggedIn | RvError::UserTooManyTypes => ClusterFault::UserLoggedIn,
        RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange | RvError::SignatureInvalid => {
            ClusterFault::InvalidCiphertext
        }
        RvError::DeviceError
        | RvError::DeviceRemoved
        | RvError::SlotIdInvalid
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized => ClusterFault::Unreachable,
        RvError::SessionCount | RvError::DeviceMemory | RvError::HostMemory => ClusterFault::Busy,
        RvError::MechanismInvalid
        | RvError::KeyTypeInconsistent
        | RvError::TemplateInconsistent
        | RvError::TokenWriteProtected => ClusterFault::Unfit,
        _ => ClusterFault::Failed,
    }
}

/// Why something was not done in a token.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The module says so.
    Module(Error),
    /// We do.
    Ours(ClusterFault),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<ClusterFault> for Trouble {
    fn from(fault: ClusterFault) -> Self {
        Self::Ours(fault)
    }
}

impl Trouble {
    /// The fault behind it. The module's own words go to the log.
    pub(super) fn fault(self) -> ClusterFault {
        match self {
            Self::Ours(fault) => fault,
            Self::Module(error) => {
                let fault = of_module(&error);
                debug!(%error, ?fault, "a PKCS#11 module refused");
                fault
            }
        }
    }

    /// Whether that is the fault behind it.
    pub(super) fn is(&self, fault: ClusterFault) -> bool {
        match self {
            Self::Ours(known) => *known == fault,
            Self::Module(error) => of_module(error) == fault,
        }
    }

    /// Whether the session, or what was known from it, may be gone, so that a fresh one may do better. Keys are not
    /// found, rather than refused, where nobody is logged in.
    pub(super) fn is_stale(&self) -> bool {
        matches!(
            self,
            Self::Ours(ClusterFault::KeyMissing)
                | Self::Module(Error::Pkcs11(
                    RvError::SessionHandleInvalid
                        | RvError::SessionClosed
                        | RvError::UserNotLoggedIn
                        | RvError::KeyHandleInvalid
                        | RvError::ObjectHandleInvalid
                        | RvError::OperationActive
                        | RvError::DeviceRemoved
                        | RvError::TokenNotPresent,
                    _
                ))
        )
    }
}
