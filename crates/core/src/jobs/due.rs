//! Walking through what is due.

use reseal_types::{KeyId, Region, Timestamp};

use crate::{env::Env, error::Error, record::Marker, store::RecordKey};

const PAGE: u16 = 100;

/// An index entry whose time has come.
pub(super) struct Due {
    pub(super) place: RecordKey,
    /// Milliseconds since the epoch.
    pub(super) millis: i64,
    pub(super) region: Region,
    pub(super) id: KeyId,
    /// What the place says behind the key's id.
    pub(super) rest: Option<String>,
}

/// The entries under one prefix that are due, the longest overdue first.
pub(super) struct Walk {
    prefix: &'static str,
    now: Timestamp,
    after: Option<RecordKey>,
    ended: bool,
}

impl Walk {
    pub(super) fn new(prefix: &'static str, now: Timestamp) -> Self {
        Self { prefix, now, after: None, ended: false }
    }

    /// The next entries; none at the end. An entry that does not open is left out: the vault has reported it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn next(&mut self, env: &Env) -> Result<Option<Vec<Due>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let (page, more) = env.vault.scan::<Marker>(self.prefix, self.after.as_ref(), PAGE).await?;
        self.after = page.last().map(|(place, _)| place.clone());
        self.ended = !more || self.after.is_none();
        let mut due = Vec::with_capacity(page.len());
        for (place, marker) in page {
            let Some(entry) = self.parse(place) else { continue };
            if entry.millis > self.now.millis() {
                self.ended = true;
                break;
            }
            if marker.is_ok() {
                due.push(entry);
            }
        }
        Ok(Some(due))
    }

    fn parse(&self, place: RecordKey) -> Option<Due> {
        let text = std::str::from_utf8(place.as_bytes()).ok()?.strip_prefix(self.prefix)?;
        let mut parts = text.splitn(4, '/');
        let millis = i64::from_str_radix(parts.next()?, 16).ok()?;
        let (region, id) = (Region::parse(parts.next()?)?, parts.next()?.parse().ok()?);
        let rest = parts.next().map(str::to_owned);
        Some(Due { place, millis, region, id, rest })
    }
}
