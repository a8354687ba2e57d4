//! What CreateGrant asks for: whom it names, and under which constraints.

use reseal_policy::Principal;
use reseal_types::EncryptionContext;

use super::grant::{check_principal, principal as read_principal, service_principal};
use crate::{
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    record::{ContextTerm, Party},
};

/// A principal or a service, each in a member of its own.
pub(crate) struct Named {
    pub(crate) principal: Option<String>,
    pub(crate) service: Option<String>,
}

/// `GrantConstraints`
#[derive(Default)]
pub(crate) struct Constraints {
    equals: Option<EncryptionContext>,
    subset: Option<EncryptionContext>,
    pub(crate) source_arn: Option<String>,
}

/// Source: "Grant constraints" of the KMS API reference.
const MOST_PAIRS: usize = 8;
const LONGEST_VALUE: usize = 384;

impl Named {
    /// Reads the two members.
    pub(crate) fn read(members: &mut Members<'_>, principal: &str, service: &str) -> Result<Self, Error> {
        Ok(Self {
            principal: read_principal(members, principal)?,
            service: service_principal(members, service)?,
        })
    }

    /// Whoever is named.
    pub(crate) fn some(&self) -> Option<Party> {
        let principal = self.principal.clone().map(Party::Principal);
        principal.or_else(|| self.service.clone().map(Party::Service))
    }

    /// Whoever is named, if it can be named.
    pub(crate) fn party(&self, principal: &str, service: &str) -> Result<Option<Party>, Error> {
        match (&self.principal, &self.service) {
            (Some(_), Some(_)) => {
                return invalid(&format!("{principal} and {service} cannot be specified together."));
            }
            (Some(arn), None) => check_principal(arn)?,
            (None, Some(name)) if Principal::parse_service(name).is_none() => {
                return invalid(&format!("{service} {name} is not a service principal."));
            }
            (None, _) => {}
        }
        Ok(self.some())
    }
}

impl Constraints {
    /// Reads the members of the structure.
    pub(crate) fn read(members: &mut Members<'_>) -> Result<Self, Error> {
        const PATTERN: &str = "^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$";
        Ok(Self {
            equals: members.optional_encryption_context("EncryptionContextEquals")?,
            subset: members.optional_encryption_context("EncryptionContextSubset")?,
            source_arn: members.patterned_text("SourceArn", Bounds(20, 512), PATTERN, is_resource_arn)?,
        })
    }

    /// The rules that the model does not have.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.equals.is_some() && self.subset.is_some() {
            return invalid(
                "EncryptionContextEquals and EncryptionContextSubset cannot be specified together.",
            );
        }
        for context in [&self.equals, &self.subset].into_iter().flatten() {
            // An empty map could mean no constraint at all, or a context without any pair.
            if context.is_empty() {
                return invalid("An encryption context grant constraint must have at least one pair.");
            }
            if context.pairs().len() > MOST_PAIRS {
                return invalid(&format!(
                    "An encryption context grant constraint can have at most {MOST_PAIRS} pairs."
                ));
            }
            if context.pairs().any(|(_, value)| value.chars().count() > LONGEST_VALUE) {
                return invalid(&format!(
                    "A value in an encryption context grant constraint can have at most {LONGEST_VALUE} characters."
                ));
            }
        }
        Ok(())
    }

    /// The constraint on the encryption context.
    pub(crate) fn context(&self) -> Option<ContextTerm> {
        let (exact, context) = match (&self.equals, &self.subset) {
            (Some(context), _) => (true, context),
            (None, Some(context)) => (false, context),
            (None, None) => return None,
        };
        Some(ContextTerm { exact, context: context.clone() })
    }

    /// What the audit record says.
    pub(crate) fn describe(&self, parameters: &mut JsonObject<'_>) {
        let Self { equals, subset, source_arn } = self;
        if equals.is_none() && subset.is_none() && source_arn.is_none() {
            return;
        }
        parameters.object("constraints", |object| {
            if let Some(context) = equals {
                object.map("encryptionContextEquals", context.pairs());
            }
            if let Some(context) = subset {
                object.map("encryptionContextSubset", context.pairs());
            }
            object.optional_text("sourceArn", source_arn.as_deref());
        });
    }
}

/// A rule that is broken, in these words.
pub(crate) fn invalid<T>(text: &str) -> Result<T, Error> {
    Err(Error::Validation(text.to_owned()))
}

fn is_resource_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let word = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let [arn, partition, service, region, account, resource] = parts.as_slice() else { return false };
    *arn == "arn"
        && partition.starts_with("aws")
        && word(partition)
        && !service.is_empty()
        && word(service)
        && word(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !resource.is_empty()
        && !resource.contains(['\n', '\r'])
}
