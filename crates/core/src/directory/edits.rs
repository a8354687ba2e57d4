//! Changes of a directory, collected before any of them happens.

use reseal_types::{AccountId, Reveal, SecretBytes, Timestamp};

use super::{IdentityRecord, ManagedPolicyRecord, OidcProviderRecord, Stored};
use crate::{
    error::Error,
    record::{AccessKeyRecord, Marker, Record, UserRef, place},
    store::RecordKey,
    vault::{Changes, Held},
};

/// What a call changes in a directory. Every record that is written or relied on is expected as it was read, so that
/// calls which overlap are tried again rather than losing each other's changes.
#[derive(Default)]
pub struct Edits(pub(crate) Changes);

/// A record of the directory, which knows its place.
pub trait DirectoryRecord: Record {
    /// Where it stands.
    ///
    /// # Errors
    /// When its names are too long for a place.
    fn place(&self) -> Result<RecordKey, Error>;
}

impl DirectoryRecord for IdentityRecord {
    fn place(&self) -> Result<RecordKey, Error> {
        Ok(place::identity(self.account, self.kind, &self.name)?)
    }
}

impl DirectoryRecord for ManagedPolicyRecord {
    fn place(&self) -> Result<RecordKey, Error> {
        Ok(place::managed_policy(self.account, &self.name)?)
    }
}

impl DirectoryRecord for OidcProviderRecord {
    fn place(&self) -> Result<RecordKey, Error> {
        Ok(place::oidc_provider(self.account, &self.issuer)?)
    }
}

/// That a user is in a group, as the group's list of members has it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The account of both.
    pub account: AccountId,
    /// The group's name.
    pub group: &'a str,
    /// The user's name.
    pub user: &'a str,
}

impl Edits {
    /// Writes a record where none is.
    ///
    /// # Errors
    /// When its names are too long for a place.
    pub fn create(&mut self, record: &impl DirectoryRecord) -> Result<(), Error> {
        let place = record.place()?;
        self.0.expect(place.clone(), None);
        self.0.put(place, record);
        Ok(())
    }

    /// Writes a record over the one that was read at that place.
    ///
    /// # Errors
    /// As `create`.
    pub fn update(&mut self, stored: &Stored<impl DirectoryRecord>) -> Result<(), Error> {
        let place = stored.record.place()?;
        self.0.expect(place.clone(), Some(stored.version));
        self.0.put(place, &stored.record);
        Ok(())
    }

    /// Writes `record` in place of `old`, which stood under another name or the same.
    ///
    /// # Errors
    /// As `create`.
    pub fn rename<R: DirectoryRecord>(&mut self, old: &Stored<R>, record: &R) -> Result<(), Error> {
        let (from, to) = (old.record.place()?, record.place()?);
        self.0.expect(from.clone(), Some(old.version));
        if from != to {
            self.0.expect(to.clone(), None);
            self.0.delete(from);
        }
        self.0.put(to, record);
        Ok(())
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// As `create`.
    pub fn delete(&mut self, stored: &Stored<impl DirectoryRecord>) -> Result<(), Error> {
        let place = stored.record.place()?;
        self.0.expect(place.clone(), Some(stored.version));
        self.0.delete(place);
        Ok(())
    }

    /// Requires that a record is still as it was read.
    ///
    /// # Errors
    /// As `create`.
    pub fn rely_on(&mut self, stored: &Stored<impl DirectoryRecord>) -> Result<(), Error> {
        self.0.expect(stored.record.place()?, Some(stored.version));
        Ok(())
    }

    /// Lists a user as member of a group.
    ///
    /// # Errors
    /// As `create`.
    pub fn add_member(&mut self, member: Member<'_>) -> Result<(), Error> {
        self.0.put(place::member(member.account, member.group, member.user)?, &Marker);
        Ok(())
    }

    /// Takes a user off the list of members of a group.
    ///
    /// # Errors
    /// As `create`.
    pub fn remove_member(&mut self, member: Member<'_>) -> Result<(), Error> {
        self.0.delete(place::member(member.account, member.group, member.user)?);
        Ok(())
    }

    /// Deletes an access key; no copy of its secret stays in the store's files.
    ///
    /// # Errors
    /// As `create`.
    pub fn delete_access_key(&mut self, id: &str) -> Result<(), Error> {
        self.0.destroy(place::access_key(id)?);
        Ok(())
    }

    pub(super) fn create_access_key(
        &mut self,
        id: &str,
        user: &IdentityRecord,
        secret: &SecretBytes,
        created: Timestamp,
    ) -> Result<(), Error> {
        let place = place::access_key(id)?;
        let record = AccessKeyRecord {
            account: user.account,
            secret: SecretBytes::from(secret.reveal(Reveal::ToSeal).to_vec()),
            created,
            user: Some(UserRef { name: user.name.clone(), id: user.id.clone() }),
            active: true,
        };
        self.0.expect(place.clone(), None);
        self.0.put(place, &record);
        Ok(())
    }

    pub(super) fn replace_access_key(
        &mut self,
        place: RecordKey,
        held: Held<AccessKeyRecord>,
        user: &IdentityRecord,
        active: bool,
    ) {
        let mut record = held.record;
        record.user = Some(UserRef { name: user.name.clone(), id: user.id.clone() });
        record.active = active;
        self.0.expect(place.clone(), Some(held.version));
        self.0.put(place, &record);
    }
}
