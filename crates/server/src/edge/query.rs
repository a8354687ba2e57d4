//! Calls of IAM and STS: a form in, XML out. The order of the stages is that of KMS calls.

use std::{sync::Arc, time::Instant};

use hyper::{StatusCode, body::Incoming, http::request::Parts};
use reseal_core::{
    call::{Call, RequestId},
    error::Error as CoreError,
};
use reseal_identity::{Code, Entry, Fault, Form};

use super::{Inner, run};
use crate::{
    authenticate::{Scope, authenticate, call_by_token},
    connection::{Answer, Peer},
    wire::{self, Failure},
};

/// The one action that may be called by GET: its answer is no secret, and its presigned form proves who one is.
const BY_GET: &str = "sts:GetCallerIdentity";

/// How far a call has come: what its answer and its counters need.
#[derive(Default)]
struct Known {
    entry: Option<&'static Entry>,
}

impl Inner {
    pub(super) async fn query(
        &self,
        in_body: bool,
        request: &Parts,
        body: Incoming,
        peer: &Peer,
        request_id: Result<&RequestId, CoreError>,
    ) -> Answer {
        let started = Instant::now();
        let id = request_id.as_ref().ok().copied();
        let mut known = Known::default();
        let outcome = self.query_attempt(in_body, request, body, peer, request_id, &mut known).await;
        let spec = known.entry.map(|entry| &entry.spec);
        let metrics = spec.map_or(&self.metrics.no_operation, |spec| self.metrics.action(spec.name()));
        metrics.observe(started.elapsed(), outcome.as_ref().err().map(wire::query_code));
        match outcome {
            Ok(body) => wire::xml(StatusCode::OK, body),
            Err(failure) => {
                failure.log(id);
                wire::query_failure(&failure, spec.map(reseal_identity::Spec::api), id)
            }
        }
    }

    async fn query_attempt(
        &self,
        in_body: bool,
        request: &Parts,
        body: Incoming,
        peer: &Peer,
        request_id: Result<&RequestId, CoreError>,
        known: &mut Known,
    ) -> Result<Vec<u8>, Failure> {
        if request.headers.len() > self.max_headers {
            return Err(Failure::TooManyHeaders);
        }
        let body = self.bodies.read(&request.headers, body).await?;
        let form = if in_body {
            Form::parse(&body.bytes)
        } else {
            Form::parse(request.uri.query().unwrap_or_default().as_bytes())
        };
        let form = form.map_err(|_| {
            let text = "The query string contains a syntax error".to_owned();
            Failure::Action(Fault::Answer(Code::MalformedQueryString, text))
        })?;
        let entry = reseal_identity::find(&form).map_err(Failure::Action)?;
        known.entry = Some(entry);
        if !in_body && entry.spec.action != BY_GET {
            let text = format!("{} must be called by POST.", entry.spec.name());
            return Err(Failure::Action(Fault::Answer(Code::InvalidAction, text)));
        }
        let id = *request_id?;
        let call = if entry.spec.by_token {
            let caller = reseal_identity::by_token(&self.env, &self.hooks.issuers, &form).await;
            let caller = caller.map_err(Failure::Action);
            caller.and_then(|caller| call_by_token(caller, request, peer, id))
        } else {
            let scope = Scope::Global(entry.spec.api().signing_name());
            authenticate(self.presented(scope, request, peer, id, &body)).await
        };
        let call = call.inspect_err(|failure| self.note(failure, peer))?;
        self.act(entry, call, form).await
    }

    /// Runs the action, as `handle` runs operations.
    async fn act(&self, entry: &'static Entry, call: Call, form: Form) -> Result<Vec<u8>, Failure> {
        let caught = if entry.spec.read_only {
            run(|| entry.handle(&self.env, &call, &form)).await
        } else {
            let env = Arc::clone(&self.env);
            let change = tokio::spawn(async move { run(|| entry.handle(&env, &call, &form)).await });
            change.await.ok().flatten()
        };
        let Some(result) = caught else {
            self.metrics.handler_panicked();
            return Err(Failure::Panicked);
        };
        result.map_err(Failure::Action)
    }
}
