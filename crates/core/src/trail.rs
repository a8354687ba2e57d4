//! The audit record of one call: opened before the deed, closed before the reply.
//!
//! The shape is CloudTrail's, so that queries and tools for it work. Never in a record: plaintexts,
//! ciphertexts, data keys, grant tokens, key material. Always in clear: encryption contexts, aliases, tags,
//! descriptions, policies being set.

use std::{borrow::Cow, future::poll_fn, mem::ManuallyDrop, net::IpAddr, sync::Arc, task::Poll};

use reseal_types::{AccountId, Region, Timestamp};

use crate::{
    audit::{AuditSink, AuditUnavailable, BatchId, Kept},
    call::{Call, RequestId},
    env::{Entropy, Env, NoEntropy},
    error::{Error, Fault},
    json::JsonObject,
    keyring::{Key, RESOURCE_TYPE},
    operation::{Notes, ServiceNote},
    per_thread::Local,
};

/// Members that every record has.
const EVENT_VERSION: &[u8] = br#","eventVersion":"1.11""#;
const CATEGORY: &[u8] = br#","eventCategory":"Management""#;
/// Room for a record without the parameters in it, and for these, that is nearly always enough.
const RECORD_BYTES: usize = 1_792;
const PARAMETERS_BYTES: usize = 768;
/// Most operations work on one key, some on two.
const KEYS: usize = 2;
pub(crate) const EVENT_SOURCE: &str = "kms.amazonaws.com";
/// What an operator does to the service itself, outside the API.
pub(crate) const ADMIN_SOURCE: &str = "admin.reseal";

/// What a call is about, as its record has it.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Such as `kms.amazonaws.com`.
    pub source: &'static str,
    /// The operation's name.
    pub name: &'static str,
    /// Whether it only reads; true for all cryptographic operations.
    pub read_only: bool,
    /// The type of the resources that it works on.
    pub resource_type: &'static str,
}

/// A record in the making.
pub(crate) struct Trail<'a> {
    call: &'a Call,
    event: Event,
    event_id: RequestId,
    at: Timestamp,
    /// What is known of the request once it is parsed: a JSON object.
    parameters: Vec<u8>,
    /// What is worked on: source first, then destination.
    resources: Vec<Resource>,
    /// In the order in which they were made; a refusal is the last.
    decisions: Vec<Decided>,
}

/// What a call works on.
enum Resource {
    /// A KMS key that it may use.
    Key(Local<Key>),
    /// Something else, by its ARN, with its owner.
    Named(AccountId, String),
}

impl Resource {
    fn owner(&self) -> AccountId {
        match self {
            Self::Key(key) => key.record.account,
            Self::Named(owner, _) => *owner,
        }
    }

    fn arn(&self) -> &str {
        match self {
            Self::Key(key) => key.arn(),
            Self::Named(_, arn) => arn,
        }
    }

    /// What is said of it, where that stands ready.
    fn described(&self) -> Option<&[u8]> {
        match self {
            Self::Key(key) => Some(key.described()),
            Self::Named(..) => None,
        }
    }
}

/// What the policies said to one action, and by what.
pub(crate) struct Decided {
    pub(crate) action: &'static str,
    pub(crate) allowed: bool,
    /// The owner of the key that it was asked on.
    pub(crate) owner: Option<AccountId>,
    /// The key, where it was refused: no resource of the call then. For the owner's eyes.
    pub(crate) refused_key: Option<Arc<str>>,
    /// The statement of the key policy, or the grant. For the owner's eyes.
    pub(crate) by_key: Option<String>,
    /// The statement of the caller's own policies. For the eyes of the caller's account.
    pub(crate) by_own: Option<String>,
}

/// A record, ready to be kept.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) event_id: RequestId,
    /// The account whose log it is.
    pub(crate) recipient: AccountId,
    pub(crate) json: Vec<u8>,
}

/// Whose copy of a record it is.
struct Copy<'c> {
    recipient: AccountId,
    event_id: RequestId,
    shared: Option<RequestId>,
    region: &'c Region,
}

impl<'a> Trail<'a> {
    /// Opens the record of a call. Nowhere to keep it: the call is not attempted.
    pub(crate) fn open(env: &Env, call: &'a Call, event: Event) -> Result<Self, Error> {
        env.audit.ready()?;
        let event_id = RequestId::random(env.entropy.as_ref())?;
        Ok(Self {
            call,
            event,
            event_id,
            at: env.clock.now(),
            parameters: Vec::with_capacity(PARAMETERS_BYTES),
            resources: Vec::with_capacity(KEYS),
            decisions: Vec::with_capacity(KEYS),
        })
    }

    /// Takes another event id. The record of a failure must not stand for that of a change which may have been
    /// committed all the same.
    pub(crate) fn renew(&mut self, entropy: &dyn Entropy) -> Result<(), Error> {
        self.event_id = RequestId::random(entropy)?;
        Ok(())
    }

    /// What was called.
    pub(crate) fn operation(&self) -> &'static str {
        self.event.name
    }

    /// When the call came.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// The id that the caller is told.
    pub(crate) fn request_id(&self) -> &RequestId {
        &self.call.request_id
    }

    /// Notes what the request asks for. Replaces what an earlier attempt noted.
    pub(crate) fn note_parameters(&mut self, describe: impl FnOnce(&mut JsonObject<'_>)) {
        self.parameters.clear();
        JsonObject::write(&mut self.parameters, describe);
        self.begin_again();
    }

    /// Notes what the request asks for, as JSON. Replaces what an earlier attempt noted.
    pub(crate) fn set_parameters(&mut self, json: Option<Vec<u8>>) {
        self.parameters = json.unwrap_or_default();
        self.begin_again();
    }

    fn begin_again(&mut self) {
        self.resources.clear();
        self.decisions.clear();
    }

    /// Notes what the policies said.
    pub(crate) fn note_decision(&mut self, decided: Decided) {
        self.decisions.push(decided);
    }

    /// Notes a key that the call may use.
    pub(crate) fn note_key(&mut self, key: Local<Key>) {
        self.resources.push(Resource::Key(key));
    }

    /// The keys that the call may use.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Local<Key>> {
        self.resources.iter().filter_map(|resource| match resource {
            Resource::Key(key) => Some(key),
            Resource::Named(..) => None,
        })
    }

    /// Notes something that is no key and that the call works on.
    pub(crate) fn note_resource(&mut self, owner: AccountId, arn: String) {
        self.resources.push(Resource::Named(owner, arn));
    }

    /// The records of the call, with their event ids: one for the caller's account and, when keys of other accounts
    /// were used, one for each of those, tied together by a shared event id. A refusal is the caller's alone.
    pub(crate) fn records(
        &self,
        entropy: &dyn Entropy,
        result: Result<&Notes, &dyn Fault>,
    ) -> Result<Vec<Line>, Error> {
        let own = self.call.caller.account();
        let refused = result.is_err_and(Fault::is_refusal);
        let owners = self.resources.iter().map(Resource::owner);
        let mut owners: Vec<AccountId> = owners.filter(|owner| *owner != own && !refused).collect();
        owners.sort_unstable();
        owners.dedup();
        let shared = if owners.is_empty() { None } else { Some(RequestId::random(entropy)?) };
        let region = &self.call.region;
        let copy = Copy { recipient: own, event_id: self.event_id, shared, region };
        let mut lines = vec![self.line(&copy, result)];
        for owner in owners {
            let event_id = RequestId::random(entropy)?;
            let copy = Copy { recipient: owner, event_id, shared, region };
            lines.push(self.line(&copy, result));
        }
        let Ok(notes) = result else { return Ok(lines) };
        if let Some(region) = &notes.also_in {
            let event_id = RequestId::random(entropy)?;
            let copy = Copy { recipient: own, event_id, shared: None, region };
            lines.push(self.line(&copy, result));
        }
        for note in &notes.events {
            lines.push(note.line(self.at, entropy)?);
        }
        Ok(lines)
    }

    fn line(&self, copy: &Copy<'_>, result: Result<&Notes, &dyn Fault>) -> Line {
        Line { event_id: copy.event_id, recipient: copy.recipient, json: self.record(copy, result) }
    }

    /// One copy as one line of JSON.
    fn record(&self, copy: &Copy<'_>, result: Result<&Notes, &dyn Fault>) -> Vec<u8> {
        let Self { call, event, .. } = self;
        let mut line = Vec::with_capacity(RECORD_BYTES + self.parameters.len());
        JsonObject::write(&mut line, |record| {
            record.members(EVENT_VERSION);
            record.object("userIdentity", |identity| call.caller.describe(copy.recipient, identity));
            record.time("eventTime", self.at);
            record.plain("eventSource", event.source.as_bytes());
            record.plain("eventName", event.name.as_bytes());
            record.plain("awsRegion", copy.region.as_bytes());
            record.filled("sourceIPAddress", |text| write_ip(call.source_ip, text));
            record.text("userAgent", &call.user_agent);
            if let Err(error) = result {
                record.text("errorCode", error.audit_code());
                record.optional_text("errorMessage", error.message().as_deref());
            }
            let logged = self.parameters.len() > b"{}".len();
            record.raw("requestParameters", if logged { &self.parameters } else { b"null" });
            match result.ok().and_then(|notes| notes.response_elements.as_deref()) {
                Some(elements) => record.raw("responseElements", elements),
                None => record.members(br#","responseElements":null"#),
            }
            if let Some(notes) = result.ok().filter(|notes| notes.has_additional()) {
                record.object("additionalEventData", |data| notes.describe_additional(data));
            }
            self.write_decisions(record, copy);
            record.plain("requestID", call.request_id.as_bytes());
            record.plain("eventID", copy.event_id.as_bytes());
            record.members(if event.read_only { br#","readOnly":true"# } else { br#","readOnly":false"# });
            self.write_resources(record, copy, result.ok());
            record.members(br#","eventType":"AwsApiCall","managementEvent":true"#);
            record.plain("recipientAccountId", copy.recipient.as_bytes());
            record.optional_text("sharedEventID", copy.shared.as_ref().map(RequestId::as_str));
            record.members(CATEGORY);
            if let Some(tls) = &call.tls {
                record.object("tlsDetails", |details| {
                    details.text("tlsVersion", tls.version);
                    details.text("cipherSuite", &tls.cipher_suite);
                    details.text("clientProvidedHostHeader", &tls.host);
                    details.optional_text("keyExchange", tls.key_exchange.as_deref());
                });
            }
        });
        line
    }

    /// `authorization`, an addition to CloudTrail's shape: which statements or grants decided, as far as they are the
    /// recipient's own.
    fn write_decisions(&self, record: &mut JsonObject<'_>, copy: &Copy<'_>) {
        if self.decisions.is_empty() {
            return;
        }
        let is_caller = copy.recipient == self.call.caller.account();
        record.objects("authorization", &self.decisions, |object, decided| {
            object.plain("action", decided.action.as_bytes());
            object.members(if decided.allowed { br#","effect":"Allow""# } else { br#","effect":"Deny""# });
            let is_owner = decided.owner == Some(copy.recipient);
            object.optional_text("refusedKey", decided.refused_key.as_deref().filter(|_| is_owner));
            let by_key = decided.by_key.as_deref().filter(|_| is_owner);
            let by_own = decided.by_own.as_deref().filter(|_| is_caller);
            object.texts("decidedBy", by_key.into_iter().chain(by_own));
        });
    }

    fn write_resources(&self, record: &mut JsonObject<'_>, copy: &Copy<'_>, notes: Option<&Notes>) {
        let own = self.call.caller.account();
        let worked_on =
            self.resources.iter().map(|resource| (resource.owner(), resource.arn(), resource.described()));
        // A call recorded in two Regions worked on a key in each.
        let apart = notes.is_some_and(|notes| notes.also_in.is_some());
        let here = |arn: &str| !apart || arn.split(':').nth(3) == Some(copy.region.as_str());
        let worked_on = worked_on.filter(|(_, arn, _)| here(arn));
        let added = notes.map(|notes| notes.resources.as_slice()).unwrap_or_default();
        let added = added.iter().map(|arn| (own, arn.as_str(), None));
        record.objects("resources", worked_on.chain(added), |resource, (account, arn, described)| {
            if let Some(described) = described {
                return resource.members(described);
            }
            resource.plain("accountId", account.as_bytes());
            resource.plain("type", self.event.resource_type.as_bytes());
            resource.text("ARN", arn);
        });
    }
}

/// Addresses of the common kind are written without the machinery of formatting.
fn write_ip(ip: IpAddr, text: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    text.push(b'.');
                }
                text.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        IpAddr::V6(ip) => text.extend_from_slice(ip.to_string().as_bytes()),
    }
}

/// Appends a record and waits until it is as durable as the setting asks for.
pub(crate) async fn keep(audit: &dyn AuditSink, record: Cow<'_, [u8]>) -> Result<(), AuditUnavailable> {
    let kept = audit.append(&record)?;
    // Before others run: what they write next finds this memory warm.
    drop(record);
    match kept {
        Kept::Already => Ok(()),
        Kept::Queued(batch) => {
            let unsettled = Unsettled { audit, batch };
            after_the_others().await;
            unsettled.settle()
        }
        Kept::When(durable) => durable.await.map_err(|_| AuditUnavailable),
    }
}

/// A record that waits to be written. When its call ends before that, because its client went away, it is written all the
/// same: the deed was done.
struct Unsettled<'a> {
    audit: &'a dyn AuditSink,
    batch: BatchId,
}

impl Unsettled<'_> {
    fn settle(self) -> Result<(), AuditUnavailable> {
        let Self { audit, batch } = *ManuallyDrop::new(self);
        audit.settle(batch)
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        // Nobody is left to be told; the log itself says when it failed.
        let _ = self.audit.settle(self.batch);
    }
}

/// Lets every task that is ready on this thread run before this one goes on.
async fn after_the_others() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Something that no call of the API did.
pub(crate) struct ServiceEvent<'e> {
    /// Such as `DeleteKey`.
    pub(crate) name: &'e str,
    /// [`EVENT_SOURCE`], or [`ADMIN_SOURCE`] for what an operator did.
    pub(crate) source: &'e str,
    /// The Region; none for what belongs to no Region.
    pub(crate) region: Option<&'e str>,
    /// The account whose log this belongs to.
    pub(crate) account: AccountId,
    /// The KMS key, if it is about one.
    pub(crate) key_arn: Option<&'e str>,
    /// `serviceEventDetails` besides `keyId`.
    pub(crate) details: &'e [(&'static str, String)],
    /// When.
    pub(crate) at: Timestamp,
}

impl ServiceNote {
    /// Its record.
    pub(crate) fn line(&self, at: Timestamp, entropy: &dyn Entropy) -> Result<Line, NoEntropy> {
        let event_id = RequestId::random(entropy)?;
        let event = ServiceEvent {
            name: self.name,
            source: EVENT_SOURCE,
            region: Some(self.region.as_str()),
            account: self.account,
            key_arn: Some(&self.key_arn),
            details: &self.details,
            at,
        };
        Ok(Line { event_id, recipient: self.account, json: service_event(&event, &event_id) })
    }
}

/// The record of something that no call of the API did, such as the deletion of a key whose window has passed.
pub(crate) fn service_event(event: &ServiceEvent<'_>, event_id: &RequestId) -> Vec<u8> {
    let ServiceEvent { name, source, region, account, key_arn, details, at } = event;
    let mut line = Vec::with_capacity(768);
    JsonObject::write(&mut line, |record| {
        record.members(EVENT_VERSION);
        record.object("userIdentity", |identity| {
            identity.text("accountId", account.as_str());
            identity.text("invokedBy", "AWS Internal");
        });
        record.time("eventTime", *at);
        record.text("eventSource", source);
        record.text("eventName", name);
        record.optional_text("awsRegion", *region);
        record.text("sourceIPAddress", "AWS Internal");
        record.text("userAgent", "AWS Internal");
        record.raw("requestParameters", b"null");
        record.raw("responseElements", b"null");
        record.text("eventID", event_id.as_str());
        record.boolean("readOnly", false);
        record.objects("resources", *key_arn, |resource, arn| {
            resource.text("accountId", account.as_str());
            resource.text("type", RESOURCE_TYPE);
            resource.text("ARN", arn);
        });
        record.members(br#","eventType":"AwsServiceEvent","managementEvent":true"#);
        record.text("recipientAccountId", account.as_str());
        record.members(CATEGORY);
        if let Some(arn) = key_arn {
            record.object("serviceEventDetails", |object| {
                object.text("keyId", arn);
                details.iter().for_each(|(name, value)| object.text(name, value));
            });
        }
    });
    line
}
