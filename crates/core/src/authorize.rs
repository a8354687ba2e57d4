//! Gathers what the policy engine needs, asks it, and makes [`Permits`] of the answers.
//!
//! Nothing else makes them, and no operation decides about access by itself.

use std::sync::Arc;

use reseal_policy::{
    Availability, Because, Caller, ConditionKey, Decision, DenialReason, Grant, GrantOperation, Policies,
    Request as PolicyRequest, RequestContext, Target, evaluate, evaluate_retiring,
};
use reseal_types::{AccountId, Region};

use crate::{
    call::Call,
    env::Env,
    error::{AccessDenied, DeniedResource, Error, NotFound},
    grants,
    keyring::Key,
    operation::{Elsewhere, Facts, GrantRef, KeyRule, Operation},
    permit::{Permits, Permitted},
    resolve::{Found, Resolved, ShownAs},
    trail::{Decided, Trail},
};

/// Decides on every key of the call, and on what identity policies alone decide.
pub(crate) async fn authorize<Op: Operation>(
    env: &Env,
    call: &Call,
    request: &Op::Request,
    resolved: Vec<(&'static KeyRule, Resolved)>,
    trail: &mut Trail<'_>,
) -> Result<Permits, Error> {
    let caller = policy_caller(call)?;
    for (action, resource) in Op::identity_actions(env, call, request) {
        let facts = Op::facts(request, 0);
        let context = Context::new(env, call, &caller, None, &facts);
        let target = Target::Other { resource: &resource };
        let mut ruling = rule_alone(&caller, action, target, &context);
        if belongs_to_another(&resource, call.caller.account()) && ruling.decision.is_allowed() {
            ruling = Ruling::from(Decision::deny(DenialReason::NoResourcePolicyAllows));
        }
        trail.note_decision(ruling.noted(action, None));
        refuse_unless_allowed(call, action, ruling.decision, || Some(resource.clone()))?;
    }
    let same_key = same_key(&resolved);
    let mut permitted = Vec::with_capacity(resolved.len());
    for (index, (rule, resolved)) in resolved.into_iter().enumerate() {
        let Found { key, alias, shown_as } = match resolved {
            Resolved::Key(found) => found,
            Resolved::Hidden(resource) => return Err(denied(call, rule.action, resource)),
        };
        let alias = alias.as_ref().map(reseal_types::AliasName::as_str);
        let across_accounts = Op::SPEC.cross_account;
        let idle_days = env.trailing_days(rule.action, &key).await?;
        let (caller, facts) = (&caller, Op::facts(request, index));
        let asked = Asked { env, call, caller, key: &key, rule, alias, same_key, across_accounts, idle_days };
        let mut ruling = match Op::retires(request)? {
            None => asked.decide(&facts).await?,
            Some(grant) => Box::pin(asked.decide_retiring(grant)).await?,
        };
        let account = key.record.account;
        trail.note_decision(ruling.noted(rule.action, Some(&key)));
        if account != call.caller.account() && ruling.decision.denial.is_some() {
            // How the policy of another account's key refuses would tell that the key is there.
            ruling.decision.denial = Some(DenialReason::NoResourcePolicyAllows);
        }
        refuse_unless_allowed(call, rule.action, ruling.decision, || match &shown_as {
            ShownAs::KeyArn => Some(key.arn().to_owned()),
            ShownAs::Requested(arn) => Some(arn.clone()),
            ShownAs::OfCiphertext => None,
        })?;
        trail.note_key(key.clone());
        permitted.push(Permitted::new(key, rule, call, Op::SPEC.name));
    }
    let permits = Permits::new(permitted);
    if let Some(Elsewhere { region, actions, facts }) = Op::elsewhere(request, &permits) {
        let mut context = Context::new(env, call, &caller, None, &facts);
        context.region = &region;
        for action in actions {
            let target = Target::Other { resource: "*" };
            let mut ruling = rule_alone(&caller, action, target, &context);
            trail.note_decision(ruling.noted(action, None));
            refuse_unless_allowed(call, action, ruling.decision, || Some("*".to_owned()))?;
        }
    }
    Ok(permits)
}

/// Whether a resource that no key policy speaks for is in another account, whose policies would have to.
pub(crate) fn belongs_to_another(resource: &str, own: AccountId) -> bool {
    let account = resource.split(':').nth(4).filter(|account| !account.is_empty());
    account.is_some_and(|account| account != own.as_str())
}

/// An action asked for on a key.
struct Asked<'a> {
    env: &'a Env,
    call: &'a Call,
    caller: &'a Caller<'a>,
    key: &'a Key,
    rule: &'static KeyRule,
    alias: Option<&'a str>,
    same_key: Option<bool>,
    across_accounts: bool,
    /// `kms:TrailingDaysWithoutKeyUsage`
    idle_days: Option<i64>,
}

impl Asked<'_> {
    /// By the key policy and the caller's own policies, and where these do not allow, by the grants that name the
    /// caller. Grants in memory take part at once; others are read only when they are needed.
    async fn decide(&self, facts: &Facts<'_>) -> Result<Ruling, Error> {
        let operation = match self.key.record.grants.live {
            0 => None,
            _ => self.rule.action.strip_prefix("kms:").and_then(GrantOperation::parse),
        };
        let Some(operation) = operation else { return Ok(self.evaluate(&self.context(facts), &[])) };
        let id = self.call.caller.principal().id();
        if let Some(held) = self.key.grants.of(self.caller, id) {
            let context = self.context(facts);
            return Ok(self.evaluate(&context, &held.candidates(operation, &context)));
        }
        Box::pin(self.decide_with_stored_grants(operation, facts)).await
    }

    async fn decide_with_stored_grants(
        &self,
        operation: GrantOperation,
        facts: &Facts<'_>,
    ) -> Result<Ruling, Error> {
        let context = self.context(facts);
        let ruling = self.evaluate(&context, &[]);
        // No grant changes these.
        if let None | Some(DenialReason::ExplicitDeny(_) | DenialReason::NotAcrossAccounts) =
            ruling.decision.denial
        {
            return Ok(ruling);
        }
        let id = self.call.caller.principal().id();
        let grants = self.env.grants_of(self.key, self.caller, id).await?;
        Ok(self.evaluate(&context, &grants.candidates(operation, &context)))
    }

    /// By the grant that is to end.
    async fn decide_retiring(&self, which: GrantRef<'_>) -> Result<Ruling, Error> {
        let id = which.id(self.env)?;
        let own = self.key.record.account == self.call.caller.account();
        let Some(grant) = self.env.grant(self.key, id).await? else {
            // Only those who may know of the grant learn that it is gone.
            return match which {
                GrantRef::Id(_) if !own => Ok(Decision::deny(DenialReason::NoResourcePolicyAllows).into()),
                GrantRef::Id(_) | GrantRef::Token(_) => Err(Error::NotFound(NotFound::Grant(id))),
            };
        };
        let terms = &grant.terms;
        let facts = grants::facts(terms);
        let context = self.context(&facts);
        let parties = grants::RetiringParties::of(terms, self.call.caller.principal().id());
        let retirable = parties.retirable(grant.issuing_account.as_str());
        let named: Vec<_> = grants::compiled(id.to_string(), terms).map(Arc::new).into_iter().collect();
        let policies = Policies { grants: &named, ..self.call.caller.policies() };
        Ok(Ruling::of(evaluate_retiring(&self.request(&context), &policies, &retirable), &policies))
    }

    fn context<'c>(&'c self, facts: &'c Facts<'c>) -> Context<'c> {
        let mut context = Context::new(self.env, self.call, self.caller, Some(self.key), facts);
        context.alias = self.alias;
        context.same_key = self.same_key;
        context.idle_days = self.idle_days;
        context
    }

    fn request<'c>(&'c self, context: &'c Context<'_>) -> PolicyRequest<'c> {
        let target = Target::Key {
            arn: self.key.arn(),
            account: self.key.record.account.as_str(),
            across_accounts: self.across_accounts,
        };
        let new_grant = context.facts.new_grant.as_deref();
        PolicyRequest { caller: self.caller, action: self.rule.action, target, context, new_grant }
    }

    fn evaluate(&self, context: &Context<'_>, grants: &[Arc<Grant>]) -> Ruling {
        let key_names_another = self.call.caller.is_not_meant_by(&self.key.record.policy);
        let own = self.call.caller.policies();
        let policies = Policies { key: Some(&self.key.policy), key_names_another, grants, ..own };
        Ruling::of(evaluate(&self.request(context), &policies), &policies)
    }
}

/// The caller as the policy engine knows it.
pub(crate) fn policy_caller(call: &Call) -> Result<Caller<'_>, Error> {
    call.caller.as_policy_caller()
}

/// Whether source and destination are one key; `None` for operations on fewer than two keys.
fn same_key(resolved: &[(&'static KeyRule, Resolved)]) -> Option<bool> {
    match resolved {
        [(_, Resolved::Key(source)), (_, Resolved::Key(destination))] => {
            Some(source.key.arn() == destination.key.arn())
        }
        [_, _] => Some(false),
        _ => None,
    }
}

/// By the caller's own policies alone.
fn rule_alone(caller: &Caller<'_>, action: &str, target: Target<'_>, context: &Context<'_>) -> Ruling {
    let policies = context.call.caller.policies();
    let request = PolicyRequest { caller, action, target, context, new_grant: None };
    Ruling::of(evaluate(&request, &policies), &policies)
}

/// A decision with the names of what it rests on.
struct Ruling {
    decision: Decision,
    /// The statement of the key policy, or the grant.
    by_key: Option<String>,
    /// The statement of the caller's own policies.
    by_own: Option<String>,
}

impl Ruling {
    fn of(decision: Decision, policies: &Policies<'_>) -> Self {
        let Because { key, own, grant } = decision.because;
        let grant = grant.and_then(|index| policies.grants.get(index));
        let by_key = key.map(|at| policies.label(at)).or_else(|| grant.map(|grant| grant.label()));
        Self { decision, by_key, by_own: own.map(|at| policies.label(at)) }
    }

    fn noted(&mut self, action: &'static str, key: Option<&Key>) -> Decided {
        let allowed = self.decision.is_allowed();
        Decided {
            action,
            allowed,
            owner: key.map(|key| key.record.account),
            refused_key: key.filter(|_| !allowed).map(Key::shared_arn),
            by_key: self.by_key.take(),
            by_own: self.by_own.take(),
        }
    }
}

impl From<Decision> for Ruling {
    fn from(decision: Decision) -> Self {
        Self { decision, by_key: None, by_own: None }
    }
}

/// `resource` is what the refusal may name; `None`: the key is known from a ciphertext only.
fn refuse_unless_allowed(
    call: &Call,
    action: &'static str,
    decision: Decision,
    resource: impl FnOnce() -> Option<String>,
) -> Result<(), Error> {
    let Some(reason) = decision.denial else { return Ok(()) };
    let resource = match resource() {
        Some(arn) => DeniedResource::Named { arn, reason },
        None => DeniedResource::OfCiphertext,
    };
    Err(denied(call, action, resource))
}

fn denied(call: &Call, action: &'static str, resource: DeniedResource) -> Error {
    Error::AccessDenied(Box::new(AccessDenied { principal: call.caller.arn().to_owned(), action, resource }))
}

/// Answers for the condition keys that policies name.
pub(crate) struct Context<'a> {
    env: &'a Env,
    call: &'a Call,
    caller: &'a Caller<'a>,
    key: Option<&'a Key>,
    facts: &'a Facts<'a>,
    /// The Region that is acted in.
    region: &'a Region,
    alias: Option<&'a str>,
    same_key: Option<bool>,
    /// Whole days for which the key was not used, where a policy can ask for them.
    idle_days: Option<i64>,
}

impl<'a> Context<'a> {
    /// The context of a decision about `key`, or about no key.
    pub(crate) fn new(
        env: &'a Env,
        call: &'a Call,
        caller: &'a Caller<'a>,
        key: Option<&'a Key>,
        facts: &'a Facts<'a>,
    ) -> Self {
        let region = key.map_or(&call.region, |key| &key.record.region);
        Self { env, call, caller, key, facts, region, alias: None, same_key: None, idle_days: None }
    }

    fn of_request(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) {
        let facts = self.facts;
        match key {
            ConditionKey::EncryptionAlgorithm => {
                facts.encryption_algorithm.iter().for_each(|algorithm| visit(algorithm.as_str()));
            }
            ConditionKey::EncryptionContext(_) => {
                let pairs = facts.context.iter().flat_map(|context| context.pairs());
                pairs.filter(|(name, _)| key.qualifier_is(name)).for_each(|(_, value)| visit(value));
            }
            ConditionKey::EncryptionContextKeys => {
                let pairs = facts.context.iter().flat_map(|context| context.pairs());
                pairs.for_each(|(name, _)| visit(name));
            }
            ConditionKey::RequestTag(_) => {
                let tags = facts.tags.iter().filter(|(name, _)| key.qualifier_is(name));
                tags.for_each(|(_, value)| visit(value));
            }
            ConditionKey::TagKeys => {
                let names = facts.tags.iter().map(|(name, _)| name).chain(facts.tag_keys);
                names.for_each(|name| visit(name));
            }
            ConditionKey::RecipientAttestation(_) => {
                let measured = facts.recipient.iter().flat_map(|attested| attested.measurements());
                let matching = measured.filter(|(name, _)| key.qualifier_is(name));
                matching.for_each(|(_, digest)| visit(&digest));
            }
            ConditionKey::ResourceTag(_) => {
                let tags = facts.resource_tags.iter().filter(|(name, _)| key.qualifier_is(name));
                tags.for_each(|(_, value)| visit(value));
            }
            // Keys of other services are told apart without regard to letter case, like all.
            ConditionKey::Other(name) => {
                let same = |known: &ConditionKey| matches!(known, ConditionKey::Other(own) if own.eq_ignore_ascii_case(name));
                let matching = facts.values.iter().filter(|(known, _)| same(known));
                matching.for_each(|(_, value)| visit(value));
            }
            ConditionKey::RequestAlias => self.alias.into_iter().for_each(visit),
            ConditionKey::ReEncryptOnSameKey => self.same_key.iter().for_each(|same| visit(boolean(*same))),
            other => {
                let matching = facts.values.iter().filter(|(known, _)| known == other);
                matching.for_each(|(_, value)| visit(value));
            }
        }
    }

    fn of_call(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        match key {
            ConditionKey::SourceIp => visit(&self.call.source_ip.to_string()),
            ConditionKey::SecureTransport => visit(boolean(self.call.tls.is_some())),
            ConditionKey::CurrentTime => visit(&self.env.clock.now().to_string()),
            ConditionKey::EpochTime => visit(&self.env.clock.now().seconds().to_string()),
            ConditionKey::UserAgent => visit(&self.call.user_agent),
            ConditionKey::RequestedRegion => visit(self.region.as_str()),
            ConditionKey::PrincipalIsAwsService | ConditionKey::ViaAwsService => visit(boolean(false)),
            _ => return false,
        }
        true
    }

    fn of_key(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        if let ConditionKey::TrailingDaysWithoutKeyUsage = key {
            self.idle_days.iter().for_each(|days| visit(&days.to_string()));
            return self.key.is_some();
        }
        self.key.is_some_and(|of| value_of_key(of, key, visit))
    }
}

/// The value of a condition key that follows from the key at hand. Whether `key` is one of these.
pub(crate) fn value_of_key(of: &Key, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
    let record = &of.record;
    match key {
        ConditionKey::KeySpec | ConditionKey::CustomerMasterKeySpec => visit(record.spec.as_str()),
        ConditionKey::KeyUsage | ConditionKey::CustomerMasterKeyUsage => visit(record.usage.as_str()),
        ConditionKey::KeyOrigin => visit(record.origin.as_str()),
        ConditionKey::MultiRegion => visit(boolean(record.id.is_multi_region())),
        ConditionKey::MultiRegionKeyType => of.multi_region_type().into_iter().for_each(visit),
        ConditionKey::ResourceAliases => record.aliases.iter().for_each(|alias| visit(alias.as_str())),
        ConditionKey::ResourceAccount => visit(record.account.as_str()),
        ConditionKey::ResourceTag(_) => {
            let tags = record.tags.iter().filter(|(name, _)| key.qualifier_is(name));
            tags.for_each(|(_, value)| visit(value));
        }
        _ => return false,
    }
    true
}

impl RequestContext for Context<'_> {
    fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability {
        let of_caller = self.caller.values(key, visit) || self.call.caller.values(key, visit);
        if !of_caller && !self.of_call(key, visit) && !self.of_key(key, visit) {
            self.of_request(key, visit);
        }
        Availability::Known
    }

    fn encryption_context(&self, visit: &mut dyn FnMut(&str, &str)) {
        let pairs = self.facts.context.iter().flat_map(|context| context.pairs());
        pairs.for_each(|(name, value)| visit(name, value));
    }
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
