//! What an action of IAM or STS is: its rules as data, what it is about, what it does. One function owns the order of
//! its checks: shape of the request, what it is about, authorization, then the action itself.

use std::{iter, pin::Pin};

use reseal_core::{
    boxed::box_in_place,
    call::Call,
    directory::{DirectoryRecord, Edits, IdentityKind, Stored},
    env::Env,
    error::{AccessDenied, DeniedResource, Error},
    identity::PrincipalKind,
    service::{self, Ask, Deed, Event},
};
use reseal_policy::{ConditionKey, DenialReason};
use reseal_types::AccountId;

use crate::{
    fault::{Code, Fault},
    form::Form,
    members::Members,
    subject::{Found, Subject},
    xml::Xml,
};

/// The rules of an action.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The action that must be allowed, such as `iam:CreateUser`. Its name follows the colon.
    pub action: &'static str,
    /// Whether it only reads.
    pub read_only: bool,
    /// Whether anyone who is authenticated may call it: it tells callers about themselves, or decides by itself.
    pub open: bool,
    /// Whether it is called with a web identity token in place of a signature.
    pub by_token: bool,
    /// Parameters that no record may show.
    pub secret: &'static [&'static str],
}

/// The two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Version 2010-05-08.
    Iam,
    /// Version 2011-06-15.
    Sts,
}

impl Api {
    /// The service's name in a signature's scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }

    fn event_source(self) -> &'static str {
        match self {
            Self::Iam => "iam.amazonaws.com",
            Self::Sts => "sts.amazonaws.com",
        }
    }
}

impl Spec {
    pub(crate) const fn reads(action: &'static str) -> Self {
        Self { action, read_only: true, open: false, by_token: false, secret: &[] }
    }

    pub(crate) const fn changes(action: &'static str) -> Self {
        Self { read_only: false, ..Self::reads(action) }
    }

    /// The action's name in requests.
    pub fn name(&self) -> &'static str {
        self.action.split_once(':').map_or(self.action, |(_, name)| name)
    }

    /// The API it belongs to.
    pub fn api(&self) -> Api {
        if self.action.starts_with("sts:") { Api::Sts } else { Api::Iam }
    }
}

/// Where an action is done.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) env: &'a Env,
    pub(crate) call: &'a Call,
}

impl<'a> Work<'a> {
    pub(crate) fn account(&self) -> AccountId {
        self.call.caller.account()
    }

    pub(crate) fn partition(&self) -> &'a str {
        self.env.settings().partition.as_str()
    }
}

/// What a request says about itself to the policies.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    pub(crate) tags: &'a [(String, String)],
    pub(crate) tag_keys: &'a [String],
    /// `iam:PermissionsBoundary`, when the request sets one.
    pub(crate) boundary: Option<&'a str>,
    /// `iam:PolicyARN`
    pub(crate) policy_arn: Option<&'a str>,
    /// Other condition keys, by name.
    pub(crate) values: Vec<(String, &'a str)>,
}

/// What an action answers and changes.
#[derive(Default)]
pub(crate) struct Reply {
    /// What stands in the result element; `None`: there is no such element.
    pub(crate) result: Option<Xml>,
    pub(crate) edits: Edits,
    /// `responseElements`
    pub(crate) elements: Option<serde_json::Value>,
    /// Resources worked on, with their owners.
    pub(crate) resources: Vec<(AccountId, String)>,
}

impl Reply {
    /// These changes and no words.
    pub(crate) fn done(edits: Edits) -> Self {
        Self { edits, ..Self::default() }
    }

    /// This record written anew, and no words.
    pub(crate) fn updated(stored: &Stored<impl DirectoryRecord>) -> Result<Self, Fault> {
        let mut edits = Edits::default();
        edits.update(stored)?;
        Ok(Self::done(edits))
    }

    /// This record gone, and no words.
    pub(crate) fn deleted(stored: &Stored<impl DirectoryRecord>) -> Result<Self, Fault> {
        let mut edits = Edits::default();
        edits.delete(stored)?;
        Ok(Self::done(edits))
    }

    /// An answer.
    pub(crate) fn with(fill: impl FnOnce(&mut Xml)) -> Self {
        let mut result = Xml::default();
        fill(&mut result);
        Self { result: Some(result), ..Self::default() }
    }

    pub(crate) fn and(mut self, edits: Edits) -> Self {
        self.edits = edits;
        self
    }

    pub(crate) fn noting(mut self, elements: serde_json::Value) -> Self {
        self.elements = Some(elements);
        self
    }
}

/// One action, with its request.
pub(crate) trait Action: Sized + Send + Sync + 'static {
    /// Its rules.
    const SPEC: Spec;

    /// Reads the parameters; broken rules stay with `members`.
    fn read(members: &mut Members<'_>) -> Self;

    /// Rules beyond the model's that need nothing looked up.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// What it is about, and is decided on.
    fn subject(&self) -> Subject<'_>;

    /// What the policies may ask about the request.
    fn facts(&self) -> Facts<'_> {
        Facts::default()
    }

    /// Actions that must be allowed on the same resource besides that of `SPEC`.
    fn also(&self, _call: &Call) -> Vec<&'static str> {
        Vec::new()
    }

    /// Does the work. Decides, and writes nothing.
    fn execute(self, work: Work<'_>, found: Found) -> impl Future<Output = Result<Reply, Fault>> + Send;
}

/// An answer's body.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + Send + 'a>>;

/// An action, ready to be called by name.
pub struct Entry {
    /// Its rules.
    pub spec: Spec,
    run: for<'a> fn(&'a Env, &'a Call, &'a Form) -> Answer<'a>,
}

impl Entry {
    pub(crate) const fn of<A: Action>() -> Self {
        Self {
            spec: A::SPEC,
            run: |env, call, form| {
                box_in_place(|| async move {
                    service::perform(env, call, &Performing::<A>::new(env, call, form)).await
                })
            },
        }
    }

    /// Runs the action. No result comes out before its audit record is kept.
    pub fn handle<'a>(&self, env: &'a Env, call: &'a Call, form: &'a Form) -> Answer<'a> {
        (self.run)(env, call, form)
    }
}

struct Performing<'a, A> {
    work: Work<'a>,
    form: &'a Form,
    action: std::marker::PhantomData<fn() -> A>,
}

impl<'a, A: Action> Performing<'a, A> {
    fn new(env: &'a Env, call: &'a Call, form: &'a Form) -> Self {
        Self { work: Work { env, call }, form, action: std::marker::PhantomData }
    }
}

impl<A: Action> service::Action for Performing<'_, A> {
    type Fault = Fault;

    fn event(&self) -> Event {
        Event {
            source: A::SPEC.api().event_source(),
            name: A::SPEC.name(),
            read_only: A::SPEC.read_only,
            resource_type: "AWS::IAM::Role",
        }
    }

    fn parameters(&self) -> Option<Vec<u8>> {
        self.form.describe(A::SPEC.secret)
    }

    async fn attempt(&self) -> Result<Deed, Fault> {
        let work = self.work;
        let mut members = Members::of(self.form);
        let request = A::read(&mut members);
        members.finish()?;
        request.check()?;
        let found = request.subject().find(work).await?;
        refuse_by_credentials(work.call, A::SPEC)?;
        if !A::SPEC.open {
            for action in iter::once(A::SPEC.action).chain(request.also(work.call)) {
                authorize(work, action, &request.facts(), &request.subject(), &found)?;
            }
        }
        let reply = request.execute(work, found).await?;
        let response_elements =
            reply.elements.as_ref().and_then(|elements| serde_json::to_vec(elements).ok());
        Ok(Deed {
            body: answer(A::SPEC, work.call, reply.result.as_ref()),
            edits: reply.edits,
            response_elements,
            resources: reply.resources,
        })
    }
}

/// Rules that stand above all policies.
fn refuse_by_credentials(call: &Call, spec: Spec) -> Result<(), Fault> {
    let kind = call.caller.principal().kind();
    let of_session_token = call.caller.session().is_some() && *kind != PrincipalKind::Role;
    if of_session_token && spec.api() == Api::Iam {
        // GetSessionToken gives these; AWS lets them call IAM only when a device took part.
        let text = "The security token included in the request is invalid";
        return Err(Fault::new(Code::InvalidClientTokenId, text));
    }
    Ok(())
}

fn authorize(
    work: Work<'_>,
    action: &'static str,
    facts: &Facts<'_>,
    subject: &Subject<'_>,
    found: &Found,
) -> Result<(), Fault> {
    let mut values = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        values.extend(value.map(|value| (ConditionKey::Other(name.into()), value.to_owned())));
    };
    add("iam:PolicyARN", facts.policy_arn);
    add("iam:PermissionsBoundary", facts.boundary.or_else(|| found.boundary()));
    for (name, value) in &facts.values {
        add(name, Some(value));
    }
    if let PrincipalKind::WebIdentity(token) = work.call.caller.principal().kind() {
        let issuer = &token.issuer;
        let methods = token.methods.iter().map(|method| ("amr", method));
        let audiences = token.audiences.iter().map(|audience| ("oaud", audience));
        let single = [("sub", &token.subject), ("aud", &token.audience)];
        for (claim, value) in single.into_iter().chain(audiences).chain(methods) {
            values.push((ConditionKey::Other(format!("{issuer}:{claim}").into()), value.clone()));
        }
    }
    for (key, value) in found.tags() {
        values.push((ConditionKey::Other(format!("iam:ResourceTag/{key}").into()), value.clone()));
    }
    let resource = subject.arn(work, found);
    let trust = found.trust();
    if trust.is_none() && matches!(subject, Subject::Assumed(_)) {
        // A role that is not there refuses like one that trusts nobody.
        return Err(not_assumable(work, action, &resource));
    }
    let ask = Ask {
        action,
        resource: &resource,
        trust,
        request_tags: facts.tags,
        request_tag_keys: facts.tag_keys,
        resource_tags: found.tags(),
        values,
    };
    Ok(service::allow(work.env, work.call, ask)?)
}

fn not_assumable(work: Work<'_>, action: &'static str, arn: &str) -> Fault {
    Fault::Core(Error::AccessDenied(Box::new(AccessDenied {
        principal: work.call.caller.arn().to_owned(),
        action,
        resource: DeniedResource::Named { arn: arn.to_owned(), reason: DenialReason::NoResourcePolicyAllows },
    })))
}

fn answer(spec: Spec, call: &Call, result: Option<&Xml>) -> Vec<u8> {
    let mut xml = Xml::default();
    let name = spec.name();
    xml.root(&format!("{name}Response"), spec.api().namespace(), |xml| {
        if let Some(result) = result {
            xml.element(&format!("{name}Result"), |xml| xml.append(result));
        }
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", call.request_id.as_str()));
    });
    xml.into_bytes()
}

/// What IAM calls the three in its answers.
pub(crate) fn noun(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::User => "user",
        IdentityKind::Role => "role",
        IdentityKind::Group => "group",
    }
}
