//! What the request under explanation says about itself: as far as the question tells. The rest is not known, which
//! stops an Allow and does not stop a Deny.

use reseal_policy::{
    Availability, ConditionKey, ContextConstraint, Grant, GrantConstraints, GrantOperation, Principal,
    RequestContext,
};
use reseal_types::{EncryptionContext, KeySpec};

use super::{Asked, ExplainError};
use crate::{authorize::value_of_key, env::Env, grants, record::GrantTerms};

pub(super) struct AskedContext<'a> {
    env: &'a Env,
    asked: &'a Asked<'a>,
    context: EncryptionContext,
    values: Vec<(ConditionKey, String)>,
}

impl<'a> AskedContext<'a> {
    pub(super) fn new(env: &'a Env, asked: &'a Asked<'a>) -> Result<Self, ExplainError> {
        let context = EncryptionContext::new(asked.question.context.clone());
        let context = context.map_err(|_| {
            ExplainError::Question("the encryption context is too long, or names a key twice".to_owned())
        })?;
        let values = asked.question.values.iter();
        let values = values.map(|(key, value)| (ConditionKey::parse(key), value.clone())).collect();
        Ok(Self { env, asked, context, values })
    }

    /// The context of a call that ends the grant with these terms.
    pub(super) fn of_terms(&self, terms: &GrantTerms) -> Self {
        let facts = grants::facts(terms);
        let context = facts.context.cloned().unwrap_or_default();
        let mut values = self.values.clone();
        values.extend(facts.values);
        Self { env: self.env, asked: self.asked, context, values }
    }

    /// The grant that a call of CreateGrant would make, if the question tells.
    pub(super) fn new_grant(&self) -> Option<Grant> {
        let all = |key: &ConditionKey| -> Vec<&str> {
            let same = self.values.iter().filter(|(known, _)| known == key);
            same.map(|(_, value)| value.as_str()).collect()
        };
        let first = |key: &ConditionKey| all(key).first().copied();
        let operations = all(&ConditionKey::GrantOperations);
        if operations.is_empty() {
            return None;
        }
        let operations = operations.into_iter().map(GrantOperation::parse).collect::<Option<_>>()?;
        let pairs = self.context.pairs().map(|(name, value)| (name.into(), value.into())).collect();
        let context = match first(&ConditionKey::GrantConstraintType) {
            Some("EncryptionContextEquals") => ContextConstraint::Equals(pairs),
            Some("EncryptionContextSubset") => ContextConstraint::Subset(pairs),
            _ => ContextConstraint::None,
        };
        let source_arn = first(&ConditionKey::GrantConstraintSourceArn).map(Box::from);
        Some(Grant {
            id: Box::default(),
            grantee: first(&ConditionKey::GranteePrincipal).and_then(Principal::parse)?,
            operations,
            constraints: GrantConstraints { context, source_arn },
        })
    }

    /// Whether the question, or what it is about, tells the values.
    fn told(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        let mut any = false;
        let wanted = key.name().to_lowercase();
        for (_, value) in self.values.iter().filter(|(known, _)| known.name().to_lowercase() == wanted) {
            visit(value);
            any = true;
        }
        let asked = self.asked;
        any || asked.caller.values(key, visit)
            || asked.subject.values(key, visit)
            || asked.key.as_ref().is_some_and(|of| value_of_key(of, key, visit))
            || self.by_default(key, visit)
    }

    fn by_default(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> bool {
        match key {
            ConditionKey::EncryptionContext(_) => {
                let pairs = self.context.pairs().filter(|(name, _)| key.qualifier_is(name));
                pairs.for_each(|(_, value)| visit(value));
            }
            ConditionKey::EncryptionContextKeys => self.context.pairs().for_each(|(name, _)| visit(name)),
            ConditionKey::RequestAlias => self.asked.alias.iter().for_each(|alias| visit(alias.as_str())),
            ConditionKey::CurrentTime => visit(&self.env.clock.now().to_string()),
            ConditionKey::EpochTime => visit(&self.env.clock.now().seconds().to_string()),
            ConditionKey::TrailingDaysWithoutKeyUsage => {
                self.asked.idle_days.iter().for_each(|days| visit(&days.to_string()));
            }
            ConditionKey::RequestedRegion => visit(self.asked.region.as_str()),
            ConditionKey::PrincipalIsAwsService | ConditionKey::ViaAwsService => visit("false"),
            _ if !key.may_come_with(&self.asked.question.action) => {}
            ConditionKey::GrantIsForAwsResource => visit("false"),
            ConditionKey::PolicyName => visit("default"),
            ConditionKey::EncryptionAlgorithm if self.is_symmetric() => visit("SYMMETRIC_DEFAULT"),
            // What is absent unless a request has it.
            ConditionKey::RequestTag(_)
            | ConditionKey::TagKeys
            | ConditionKey::RecipientAttestation(_)
            | ConditionKey::BypassPolicyLockoutSafetyCheck => {}
            // What a record would have named.
            ConditionKey::TokenIssueTime
            | ConditionKey::MultiFactorAuthPresent
            | ConditionKey::SourceIdentity
            | ConditionKey::FederatedProvider
            | ConditionKey::GrantConstraintType
            | ConditionKey::GrantConstraintSourceArn
            | ConditionKey::GranteePrincipal
            | ConditionKey::GranteeServicePrincipal
            | ConditionKey::RetiringPrincipal
            | ConditionKey::RetiringServicePrincipal
                if self.asked.question.whole => {}
            _ => return false,
        }
        true
    }

    fn is_symmetric(&self) -> bool {
        self.asked.key.as_ref().is_some_and(|key| key.spec() == KeySpec::SymmetricDefault)
    }
}

impl RequestContext for AskedContext<'_> {
    fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability {
        if self.told(key, visit) { Availability::Known } else { Availability::Unknown }
    }

    fn encryption_context(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.context.pairs().for_each(|(name, value)| visit(name, value));
    }
}
