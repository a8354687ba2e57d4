//! The suite against the reference backend, and against backends that each break one rule: it has to notice.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::store::{MemoryStore, StoreError, Versioned};

mod reference {
    crate::store_conformance!(super::Reference);
}

struct Reference;

impl Fixture for Reference {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    AbsentDeleteFails,
    IgnoresExpectations,
    ChecksApart,
    ChecksAfterWriting,
    TornBatches,
    WritesReversed,
    SignedOrder,
    HighPrefixLost,
    InclusiveAfter,
    MoreWhenFull,
    ForgetsCursor,
    DropsEmptyValues,
    RoundsVersions,
    ReadsLate,
    LosesOnReopen,
    KeepsCopies,
}

/// A sound store behind one fault.
struct Faulty {
    fault: Fault,
    inner: MemoryStore,
    late: Mutex<Option<Batch>>,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        Self { fault, inner: MemoryStore::new(), late: Mutex::default() }
    }

    fn distort(&self, mut batch: Batch) -> Batch {
        match self.fault {
            Fault::IgnoresExpectations => batch.expectations.clear(),
            Fault::WritesReversed => batch.writes.reverse(),
            Fault::DropsEmptyValues => batch
                .writes
                .retain(|write| !matches!(write, Write::Put { record, .. } if record.value.is_empty())),
            Fault::RoundsVersions => batch.writes.iter_mut().for_each(|write| {
                if let Write::Put { record, .. } = write {
                    record.version &= !(record.version >> 53);
                }
            }),
            _ => {}
        }
        batch
    }
}

#[async_trait]
impl Store for Faulty {
    async fn get(&self, key: &RecordKey) -> Result<Option<Versioned>, StoreError> {
        self.inner.get(key).await
    }

    async fn scan(&self, prefix: &[u8], after: Option<&RecordKey>, limit: u16) -> Result<Page, StoreError> {
        let page = self.inner.scan(prefix, after, limit).await?;
        let full = page.records.len() == usize::from(limit);
        match (self.fault, after) {
            (Fault::SignedOrder, _) => {
                let mut page = page;
                page.records.sort_by_key(|(key, _)| key.as_bytes().first().map(|byte| byte.cast_signed()));
                Ok(page)
            }
            (Fault::HighPrefixLost, _) if prefix.last() == Some(&0xff) => Ok(Page::default()),
            (Fault::MoreWhenFull, _) => Ok(Page { more: full, ..page }),
            (Fault::InclusiveAfter, Some(after)) => match self.inner.get(after).await? {
                Some(record) => {
                    let mut page = page;
                    page.records.insert(0, (after.clone(), record));
                    Ok(page)
                }
                None => Ok(page),
            },
            (Fault::ForgetsCursor, Some(after)) if self.inner.get(after).await?.is_none() => {
                self.inner.scan(prefix, None, limit).await
            }
            _ => Ok(page),
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let batch = self.distort(batch);
        let expectations = Batch { expectations: batch.expectations.clone(), ..Batch::default() };
        match self.fault {
            Fault::AbsentDeleteFails => {
                for write in &batch.writes {
                    if let Write::Delete { key } = write
                        && self.inner.get(key).await?.is_none()
                    {
                        return Err(StoreError::Backend("nothing to delete".into()));
                    }
                }
                self.inner.commit(batch).await
            }
            Fault::ChecksApart => {
                self.inner.commit(expectations).await?;
                thread::sleep(Duration::from_millis(1));
                self.inner.commit(Batch { expectations: Vec::new(), ..batch }).await
            }
            Fault::ChecksAfterWriting => {
                self.inner.commit(Batch { expectations: Vec::new(), ..batch }).await?;
                self.inner.commit(expectations).await
            }
            Fault::TornBatches => {
                self.inner.commit(expectations).await?;
                for write in batch.writes {
                    self.inner.commit(Batch { writes: vec![write], ..Batch::default() }).await?;
                    thread::sleep(Duration::from_micros(50));
                }
                Ok(())
            }
            Fault::ReadsLate => {
                let earlier = self.late.lock().unwrap().replace(batch);
                self.inner.commit(earlier.unwrap_or_default()).await
            }
            _ => self.inner.commit(batch).await,
        }
    }
}

impl Fixture for Fault {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(Faulty::new(*self))
    }

    fn reopen(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        Some(if *self == Fault::LosesOnReopen { self.open() } else { store })
    }

    fn files_hold(&self, _: &[u8]) -> Option<bool> {
        (*self == Fault::KeepsCopies).then_some(true)
    }
}

type Rule = fn(&dyn Fixture);

fn broken(rule: Rule, fault: Fault) -> String {
    let panic: Box<dyn Any + Send> =
        catch_unwind(AssertUnwindSafe(|| rule(&fault))).expect_err(&format!("{fault:?} was not noticed"));
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

#[test]
fn each_fault_is_noticed_and_named() {
    let cases: [(Rule, Fault, &str); 16] = [
        (absence, Fault::AbsentDeleteFails, "deleting an absent record"),
        (conflicts, Fault::IgnoresExpectations, "conflicts"),
        (create_race, Fault::ChecksApart, "exactly one of many creators wins"),
        (atomicity, Fault::ChecksAfterWriting, "a conflicting batch writes nothing"),
        (one_moment, Fault::TornBatches, ""),
        (batch_order, Fault::WritesReversed, "the last put of a batch stays"),
        (key_order, Fault::SignedOrder, "bytewise order"),
        (prefixes, Fault::HighPrefixLost, "exactly the keys with its prefix"),
        (prefixes, Fault::InclusiveAfter, "`after`"),
        (paging, Fault::MoreWhenFull, "`more` is told exactly"),
        (paging_under_changes, Fault::ForgetsCursor, ""),
        (limits, Fault::DropsEmptyValues, "keys to 512 bytes"),
        (versions, Fault::RoundsVersions, "kept exactly"),
        (read_your_writes, Fault::ReadsLate, ""),
        (reopening, Fault::LosesOnReopen, "holds the same records"),
        (erasure, Fault::KeepsCopies, "no copy of an erased value is left"),
    ];
    for (rule, fault, text) in cases {
        let message = broken(rule, fault);
        assert!(message.contains(text), "{fault:?} was noticed as: {message}");
    }
    // Lost updates need the race itself, which the sleep between check and write makes certain.
    broken(update_race, Fault::ChecksApart);
    broken(create_once, Fault::IgnoresExpectations);
}
