//! Partitions, Regions and accounts: the parts of an ARN that are not the resource.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

/// A 12-digit account id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// Parses 12 ASCII digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 12] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The 12 digits, as bytes of ASCII.
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest name of a Region or partition.
const MAX_NAME_BYTES: usize = 64;

/// A short name, held in place: every call copies some, and a count of their owners would be written by all threads.
#[derive(Clone)]
struct Name {
    length: u8,
    bytes: [u8; MAX_NAME_BYTES],
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let length = u8::try_from(text.len()).ok().filter(|_| Self::is_legal(text))?;
        let mut bytes = [0; MAX_NAME_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { length, bytes })
    }

    fn is_legal(text: &str) -> bool {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(legal)
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Name);

        impl $name {
            /// Parses 1 to 64 characters of `a-z`, `0-9` and `-`.
            pub fn parse(text: &str) -> Option<Self> {
                Name::parse(text).map(Self)
            }

            /// Whether the text is such a name.
            pub fn is_legal(text: &str) -> bool {
                Name::is_legal(text)
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name, as bytes of ASCII.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::borrow::Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                self.as_bytes()
            }
        }

        // As bytes, which is what a look-up by bytes needs.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.as_bytes() == other.0.as_bytes()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_bytes().cmp(other.as_bytes())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_bytes().hash(state);
            }
        }
    };
}

name_type! {
    /// A Region name such as `eu-central-1`: one namespace of keys and aliases.
    Region
}
name_type! {
    /// The second part of every ARN, `aws` unless configured otherwise.
    Partition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_twelve_digits() {
        assert_eq!(AccountId::parse("111122223333").unwrap().as_str(), "111122223333");
        for bad in ["", "11112222333", "1111222233334", "11112222333x", "１１１１"] {
            assert!(AccountId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_region_is_found_by_its_text() {
        let name = "eu-central-1";
        let regions = std::collections::HashSet::from([Region::parse(name).unwrap()]);
        assert!(regions.contains(name.as_bytes()) && !regions.contains(&b"eu-central-2"[..]));
    }

    #[test]
    fn regions_are_lower_case_names() {
        assert_eq!(Region::parse("us-gov-west-1").unwrap().as_str(), "us-gov-west-1");
        for bad in ["", "US-EAST-1", "us/east", "us east", &"a".repeat(65), &"a".repeat(300)] {
            assert!(Region::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Region::parse(&"a".repeat(64)).unwrap().as_str(), "a".repeat(64));
    }
}
