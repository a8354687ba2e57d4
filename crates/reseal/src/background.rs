//! What the service does by itself: destroys and rotates what is due, tidies the outbox, records failed
//! authentications, looks after custom key stores, and looks once at every stored record.

use std::{sync::Arc, time::Duration};

use reseal_audit::FailedAuthentications;
use reseal_core::{
    audit::{AuditSink, Kept},
    call::RequestId,
    env::Env,
};
use reseal_types::Timestamp;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{error, info, warn};

const STEP: Duration = Duration::from_secs(2);
const RECORD_FAILURES: Duration = Duration::from_secs(15);
/// As much as a process that is killed forgets of which key was used last.
const WRITE_LAST_USES: Duration = Duration::from_mins(1);
/// AWS asks every five minutes, too.
const CHECK_KEY_STORES: Duration = Duration::from_mins(5);
const TRY_AGAIN: Duration = Duration::from_secs(5);
const MINUTE_MILLIS: i64 = 60_000;

/// Works on jobs until dropped.
pub(crate) async fn run(env: Arc<Env>, audit: Arc<dyn AuditSink>, failures: Arc<FailedAuthentications>) {
    let [mut step, mut record, mut last_uses] = [STEP, RECORD_FAILURES, WRITE_LAST_USES].map(interval);
    for interval in [&mut step, &mut record, &mut last_uses] {
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            _ = step.tick() => {
                env.do_what_is_due().await;
                sweep_outbox(&env).await;
            }
            _ = last_uses.tick() => write_last_uses(&env).await,
            _ = record.tick() => record_failures(&env, audit.as_ref(), &failures, env.clock().now()).await,
        }
    }
}

/// Connects and disconnects custom key stores, each on its own: a slow one holds up no other.
pub(crate) async fn key_stores(env: Arc<Env>) {
    while let Err(error) = env.resume_key_stores().await {
        error!(?error, "the custom key stores could not be read; trying again");
        sleep(TRY_AGAIN).await;
    }
    let mut health = interval(CHECK_KEY_STORES);
    health.set_missed_tick_behavior(MissedTickBehavior::Delay);
    health.tick().await;
    let mut work = JoinSet::new();
    loop {
        tokio::select! {
            task = env.next_key_store_task() => {
                let env = Arc::clone(&env);
                work.spawn(async move {
                    while let Err(error) = env.work_on_key_store(&task).await {
                        error!(?error, "a custom key store could not be looked after; trying again");
                        sleep(TRY_AGAIN).await;
                    }
                });
            }
            _ = health.tick() => {
                let env = Arc::clone(&env);
                work.spawn(async move {
                    if let Err(error) = env.check_key_stores().await {
                        error!(?error, "the custom key stores could not be checked");
                    }
                });
            }
            Some(_) = work.join_next() => {}
        }
    }
}

/// What must not be left for the next start. To be called when no call is in flight any more.
pub(crate) async fn finish(env: &Env, audit: &dyn AuditSink, failures: &FailedAuthentications) {
    write_last_uses(env).await;
    sweep_outbox(env).await;
    let minute_over = Timestamp::from_millis(env.clock().now().millis() + MINUTE_MILLIS);
    record_failures(env, audit, failures, minute_over).await;
}

/// Opens every record once, so that damage is known before the record is needed.
pub(crate) async fn scrub(env: Arc<Env>) {
    let mut refused = 0_u64;
    // The vault itself logs the name of each.
    let outcome = env.vault().scrub(|_| refused += 1);
    match outcome.await {
        Ok(records) if refused == 0 => info!(records, "every stored record opens"),
        Ok(records) => {
            error!(records, refused, "some stored records do not open: restore them from a backup");
        }
        Err(error) => error!(%error, "the stored records could not be looked at"),
    }
}

async fn write_last_uses(env: &Env) {
    if let Err(error) = env.write_last_uses().await {
        warn!(?error, "which keys were used last could not be written to the store; trying again");
    }
}

async fn sweep_outbox(env: &Env) {
    if let Err(error) = env.sweep_outbox().await {
        warn!(?error, "audit records already in the log could not be removed from the store; trying again");
    }
}

async fn record_failures(env: &Env, audit: &dyn AuditSink, failures: &FailedAuthentications, now: Timestamp) {
    for failure in failures.drain(now) {
        let record = RequestId::random(env.entropy()).ok().and_then(|id| failure.to_record(id.as_str()).ok());
        let kept = match record.map(|record| audit.append(&record)) {
            Some(Ok(Kept::Already)) => true,
            Some(Ok(Kept::Queued(batch))) => audit.settle(batch).is_ok(),
            Some(Ok(Kept::When(kept))) => kept.await.is_ok(),
            Some(Err(_)) | None => false,
        };
        if !kept {
            let (reason, count) = (failure.reason, failure.count);
            error!(source = ?failure.source, reason, count, "failed authentications could not be recorded");
        }
    }
}
