//! The changes of one call, collected before any of them happens.

use reseal_types::SecretBytes;

use crate::{
    quota::Reservation,
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
    reserved: Vec<Reservation>,
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

    /// Keeps a reservation until the changes are through.
    pub(crate) fn hold(&mut self, reservation: Reservation) {
        self.reserved.push(reservation);
    }

    /// Takes the reservations out.
    pub(crate) fn take_reserved(&mut self) -> Vec<Reservation> {
        std::mem::take(&mut self.reserved)
    }

    /// Places written (true) or deleted (false).
    pub(crate) fn places(&self) -> impl Iterator<Item = (&RecordKey, bool)> {
        let puts = self.puts.iter().map(|(place, _)| (place, true));
        puts.chain(self.deletes.iter().map(|place| (place, false)))
    }
}
