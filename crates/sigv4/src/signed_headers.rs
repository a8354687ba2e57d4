//! The list of headers that a signature covers, and which headers it must cover.

use std::borrow::Cow;

use memchr::memchr_iter;

use crate::error::Error;
use crate::{MAX_HEADERS, RequestParts};

/// Most names in one list.
const MAX_NAMES: usize = 64;
/// Longest list, in bytes.
const MAX_LIST_BYTES: usize = 4 * 1024;
/// Stands for "on several lines" in [`Lines`]; no line has this number.
const SEVERAL: u8 = u8::MAX;

/// Names in lower case, sorted, distinct, separated by `;`.
pub(crate) struct SignedHeaders<'a> {
    list: Cow<'a, str>,
    /// Where each name ends. Kept, since the list is gone through several times for every request.
    ends: [u16; MAX_NAMES],
    count: usize,
}

/// On which lines of the request the signed headers stand. Made by [`SignedHeaders::locate`] only, so that every
/// signed header is known to be there.
#[derive(Clone, Copy)]
pub(crate) struct Lines {
    /// For each name its line, or `SEVERAL`.
    of_name: [u8; MAX_NAMES],
    /// One bit for each line that is signed: `MAX_HEADERS` is 128.
    signed: u128,
}

impl<'a> SignedHeaders<'a> {
    /// Refuses a list that is not in the order of a canonical request. Characters need no check: a name that no
    /// header can have will not be found.
    pub(crate) fn parse(list: Cow<'a, str>) -> Result<Self, Error> {
        if list.len() > MAX_LIST_BYTES {
            return Err(Error::TooLong { what: "SignedHeaders", limit: MAX_LIST_BYTES });
        }
        let (mut ends, mut count, mut start) = ([0; MAX_NAMES], 0, 0);
        let mut previous = "";
        for end in memchr_iter(b';', list.as_bytes()).chain([list.len()]) {
            let name = list.get(start..end).unwrap_or_default();
            // Strictly ascending from the empty name: an empty name, a repeated and a misplaced one all fail.
            if name <= previous {
                return Err(Error::MalformedSignedHeaders(list.into()));
            }
            let (Some(slot), Ok(short)) = (ends.get_mut(count), u16::try_from(end)) else {
                return Err(Error::TooLong { what: "SignedHeaders", limit: MAX_NAMES });
            };
            *slot = short;
            (count, start, previous) = (count + 1, end + 1, name);
        }
        Ok(Self { list, ends, count })
    }

    /// The list as it stands in the canonical request.
    pub(crate) fn as_str(&self) -> &str {
        &self.list
    }

    /// The names, ascending.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().take(self.count).scan(0, |start, end| {
            let end = usize::from(*end);
            let name = self.list.get(*start..end);
            *start = end + 1;
            name
        })
    }

    /// Each name with the values of its header in wire order.
    pub(crate) fn with_values<'s, 'p: 's>(
        &'s self,
        lines: &'s Lines,
        parts: &RequestParts<'p>,
    ) -> impl Iterator<Item = (&'s str, impl Iterator<Item = &'p [u8]>)> {
        let headers = parts.headers;
        self.names().zip(lines.of_name).map(move |(name, line)| {
            let several = line == SEVERAL;
            let (first, after) =
                if several { (0, headers.len()) } else { (line.into(), usize::from(line) + 1) };
            let candidates = headers.get(first..after).unwrap_or_default().iter();
            let of_name = candidates.filter(move |(present, _)| !several || *present == name);
            (name, of_name.map(|(_, value)| *value))
        })
    }

    /// Finds every listed header in the request; `SignedHeaderAbsent` if one is not there.
    pub(crate) fn locate(&self, parts: &RequestParts<'_>) -> Result<Lines, Error> {
        if parts.headers.len() > MAX_HEADERS {
            return Err(Error::TooLong { what: "headers", limit: MAX_HEADERS });
        }
        let mut lines = Lines { of_name: [0; MAX_NAMES], signed: 0 };
        for (name, slot) in self.names().zip(&mut lines.of_name) {
            let mut found = None;
            for (line, (present, _)) in parts.headers.iter().enumerate() {
                if is_same(present, name) {
                    lines.signed |= 1 << line;
                    found = if found.is_none() { u8::try_from(line).ok() } else { Some(SEVERAL) };
                }
            }
            *slot = found.ok_or_else(|| Error::SignedHeaderAbsent(name.into()))?;
        }
        Ok(lines)
    }
}

/// Whether two names are the same. Most that are as long begin otherwise, and that is seen without a call.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}

impl Lines {
    /// Every header that decides what the request does is signed: `host` or, over HTTP/2, `:authority` (else it
    /// could be sent to another endpoint), `x-amz-*` with the operation's name in `x-amz-target`, and `content-type`. Headers that proxies
    /// change need not be.
    pub(crate) fn check_coverage(&self, parts: &RequestParts<'_>) -> Result<(), Error> {
        let mut host_is_signed = false;
        for (line, (name, _)) in parts.headers.iter().enumerate() {
            let is_signed = self.signed & (1 << line) != 0;
            if *name == "host" || *name == ":authority" {
                host_is_signed |= is_signed;
            } else if !is_signed && (*name == "content-type" || name.starts_with("x-amz-")) {
                return Err(Error::HeaderNotSigned((*name).into()));
            }
        }
        if host_is_signed { Ok(()) } else { Err(Error::HostNotSigned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_are_refused() {
        for list in ["", ";", "host;", ";host", "host;host", "host;date", "a;;b"] {
            assert_eq!(
                SignedHeaders::parse(list.into()).err(),
                Some(Error::MalformedSignedHeaders(list.into())),
                "{list}"
            );
        }
        let names: Vec<String> = (100..=100 + MAX_NAMES).map(|n| format!("x-{n}")).collect();
        assert_eq!(
            SignedHeaders::parse(names.join(";").into()).err(),
            Some(Error::TooLong { what: "SignedHeaders", limit: MAX_NAMES })
        );
        let most = SignedHeaders::parse(names[1..].join(";").into()).unwrap();
        assert!(most.names().eq(&names[1..]));
        let long = "a".repeat(MAX_LIST_BYTES + 1);
        assert_eq!(
            SignedHeaders::parse(long.into()).err(),
            Some(Error::TooLong { what: "SignedHeaders", limit: MAX_LIST_BYTES })
        );
    }

    fn check(list: &str, names: &[&str]) -> Result<(), Error> {
        let headers: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, b"v".as_slice())).collect();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let signed = SignedHeaders::parse(list.into())?;
        signed.locate(&parts)?.check_coverage(&parts)
    }

    #[test]
    fn what_must_be_signed() {
        assert_eq!(check("host", &["host", "user-agent", "x-amzn-trace-id", "expect"]), Ok(()));
        assert_eq!(check("host;x-a", &["x-a", "host", "x-a"]), Ok(()));
        assert_eq!(check("x-a", &["x-a"]), Err(Error::HostNotSigned));
        assert_eq!(check("x-a", &["x-a", "host"]), Err(Error::HostNotSigned));
        assert_eq!(check("host;x-a", &["host"]), Err(Error::SignedHeaderAbsent("x-a".into())));
        for unsigned in
            ["x-amz-target", "x-amz-date", "x-amz-security-token", "x-amz-anything", "content-type"]
        {
            assert_eq!(check("host", &["host", unsigned]), Err(Error::HeaderNotSigned(unsigned.into())));
        }
    }

    #[test]
    fn the_last_header_line_that_fits_is_seen() {
        let mut names = vec!["user-agent"; MAX_HEADERS - 2];
        names.extend(["host", "x-amz-target"]);
        assert_eq!(check("host;x-amz-target", &names), Ok(()));
        assert_eq!(check("host", &names), Err(Error::HeaderNotSigned("x-amz-target".into())));
        names.push("accept");
        assert_eq!(check("host", &names), Err(Error::TooLong { what: "headers", limit: MAX_HEADERS }));
    }
}
