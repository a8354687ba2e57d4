//! Address ranges of the IpAddress operators: IPv4 and IPv6, single addresses and CIDR blocks.

use std::net::IpAddr;

/// An address block. IPv4-mapped IPv6 (`::ffff:a.b.c.d`) is the IPv4 address it stands for, so that a dual-stack
/// listener cannot slip past an IPv4 rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    v6: bool,
    /// Network bits, left-aligned.
    network: u128,
    /// Number of leading bits that count.
    length: u32,
}

impl Block {
    /// Reads `address` or `address/length`; host bits are ignored.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(length.parse::<u32>().ok()?))
            }
            Some(_) => return None,
            None => (text.trim(), None),
        };
        let written: IpAddr = address.parse().ok()?;
        let widest = if written.is_ipv6() { 128 } else { 32 };
        let length = length.unwrap_or(widest);
        if length > widest {
            return None;
        }
        let canonical = written.to_canonical();
        // A mapped block of at least 96 bits is an IPv4 block; a wider one covers more than IPv4.
        if written.is_ipv6() && canonical.is_ipv4() {
            return match length.checked_sub(96) {
                Some(length) => Some(Self::new(canonical, length)),
                None => Some(Self::new(written, length)),
            };
        }
        Some(Self::new(canonical, length))
    }

    /// Whether the request address lies in the block; `None` when it is not an address.
    pub(crate) fn contains(&self, address: &str) -> Option<bool> {
        let address = address.trim().parse::<IpAddr>().ok()?.to_canonical();
        Some(address.is_ipv6() == self.v6 && mask(bits(address), self.length) == self.network)
    }

    fn new(address: IpAddr, length: u32) -> Self {
        Self { v6: address.is_ipv6(), network: mask(bits(address), length), length }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(bits: u128, length: u32) -> u128 {
    match u128::MAX.checked_shl(128_u32.saturating_sub(length)) {
        Some(mask) => bits & mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(block: &str, address: &str) -> bool {
        Block::parse(block).unwrap().contains(address).unwrap()
    }

    #[test]
    fn blocks_hold_their_addresses_and_no_others() {
        assert!(within("203.0.113.0/24", "203.0.113.255"));
        assert!(!within("203.0.113.0/24", "203.0.114.0"));
        assert!(within("203.0.113.77/24", "203.0.113.1"));
        assert!(within("203.0.113.5", "203.0.113.5"));
        assert!(!within("203.0.113.5", "203.0.113.4"));
        assert!(within("0.0.0.0/0", "8.8.8.8"));
        assert!(!within("0.0.0.0/0", "2001:db8::1"));
        assert!(within("2001:DB8::/32", "2001:db8:ffff::1"));
        assert!(!within("2001:db8::/32", "2001:db9::1"));
        assert!(within("::/0", "fe80::1"));
        assert!(!within("::/0", "10.0.0.1"));
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert!(within("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(within("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!within("::ffff:10.0.0.0/104", "11.1.2.3"));
    }

    #[test]
    fn malformed_blocks_and_addresses() {
        for text in
            ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "10.0.0.*"]
        {
            assert_eq!(Block::parse(text), None, "{text}");
        }
        assert_eq!(Block::parse("10.0.0.0/8").unwrap().contains("AWS Internal"), None);
    }
}
