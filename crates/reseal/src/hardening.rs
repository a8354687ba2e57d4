//! What the process gives up before it touches a secret: core dumps, and files that others may read.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};

/// From here on files of this process are its user's alone, and its memory is never written to disk by a crash
/// nor readable by other processes of that user. Returns what could not be had, for the log that comes later.
pub(crate) fn harden() -> Vec<String> {
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    let mut weaknesses = Vec::new();
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        weaknesses
            .push(format!("core dumps cannot be switched off ({error}): a crash may write keys to disk"));
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        weaknesses.push(format!("memory cannot be closed to debuggers of this user ({error})"));
    }
    weaknesses
}
