//! Partitions, Regions and accounts: the parts of an ARN that are not the resource.

use std::{fmt, sync::Arc};

/// A 12-digit account id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// Parses 12 ASCII digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 12] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
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

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses 1 to 64 characters of `a-z`, `0-9` and `-`.
            pub fn parse(text: &str) -> Option<Self> {
                let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                ((1..=64).contains(&text.len()) && text.bytes().all(legal)).then(|| Self(text.into()))
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
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
    fn regions_are_lower_case_names() {
        assert_eq!(Region::parse("us-gov-west-1").unwrap().as_str(), "us-gov-west-1");
        for bad in ["", "US-EAST-1", "us/east", "us east"] {
            assert!(Region::parse(bad).is_none(), "{bad}");
        }
    }
}
