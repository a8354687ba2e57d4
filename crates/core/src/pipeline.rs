//! The one way through the house. The only caller of `execute`, the only place that commits what an operation
//! changes, and the owner of the order of checks:
//!
//! shape of the request, keys found, attestation of its recipient, authorization of every key, state of every key, usage of every key, then
//! the operation itself. Authorization comes before state, so that a caller learns nothing about a key it may
//! not use; both sides of a ReEncrypt are authorized before anything is decrypted.

use std::{marker::PhantomData, mem, pin::Pin};

use reseal_types::Timestamp;
use tracing::warn;

use crate::{
    audit::AuditUnavailable,
    authorize::authorize,
    boxed::box_in_place,
    call::Call,
    env::Env,
    error::{Cause, Error, Fault},
    keyring::RESOURCE_TYPE,
    last_use::Tracked,
    members::Members,
    operation::{KeyRule, OpSpec, Operation, Request, ServiceNote},
    outbox,
    permit::Permits,
    resolve::{Resolved, resolve},
    respond,
    store::StoreError,
    trail::{EVENT_SOURCE, Event, Line, Trail, keep},
    vault::{Changes, VaultError},
};
#[cfg(any(test, feature = "test-util"))]
use crate::{
    keyring::Key,
    per_thread::Local,
    resolve::{Found, ShownAs},
};

/// How often a call that met a concurrent change of the same records tries again. From the second time on it holds
/// the turn, so only those that had begun before can still come in between, each of them once.
const ATTEMPTS: usize = 1_000;

/// An operation, ready to be called by name.
pub struct Entry {
    /// Its rules.
    pub spec: &'static OpSpec,
    run: for<'a> fn(&'a Env, &'a Call, &'a [u8]) -> Answer<'a>,
}

/// What a call that worked is answered with.
#[derive(Debug, Default)]
pub struct Reply {
    /// The body; empty for operations without an output shape.
    pub body: Vec<u8>,
    /// What was accepted and looks like a mistake, in printable ASCII.
    pub warnings: Vec<String>,
}

/// A reply to come.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>>;

impl Entry {
    pub(crate) const fn of<Op: Operation>() -> Self {
        Self { spec: &Op::SPEC, run: |env, call, body| box_in_place(|| handle::<Op>(env, call, body)) }
    }

    /// Runs the operation. No result comes out before its audit record is kept.
    pub fn handle<'a>(&self, env: &'a Env, call: &'a Call, body: &'a [u8]) -> Answer<'a> {
        (self.run)(env, call, body)
    }
}

async fn handle<Op: Operation>(env: &Env, call: &Call, body: &[u8]) -> Result<Reply, Error> {
    let OpSpec { name, read_only, .. } = Op::SPEC;
    let event = Event { source: EVENT_SOURCE, name, read_only, resource_type: RESOURCE_TYPE };
    let mut trail = Trail::open(env, call, event)?;
    let operation = OfOperation::<Op> { env, call, body, operation: PhantomData };
    recorded(env, &mut trail, Op::SPEC.takes_turns(), &operation).await
}

/// One try at a call.
pub(crate) trait Attempt {
    /// How it fails.
    type Fault: Fault + From<Error>;

    /// Does all of the call but the keeping of its record. Only the first try counts against a request rate.
    fn attempt(
        &self,
        trail: &mut Trail<'_>,
        first: bool,
    ) -> impl Future<Output = Result<Done, Self::Fault>> + Send;
}

struct OfOperation<'a, Op> {
    env: &'a Env,
    call: &'a Call,
    body: &'a [u8],
    operation: PhantomData<fn() -> Op>,
}

impl<Op: Operation> Attempt for OfOperation<'_, Op> {
    type Fault = Error;

    async fn attempt(&self, trail: &mut Trail<'_>, first: bool) -> Result<Done, Error> {
        attempt::<Op>(self.env, self.call, self.body, trail, first).await
    }
}

/// Tries until no concurrent change of the same records is in the way; gives the answer once its record is kept.
pub(crate) async fn recorded<A: Attempt>(
    env: &Env,
    trail: &mut Trail<'_>,
    takes_turns: bool,
    attempt: &A,
) -> Result<Reply, A::Fault> {
    let mut result = Err(Error::Internal(Cause::Contended).into());
    let mut turn = None;
    for tries in 0..ATTEMPTS {
        if takes_turns && turn.is_none() {
            // Waits for who holds it; keeps it after a conflict.
            turn = Some(Box::pin(env.turn.lock()).await).filter(|_| tries > 0);
        }
        result = attempt.attempt(trail, tries == 0).await;
        if !matches!(
            result.as_ref().err().and_then(Fault::as_core),
            Some(Error::Internal(Cause::Vault(VaultError::Store(StoreError::Conflict))))
        ) {
            break;
        }
    }
    match result {
        Ok(mut done) => {
            for warning in &done.reply.warnings {
                warn!(operation = trail.operation(), %warning, "a call worked that looks like a mistake");
            }
            let mut kept = Ok(());
            for line in &mut done.lines {
                kept = kept.and(if done.posted {
                    keep_posted(env, trail.at(), line).await
                } else {
                    keep(env.audit.as_ref(), mem::take(&mut line.json).into()).await
                });
            }
            if let (Ok(()), Some(operation)) = (kept, done.used_by) {
                note_use(operation, trail, &done.lines);
            }
            kept.map(|()| done.reply).map_err(|error| Error::from(error).into())
        }
        Err(fault) => {
            if matches!(fault.as_core(), Some(Error::Internal(_))) {
                trail.renew(env.entropy.as_ref())?;
            }
            for line in trail.records(env.entropy.as_ref(), Err(&fault))? {
                keep(env.audit.as_ref(), line.json.into()).await.map_err(Error::from)?;
            }
            Err(fault)
        }
    }
}

/// Appends a record to the log that was committed with its change. It is tried again later when that fails.
async fn keep_posted(env: &Env, at: Timestamp, line: &Line) -> Result<(), AuditUnavailable> {
    let kept = keep(env.audit.as_ref(), (&*line.json).into()).await;
    match &kept {
        Ok(()) => env.outbox.delivered(at, line.event_id.as_str()),
        Err(_) => env.outbox.try_again(at, line.clone()),
    }
    kept
}

/// A call that worked: its answer, and the records that say so.
pub(crate) struct Done {
    pub(crate) reply: Reply,
    pub(crate) lines: Vec<Line>,
    /// The records are in the store, together with the change.
    pub(crate) posted: bool,
    /// The operation, if it counts as a use of the keys.
    pub(crate) used_by: Option<Tracked>,
}

/// Notes the use with each key, by the record in its owner's log.
fn note_use(operation: Tracked, trail: &Trail<'_>, lines: &[Line]) {
    for key in trail.keys() {
        if let Some(line) = lines.iter().find(|line| line.recipient == key.record.account) {
            key.last_use.note(operation, trail.at(), &line.event_id, trail.request_id());
        }
    }
}

async fn attempt<Op: Operation>(
    env: &Env,
    call: &Call,
    body: &[u8],
    trail: &mut Trail<'_>,
    is_first: bool,
) -> Result<Done, Error> {
    let (mut request, grant_tokens) = parse::<Op::Request>(body)?;
    trail.note_parameters(|parameters| request.describe(parameters));
    env.check_grant_tokens(&grant_tokens).await?;
    let permits = permit::<Op>(env, call, &mut request, trail, is_first).await?;
    permits.check_state_and_usage(&Op::SPEC)?;
    if request.ignores_ciphertext() {
        return Err(Error::DryRun);
    }
    let dry_run = request.dry_run();
    let mut outcome = Op::execute(env, call, permits, request).await?;
    if dry_run {
        return Err(Error::DryRun);
    }
    if Op::SPEC.is_cryptographic() {
        for key in trail.keys() {
            outcome.notes.key_store(key);
        }
    }
    let body = encode::<Op>(&outcome.response)?;
    let lines = trail.records(env.entropy.as_ref(), Ok(&outcome.notes))?;
    let posted = !outcome.changes.is_empty();
    if posted {
        let mut changes = outcome.changes;
        for key in trail.keys() {
            changes.expect(key.place()?, Some(key.version));
        }
        Box::pin(commit(env, trail, changes, &lines)).await?;
    }
    let used_by = const { Tracked::of(Op::SPEC.name) };
    Ok(Done { reply: Reply { body, warnings: outcome.notes.warnings }, lines, posted, used_by })
}

/// The request and its grant tokens.
fn parse<R: Request>(body: &[u8]) -> Result<(R, Vec<String>), Error> {
    let mut members = Members::parse(body)?;
    let request = R::read(&mut members)?;
    let grant_tokens = members.finish()?;
    request.check()?;
    Ok((request, grant_tokens))
}

/// Finds all keys, then authorizes all: what a first refusal would tell must not depend on a second key.
async fn permit<Op: Operation>(
    env: &Env,
    call: &Call,
    request: &mut Op::Request,
    trail: &mut Trail<'_>,
    is_first: bool,
) -> Result<Permits, Error> {
    let resolved = find_keys::<Op>(env, call, request).await;
    // A call counts once, and also when its keys are not there or not its caller's to use.
    if let (true, Some(meter)) = (is_first, &env.meter) {
        let keys = resolved.iter().flatten().filter_map(|(_, resolved)| resolved.key());
        meter.admit(call, Op::SPEC.name, &Op::facts(request, 0), keys, env.clock.now())?;
    }
    let resolved = resolved?;
    if let Some(recipient) = request.recipient() {
        Box::pin(recipient.verify(env)).await?;
    }
    authorize::<Op>(env, call, request, resolved, trail).await
}

/// Decides about one call `rounds` times, as [`permit`] does once the keys are found. For benchmarks.
#[cfg(any(test, feature = "test-util"))]
pub(crate) async fn decide<Op: Operation>(
    env: &Env,
    call: &Call,
    body: &[u8],
    rounds: u32,
) -> Result<(), Error> {
    let OpSpec { name, read_only, .. } = Op::SPEC;
    let event = Event { source: EVENT_SOURCE, name, read_only, resource_type: RESOURCE_TYPE };
    let mut trail = Trail::open(env, call, event)?;
    let (request, _) = parse::<Op::Request>(body)?;
    let mut keys = Vec::new();
    for (rule, resolved) in find_keys::<Op>(env, call, &request).await? {
        if let Resolved::Key(found) = resolved {
            keys.push((rule, found.key));
        }
    }
    for _ in 0..rounds {
        trail.note_parameters(|_| {});
        let found = |key: &Local<Key>| {
            Resolved::Key(Found { key: key.clone(), alias: None, shown_as: ShownAs::KeyArn })
        };
        let resolved = keys.iter().map(|(rule, key)| (*rule, found(key))).collect();
        authorize::<Op>(env, call, &request, resolved, &mut trail).await?;
    }
    Ok(())
}

async fn find_keys<Op: Operation>(
    env: &Env,
    call: &Call,
    request: &Op::Request,
) -> Result<Vec<(&'static KeyRule, Resolved)>, Error> {
    let spec = &Op::SPEC;
    let targets = Op::targets(request)?;
    let mut resolved = Vec::with_capacity(targets.len());
    for (rule, target) in spec.keys.iter().zip(targets) {
        let first = resolved.first().map(|(_, first)| first);
        // Nothing where the request leads to no key after all: the operation says why, once the others are checked.
        if let Some(found) = resolve(env, call, spec, rule, target, first).await? {
            resolved.push((rule, found));
        }
    }
    Ok(resolved)
}

fn encode<Op: Operation>(response: &Op::Response) -> Result<Vec<u8>, Error> {
    if Op::SPEC.empty_response {
        return Ok(Vec::new());
    }
    // Room for most answers: growing copies.
    let mut body = Vec::with_capacity(1_024);
    respond::write(response, &mut body).map_err(|error| Error::Internal(Cause::Response(error)))?;
    Ok(body)
}

/// Commits a change together with its audit records: after a crash, all are there or none.
pub(crate) async fn commit(
    env: &Env,
    trail: &Trail<'_>,
    mut changes: Changes,
    lines: &[Line],
) -> Result<(), Error> {
    for line in lines {
        outbox::post(&mut changes, trail.at(), line.event_id.as_str(), &line.json)?;
    }
    env.commit(changes).await?;
    Ok(())
}

/// Something that no call of the API does, committed with its record like any change.
pub(crate) async fn commit_service_event(env: &Env, changes: Changes, line: Line) -> Result<(), Error> {
    commit_service_lines(env, changes, vec![line]).await
}

/// What the service does by itself, committed with its records like any change.
pub(crate) async fn commit_service_notes(
    env: &Env,
    changes: Changes,
    notes: &[ServiceNote],
) -> Result<(), Error> {
    let now = env.clock.now();
    let lines = notes.iter().map(|note| note.line(now, env.entropy.as_ref()));
    commit_service_lines(env, changes, lines.collect::<Result<_, _>>()?).await
}

async fn commit_service_lines(env: &Env, mut changes: Changes, lines: Vec<Line>) -> Result<(), Error> {
    env.audit.ready()?;
    let now = env.clock.now();
    for line in &lines {
        outbox::post(&mut changes, now, line.event_id.as_str(), &line.json)?;
    }
    env.commit(changes).await?;
    for line in &lines {
        // It is done, and the record is in the store: what the log does not take now is delivered later.
        let _: Result<(), AuditUnavailable> = keep_posted(env, now, line).await;
    }
    Ok(())
}
