//! What a caller may choose for the session of a role, and the session itself.

use reseal_core::{
    directory::{AwsManagedPolicy, IdentityRecord, identity_arn, session_arn},
    identity::{NewSession, PrincipalKind, SessionCredentials, SessionRequest},
};
use reseal_policy::IdentityPolicy;
use reseal_types::Reveal;
use serde_json::json;

use crate::{
    action::{Reply, Work},
    fault::{Code, Fault},
    iam::document,
    members::{Bounds, Members, is_name_letter},
    xml::Xml,
};

const NAME: &str = r"[\w+=,.@-]*";
const CHAINED_SECONDS: u32 = 3_600;
const DEFAULT_SECONDS: u32 = 3_600;

/// The choices.
pub(super) struct Choices {
    pub(super) role_arn: String,
    pub(super) name: String,
    pub(super) seconds: Option<u32>,
    pub(super) policy: Option<String>,
    pub(super) policy_arns: Vec<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) transitive_tag_keys: Vec<String>,
    pub(super) source_identity: Option<String>,
}

impl Choices {
    pub(super) fn read(members: &mut Members<'_>, with_tags: bool) -> Self {
        let role_arn = members.arn("RoleArn");
        let name = members.patterned("RoleSessionName", Bounds(2, 64), NAME, is_name_letter);
        if name.is_none() {
            members.required("RoleSessionName", Bounds(2, 64));
        }
        Self {
            role_arn,
            name: name.unwrap_or_default(),
            seconds: members.integer("DurationSeconds", Bounds(900, 43_200)),
            policy: members.optional_document("Policy", 2_048),
            policy_arns: members.arns("PolicyArns", 10),
            tags: if with_tags { members.tags("Tags") } else { Vec::new() },
            transitive_tag_keys: if with_tags {
                members.texts("TransitiveTagKeys", 50, Bounds(1, 128)).unwrap_or_default()
            } else {
                Vec::new()
            },
            source_identity: if with_tags {
                members.patterned("SourceIdentity", Bounds(2, 64), NAME, is_name_letter)
            } else {
                None
            },
        }
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        if let Some(policy) = &self.policy {
            document::checked(IdentityPolicy::parse(policy))?;
        }
        let tagged = |key: &String| self.tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(key));
        if !self.transitive_tag_keys.iter().all(tagged) {
            let text = "The specified transitive tag key must be included in the requested tags.";
            return Err(Fault::new(Code::ValidationError, text));
        }
        Ok(())
    }

    /// What the policies may ask about the choices.
    pub(super) fn values(&self) -> Vec<(String, &str)> {
        let mut values = vec![("sts:RoleSessionName".to_owned(), self.name.as_str())];
        values
            .extend(self.source_identity.iter().map(|text| ("sts:SourceIdentity".to_owned(), text.as_str())));
        let keys = self.transitive_tag_keys.iter();
        values.extend(keys.map(|key| ("sts:TransitiveTagKeys".to_owned(), key.as_str())));
        values
    }
}

/// Opens a session of `role`. `extend` adds to the answer, and `provider` is who vouched for the bearer of a token.
pub(super) async fn open(
    work: Work<'_>,
    role: &IdentityRecord,
    choices: Choices,
    provider: Option<String>,
    extend: impl FnOnce(&mut Xml) + Send,
) -> Result<Reply, Fault> {
    let seconds = duration(work, role, choices.seconds)?;
    for arn in &choices.policy_arns {
        let is_aws = AwsManagedPolicy::find(work.partition(), arn).is_some();
        if !is_aws && work.env.managed_policy(role.account, arn).await?.is_none() {
            let text = format!("Policy {arn} does not exist or is not attachable.");
            return Err(Fault::new(Code::MalformedPolicyDocument, text));
        }
    }
    let (tags, transitive_tag_keys) = inherited_tags(work, choices.tags, choices.transitive_tag_keys)?;
    let source_identity = source_identity(work, choices.source_identity)?;
    let arn = session_arn(work.partition(), role.account, &role.name, &choices.name);
    let id = format!("{}:{}", role.id, choices.name);
    let request = SessionRequest {
        seconds,
        name: Some(choices.name),
        policy: choices.policy,
        policy_arns: choices.policy_arns,
        tags,
        transitive_tag_keys,
        source_identity: source_identity.clone(),
        provider,
    };
    let made = work.env.open_new_session(&NewSession::Role(role), request)?.map_err(|percent| {
        let text = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
        Fault::new(Code::PackedPolicyTooLarge, text)
    })?;
    let mut reply = Reply::with(|xml| {
        show(&made, xml);
        xml.element("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &id);
            xml.text("Arn", &arn);
        });
        xml.number("PackedPolicySize", made.packed_percent);
        xml.optional("SourceIdentity", source_identity.as_deref());
        extend(xml);
    });
    reply.elements = Some(json!({
        "credentials": {"accessKeyId": made.access_key_id, "expiration": made.expires.to_string()},
        "assumedRoleUser": {"assumedRoleId": id, "arn": arn},
    }));
    reply.resources.push((role.account, identity_arn(work.partition(), role)));
    Ok(reply)
}

fn duration(work: Work<'_>, role: &IdentityRecord, asked: Option<u32>) -> Result<u32, Fault> {
    let most = role.role.as_ref().map_or(DEFAULT_SECONDS, |role| role.max_session_seconds);
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if seconds > most {
        let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Fault::new(Code::ValidationError, text));
    }
    let chained = *work.call.caller.principal().kind() == PrincipalKind::Role;
    if chained && seconds > CHAINED_SECONDS {
        let text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(Fault::new(Code::ValidationError, text));
    }
    Ok(seconds)
}

type Tags = Vec<(String, String)>;

/// Transitive tags of the calling session go along and cannot be set anew.
fn inherited_tags(
    work: Work<'_>,
    mut tags: Tags,
    mut transitive: Vec<String>,
) -> Result<(Tags, Vec<String>), Fault> {
    let Some(session) = work.call.caller.session() else { return Ok((tags, transitive)) };
    for key in &session.transitive_tag_keys {
        if tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(key)) {
            let text = "One of the specified tag keys can't be set because it conflicts with a transitive tag key \
                        from the calling session.";
            return Err(Fault::new(Code::ValidationError, text));
        }
        tags.extend(session.tags.iter().filter(|(known, _)| known.eq_ignore_ascii_case(key)).cloned());
        transitive.push(key.clone());
    }
    Ok((tags, transitive))
}

/// Once set, it stays for the whole chain of sessions.
fn source_identity(work: Work<'_>, asked: Option<String>) -> Result<Option<String>, Fault> {
    let held = work.call.caller.session().and_then(|session| session.source_identity.as_deref());
    match (held, asked) {
        (Some(held), Some(asked)) if held != asked => {
            Err(Fault::new(Code::AccessDenied, "The source identity of a session cannot be changed."))
        }
        (Some(held), _) => Ok(Some(held.to_owned())),
        (None, asked) => Ok(asked),
    }
}

/// The member `Credentials`.
pub(super) fn show(made: &SessionCredentials, xml: &mut Xml) {
    xml.element("Credentials", |xml| {
        let secret = std::str::from_utf8(made.secret_access_key.reveal(Reveal::ToCaller)).unwrap_or_default();
        xml.text("AccessKeyId", &made.access_key_id);
        xml.text("SecretAccessKey", secret);
        xml.text("SessionToken", &made.session_token);
        xml.date("Expiration", made.expires);
    });
}
