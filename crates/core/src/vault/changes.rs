//! The changes of one call, collected before any of them happens.

use reseal_types::SecretBytes;

use crate::{
    record::Record,
    store::{Expectation, RecordKey},
};

/// Records to write and delete together, and what must still hold when that happens.
#[derive(Default)]
pub(crate) struct Changes {
    pub(super) puts: Vec<(RecordKey, SecretBytes)>,
    pub(super) deletes: Vec<RecordKey>,
    pub(super) expectations: Vec<Expectation>,
    pub(super) erase: bool,
}

impl Changes {
    /// Whether nothing would be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }

    /// Writes a record.
    pub(crate) fn put<R: Record>(&mut self, place: RecordKey, record: &R) {
        self.puts.push((place, record.encode()));
    }

    /// Deletes a record.
    pub(crate) fn delete(&mut self, place: RecordKey) {
        self.deletes.push(place);
    }

    /// Deletes a record that holds key material: no copy of it may stay behind in the store's files.
    pub(crate) fn destroy(&mut self, place: RecordKey) {
        self.deletes.push(place);
        self.erase = true;
    }

    /// Requires that the record still has this version; `None`: that it is absent.
    pub(crate) fn expect(&mut self, place: RecordKey, version: Option<u64>) {
        self.expectations.push(Expectation { key: place, version });
    }

    /// Places written or deleted, for caches to forget.
    pub(crate) fn places(&self) -> impl Iterator<Item = &RecordKey> {
        self.puts.iter().map(|(place, _)| place).chain(&self.deletes)
    }
}
