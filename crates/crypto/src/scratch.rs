//! Parts joined into one contiguous slice, on the stack when they fit.
//!
//! The library takes digest input, MAC input and associated data as one slice; the hot path must not allocate
//! for that. Only public bytes go through here: nothing is overwritten afterwards.

/// Room on the stack: the input of the key derivation, and the header of a blob with an encryption context of
/// usual size.
const STACK_BYTES: usize = 384;

/// Calls `then` with all `parts`, one after the other.
pub(crate) fn with_joined<R>(parts: &[&[u8]], then: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut stack = [0; STACK_BYTES];
    let len = parts.iter().fold(0, |sum, part| sum + part.len());
    let Some(joined) = stack.get_mut(..len) else {
        return then(&mut parts.concat());
    };
    let mut rest = &mut *joined;
    for part in parts {
        let (to, after) = rest.split_at_mut(part.len());
        to.copy_from_slice(part);
        rest = after;
    }
    then(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_on_either_side_of_the_stack_limit() {
        for len in [0, 1, STACK_BYTES - 3, STACK_BYTES - 2, STACK_BYTES, 5000] {
            let middle = vec![7; len];
            let joined = with_joined(&[b"a", &middle, b"z"], |all| all.to_vec());
            assert_eq!(joined, [b"a", &middle[..], b"z"].concat());
        }
    }
}
