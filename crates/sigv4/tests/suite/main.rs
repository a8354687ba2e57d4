//! Tests of the public interface, in one binary.

// Marked as test code, so that helpers may unwrap as tests may.
#[cfg(test)]
mod common;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod no_panic;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod verify;
