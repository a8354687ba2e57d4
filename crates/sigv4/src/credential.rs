//! The credential of a signature: an access key id and the scope its signing key is derived for.

use std::borrow::Cow;

use memchr::memchr_iter;

use crate::error::Error;

/// Longest access key id (IAM API reference, data type AccessKey).
const MAX_ACCESS_KEY_ID: usize = 128;
/// Longest credential as a whole.
const MAX_CREDENTIAL: usize = 512;

/// `<access key id>/<YYYYMMDD>/<region>/<service>/<terminator>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential<'a> {
    text: Cow<'a, str>,
    slashes: [usize; 4],
}

impl<'a> Credential<'a> {
    /// Splits a credential. Only its shape is checked: five parts and an access key id of 1 to 128 characters.
    pub(crate) fn parse(text: Cow<'a, str>) -> Result<Self, Error> {
        if text.len() > MAX_CREDENTIAL {
            return Err(Error::TooLong { what: "Credential", limit: MAX_CREDENTIAL });
        }
        let (mut slashes, mut count) = ([0; 4], 0);
        for at in memchr_iter(b'/', text.as_bytes()) {
            let Some(slot) = slashes.get_mut(count) else {
                return Err(Error::MalformedCredential(text.into()));
            };
            (*slot, count) = (at, count + 1);
        }
        let [id_length, ..] = slashes;
        if count != slashes.len() || !(1..=MAX_ACCESS_KEY_ID).contains(&id_length) {
            return Err(Error::MalformedCredential(text.into()));
        }
        Ok(Self { text, slashes })
    }

    /// The whole credential. Unambiguous, since no part can contain a slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The access key id.
    pub fn access_key_id(&self) -> &str {
        let [end, ..] = self.slashes;
        self.text.get(..end).unwrap_or_default()
    }

    /// The scope, `<YYYYMMDD>/<region>/<service>/<terminator>`, as the string to sign repeats it.
    pub fn scope(&self) -> &str {
        let [end, ..] = self.slashes;
        self.text.get(end + 1..).unwrap_or_default()
    }

    /// The scope's date, `YYYYMMDD`.
    pub fn date(&self) -> &str {
        let [before, end, ..] = self.slashes;
        self.text.get(before + 1..end).unwrap_or_default()
    }

    /// The scope's Region.
    pub fn region(&self) -> &str {
        let [_, before, end, _] = self.slashes;
        self.text.get(before + 1..end).unwrap_or_default()
    }

    /// The scope's service.
    pub fn service(&self) -> &str {
        let [_, _, before, end] = self.slashes;
        self.text.get(before + 1..end).unwrap_or_default()
    }

    /// The scope's last part; `aws4_request` in a valid scope.
    pub fn terminator(&self) -> &str {
        let [.., before] = self.slashes;
        self.text.get(before + 1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let credential = Credential::parse("AKID/20260102/us-east-1/kms/aws4_request".into()).unwrap();
        assert_eq!(credential.access_key_id(), "AKID");
        assert_eq!(credential.date(), "20260102");
        assert_eq!(credential.region(), "us-east-1");
        assert_eq!(credential.service(), "kms");
        assert_eq!(credential.terminator(), "aws4_request");
        assert_eq!(credential.scope(), "20260102/us-east-1/kms/aws4_request");
        let empty = Credential::parse("A////".into()).unwrap();
        assert_eq!((empty.date(), empty.region(), empty.service(), empty.terminator()), ("", "", "", ""));
    }

    #[test]
    fn shapes_that_are_refused() {
        for text in
            ["", "AKID", "AKID/1/2/3", "AK/ID/20260102/us-east-1/kms/aws4_request", "/1/2/3/4", "a/b/c/d/e/"]
        {
            assert_eq!(
                Credential::parse(text.into()),
                Err(Error::MalformedCredential(text.into())),
                "{text}"
            );
        }
        let long = format!("{}/d/r/s/t", "A".repeat(129));
        assert!(matches!(Credential::parse(long.into()), Err(Error::MalformedCredential(_))));
        let longer = format!("A/d/r/s/{}", "t".repeat(600));
        assert_eq!(Credential::parse(longer.into()), Err(Error::TooLong { what: "Credential", limit: 512 }));
    }
}
