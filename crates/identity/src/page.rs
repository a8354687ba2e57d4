//! MaxItems and Marker in, IsTruncated and Marker out. A marker is the name at which the page before ended, in hexadecimal;
//! who asks for a page was allowed to list everything anyway.

use crate::{
    fault::{Code, Fault},
    members::{Bounds, Members},
    xml::Xml,
};

const MOST: u16 = 1_000;
const DEFAULT: u16 = 100;

/// What a caller asked for.
pub(crate) struct Page {
    limit: u16,
    marker: Option<String>,
}

impl Page {
    pub(crate) fn read(members: &mut Members<'_>) -> Self {
        let marker = members.text("Marker", Bounds(1, 1_024));
        let limit = members.integer("MaxItems", Bounds(1, usize::from(MOST)));
        Self { limit: limit.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(DEFAULT), marker }
    }

    /// How many items at most.
    pub(crate) fn limit(&self) -> usize {
        usize::from(self.limit)
    }

    /// The name at which the page before ended.
    pub(crate) fn after(&self) -> Result<Option<String>, Fault> {
        let Some(marker) = &self.marker else { return Ok(None) };
        let bytes = hex::decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.map(Some).ok_or_else(|| Fault::new(Code::ValidationError, "Invalid Marker"))
    }

    /// The page of `items`, which are in the order of `name`.
    pub(crate) fn of<T>(&self, items: Vec<T>, name: impl Fn(&T) -> String) -> Result<Paged<T>, Fault> {
        let after = self.after()?;
        let follows = |item: &T| after.as_deref().is_none_or(|after| name(item).as_str() > after);
        let mut items: Vec<T> = items.into_iter().filter(follows).collect();
        let more = items.len() > self.limit();
        items.truncate(self.limit());
        let last = items.last().map(name).filter(|_| more);
        Ok(Paged { items, last })
    }
}

/// Items of a page, and the name of the last one if there are more.
pub(crate) struct Paged<T> {
    pub(crate) items: Vec<T>,
    pub(crate) last: Option<String>,
}

impl<T> Paged<T> {
    /// What follows the list in an answer.
    pub(crate) fn finish(&self, xml: &mut Xml) {
        xml.boolean("IsTruncated", self.last.is_some());
        xml.optional("Marker", self.last.as_ref().map(hex::encode).as_deref());
    }
}
