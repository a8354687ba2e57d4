//! Why a call is allowed or refused, for the operator who asks: the decision of the policy engine on what the store
//! holds now, with every statement and grant that was considered.
//!
//! For nobody else: an explanation tells what policies say to whom.

mod answer;
mod context;
mod event;

pub use answer::{Answer, Considered, Recorded};
use context::AskedContext;
pub use event::{EventError, questions_about, session_of};
use reseal_policy::{
    Caller, Decision, DenialReason, Explanation, GrantOperation, Policies, Request, Target,
    evaluate_retiring, explain,
};
use reseal_types::{AliasName, GrantId, KeyRef, KeyState, Region};
use serde::{Deserialize, Serialize};

use crate::{
    authorize::belongs_to_another,
    env::Env,
    error::Error,
    grants::{RetiringParties, compiled},
    identity::Subject,
    keyring::Key,
    operation::OpSpec,
    ops,
    per_thread::Local,
};

/// Who, what, and on which key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Question {
    /// ARN of an account's root, a user, a role, or a session of a role.
    pub principal: String,
    /// Such as `kms:ReEncryptFrom`.
    pub action: String,
    /// Key id, key ARN, alias name or alias ARN; absent for actions on no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The Region, where the key's name does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The encryption context of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<(String, String)>,
    /// Values of condition keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, String)>,
    /// For `kms:RetireGrant`: which grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// For actions on no key: what they are done to, if that is not everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The session's own policies; absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionPolicies>,
    /// Whether `values` has all that a record tells: what it does not name was not in the request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

/// What a session was given when it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SessionPolicies {
    /// A policy written for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// ARNs of managed policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arns: Vec<String>,
}

/// Why a question cannot be answered.
#[derive(Debug)]
pub enum ExplainError {
    /// In words for the operator.
    Question(String),
    /// The service failed.
    Service(Error),
}

impl std::fmt::Display for ExplainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Question(text) => f.write_str(text),
            Self::Service(Error::Internal(cause)) => cause.fmt(f),
            Self::Service(error) => f.write_str(&error.message().unwrap_or_default()),
        }
    }
}

impl std::error::Error for ExplainError {}

impl<E: Into<Error>> From<E> for ExplainError {
    fn from(error: E) -> Self {
        Self::Service(error.into())
    }
}

fn unanswerable<T>(text: impl Into<String>) -> Result<T, ExplainError> {
    Err(ExplainError::Question(text.into()))
}

/// Other grants than those that can decide are told up to this number.
const MOST_GRANTS: usize = 100;

impl Env {
    /// Answers a question from what the store holds now.
    ///
    /// # Errors
    /// [`ExplainError`] when the question names what is not there, or the store fails.
    pub async fn explain(&self, question: &Question) -> Result<Answer, ExplainError> {
        // Policies name actions in any letter case, all else by the API's own spelling.
        let action = own_spelling(&question.action).unwrap_or(&question.action).to_owned();
        let question = &Question { action, ..question.clone() };
        let Some(mut subject) = self.subject(&question.principal).await? else {
            return unanswerable(format!(
                "there is no principal {}: ask about a root, a user, a role, or a session of a role, by ARN",
                question.principal
            ));
        };
        if let Some(session) = &question.session {
            self.add_session_policies(&mut subject, session).await?;
        }
        let Some(caller) = subject.as_caller() else {
            return unanswerable(format!("{} does not call", question.principal));
        };
        let spec = spec_of(&question.action);
        let asked = self.asked(question, &subject, caller).await?;
        let context = AskedContext::new(self, &asked)?;
        let (explanation, mut notes) = match &asked.key {
            Some(_) if question.action.eq_ignore_ascii_case("kms:RetireGrant") => {
                self.explain_retiring(&asked, &context, question).await?
            }
            Some(key) => self.explain_on(&asked, &context, key, spec).await?,
            None => {
                let resource = question.resource.as_deref().unwrap_or("*");
                let request = asked.request(Target::Other { resource }, &context);
                let mut explanation = explain(&request, &subject.policies());
                if explanation.decision.is_allowed() && belongs_to_another(resource, subject.account()) {
                    explanation.decision = Decision::deny(DenialReason::NoResourcePolicyAllows);
                }
                (explanation, Vec::new())
            }
        };
        if spec.is_none() && asked.key.is_some() {
            notes.push(format!("no operation of this service asks for {} on a key", question.action));
        }
        if subject.is_session() && question.session.is_none() {
            notes.push(
                "session policies and session tags stand in a session's token and are not known".to_owned(),
            );
        }
        let key_arn = asked.key.as_ref().map(|key| key.arn().to_owned());
        let resource = question.resource.clone().filter(|_| key_arn.is_none());
        Ok(Answer::new(caller.arn(), &question.action, (key_arn, resource), &explanation, notes))
    }

    async fn add_session_policies(
        &self,
        subject: &mut Subject,
        session: &SessionPolicies,
    ) -> Result<(), ExplainError> {
        let SessionPolicies { document, arns } = session;
        let Some(policies) = self.policies_of_session(subject, arns, document.as_deref()).await? else {
            return unanswerable("a session policy is malformed, or is no more");
        };
        subject.session = policies;
        Ok(())
    }

    async fn asked<'a>(
        &self,
        question: &'a Question,
        subject: &'a Subject,
        caller: Caller<'a>,
    ) -> Result<Asked<'a>, ExplainError> {
        let reference = question.key.as_deref().map(KeyRef::parse).transpose().map_err(Error::from)?;
        let place = match &reference {
            Some(KeyRef::KeyArn(place, _) | KeyRef::AliasArn(place, _)) => Some(*place),
            _ => None,
        };
        let only = self.settings.regions.first().filter(|_| self.settings.regions.len() == 1);
        let named = place.map(|place| place.region).or(question.region.as_deref());
        let region = named.map_or_else(|| only.cloned(), Region::parse);
        let Some(region) = region.filter(|region| self.settings.regions.contains(region)) else {
            return unanswerable("name a Region that is served, with --region or by the key's ARN");
        };
        let account = place.map_or(subject.account(), |place| place.account);
        let (id, alias) = match reference {
            None => (None, None),
            Some(KeyRef::KeyId(id) | KeyRef::KeyArn(_, id)) => (Some(id), None),
            Some(KeyRef::AliasName(name) | KeyRef::AliasArn(_, name)) => {
                (self.alias_target(account, &region, &name).await?, Some(name))
            }
        };
        let key = match id {
            Some(id) => self.key(&region, id).await?,
            None => None,
        };
        if let (Some(text), None) = (&question.key, &key) {
            return unanswerable(format!("there is no key {text} in {region}"));
        }
        let idle_days = match &key {
            Some(key) => self.trailing_days(&question.action, key).await?,
            None => None,
        };
        Ok(Asked { question, subject, caller, region, alias, key, idle_days })
    }

    async fn explain_on(
        &self,
        asked: &Asked<'_>,
        context: &AskedContext<'_>,
        key: &Key,
        spec: Option<&'static OpSpec>,
    ) -> Result<(Explanation, Vec<String>), ExplainError> {
        let operation = asked.question.action.strip_prefix("kms:").and_then(GrantOperation::parse);
        let held = self.grants_of(key, &asked.caller, asked.subject.id()).await?;
        let mut grants = operation.map(|one| held.candidates(one, context)).unwrap_or_default();
        let others = held.iter().filter(|grant| !grants.iter().any(|known| known.id == grant.id));
        let others: Vec<_> = others.cloned().collect();
        let mut notes = Vec::new();
        let room = MOST_GRANTS.saturating_sub(grants.len());
        if others.len() > room {
            notes.push(format!(
                "{} more grants of the caller cannot decide and are left out",
                others.len() - room
            ));
        }
        grants.extend(others.into_iter().take(room));
        let new_grant = context.new_grant();
        if operation == Some(GrantOperation::CreateGrant) && new_grant.is_none() && !grants.is_empty() {
            notes.push(
                "what grant would be made is not known, so none of the caller's grants allows it".to_owned(),
            );
        }
        let state = key.state();
        if state != KeyState::Enabled {
            notes.push(format!("the key is {state}, which may refuse a call that is allowed"));
        }
        let across_accounts = spec.is_some_and(|spec| spec.cross_account);
        let target = Target::Key { arn: key.arn(), account: key.record.account.as_str(), across_accounts };
        let key_names_another = asked.subject.is_not_meant_by(&key.record.policy);
        let own = asked.subject.policies();
        let policies = Policies { key: Some(&key.policy), key_names_another, grants: &grants, ..own };
        let request = Request { new_grant: new_grant.as_ref(), ..asked.request(target, context) };
        Ok((explain(&request, &policies), notes))
    }

    async fn explain_retiring(
        &self,
        asked: &Asked<'_>,
        context: &AskedContext<'_>,
        question: &Question,
    ) -> Result<(Explanation, Vec<String>), ExplainError> {
        let (Some(key), Some(id)) = (&asked.key, question.grant.as_deref().and_then(GrantId::parse)) else {
            return unanswerable("RetireGrant is decided by the grant: name its id with --grant");
        };
        let Some(grant) = self.grant(key, id).await? else {
            return unanswerable(format!("there is no grant {id} on {}", key.arn()));
        };
        let terms = &grant.terms;
        let parties = RetiringParties::of(terms, asked.subject.id());
        let retirable = parties.retirable(grant.issuing_account.as_str());
        let named: Vec<_> = compiled(id.to_string(), terms).map(std::sync::Arc::new).into_iter().collect();
        let policies = Policies { grants: &named, ..asked.subject.policies() };
        let account = key.record.account;
        let target = Target::Key { arn: key.arn(), account: account.as_str(), across_accounts: true };
        let context = &context.of_terms(terms);
        let request = asked.request(target, context);
        let mut explanation = explain(&request, &policies);
        explanation.decision = evaluate_retiring(&request, &policies, &retirable);
        explanation.grants.clear();
        let mut may = vec![format!("account {account}")];
        may.extend(terms.retiring.as_ref().map(|party| format!("its retiring principal {}", party.as_str())));
        let lists_itself = terms.operations.contains(GrantOperation::RetireGrant);
        may.extend(lists_itself.then(|| format!("its grantee {}", terms.grantee.as_str())));
        Ok((explanation, vec![format!("grant {id} may be retired by {}", may.join(", "))]))
    }
}

/// A question with what it names.
pub(super) struct Asked<'a> {
    question: &'a Question,
    subject: &'a Subject,
    caller: Caller<'a>,
    region: Region,
    alias: Option<AliasName>,
    key: Option<Local<Key>>,
    /// `kms:TrailingDaysWithoutKeyUsage`
    idle_days: Option<i64>,
}

impl Asked<'_> {
    fn request<'r>(&'r self, target: Target<'r>, context: &'r AskedContext<'_>) -> Request<'r> {
        Request { caller: &self.caller, action: &self.question.action, target, context, new_grant: None }
    }
}

/// The action as the API spells it.
fn own_spelling(action: &str) -> Option<&'static str> {
    let actions = |spec: &'static OpSpec| spec.keys.iter().map(|rule| rule.action).chain(spec.account_action);
    ops::all().flat_map(|entry| actions(entry.spec)).find(|own| own.eq_ignore_ascii_case(action))
}

/// The rules of the operation that asks for this action.
fn spec_of(action: &str) -> Option<&'static OpSpec> {
    let asks = |spec: &OpSpec| {
        spec.keys.iter().any(|rule| rule.action == action) || spec.account_action == Some(action)
    };
    ops::all().map(|entry| entry.spec).find(|spec| asks(spec))
}
