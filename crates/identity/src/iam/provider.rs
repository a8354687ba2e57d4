//! OIDC identity providers: whose web identity tokens an account takes, and for which audiences.

use reseal_core::{
    directory::{Edits, OidcProviderRecord},
    identity::oidc_provider_arn,
};
use serde_json::json;

use super::entity;
use crate::{
    action::{Action, Facts, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    subject::{Found, Subject},
};

/// AWS: a hundred for each provider.
const MOST_CLIENTS: usize = 100;
const MOST_THUMBPRINTS: usize = 5;
const MOST_LISTED: u16 = 1_000;

pub(super) struct CreateProvider {
    url: String,
    client_ids: Vec<String>,
    thumbprints: Vec<String>,
    tags: Vec<(String, String)>,
}

impl CreateProvider {
    /// The URL without its scheme and a slash at its end, as ARNs and condition keys have it.
    fn issuer(&self) -> &str {
        issuer_of(&self.url)
    }
}

/// An issuer's URL as providers are known by.
pub(crate) fn issuer_of(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.strip_suffix('/').unwrap_or(rest)
}

impl Action for CreateProvider {
    const SPEC: Spec = Spec::changes("iam:CreateOpenIDConnectProvider");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            url: members.required("Url", Bounds(1, 255)),
            client_ids: members.texts("ClientIDList", MOST_CLIENTS, Bounds(1, 255)).unwrap_or_default(),
            thumbprints: members
                .texts("ThumbprintList", MOST_THUMBPRINTS, Bounds(40, 40))
                .unwrap_or_default(),
            tags: members.tags("Tags"),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        let issuer = self.issuer();
        let host = issuer.split(['/', ':']).next().unwrap_or_default();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]@!$&'()+,;=%".contains(&byte);
        if !self.url.starts_with("https://") || host.is_empty() || !issuer.bytes().all(legal) {
            return Err(Fault::new(Code::ValidationError, "Invalid Open ID Connect Provider URL"));
        }
        Ok(())
    }

    fn subject(&self) -> Subject<'_> {
        Subject::NewProvider(self.issuer())
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tags: &self.tags, ..Facts::default() }
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let issuer = self.issuer().to_owned();
        if work.env.oidc_provider(work.account(), &issuer).await?.is_some() {
            let text = format!("Provider with url {} already exists.", self.url);
            return Err(Fault::new(Code::EntityAlreadyExists, text));
        }
        let provider = OidcProviderRecord {
            account: work.account(),
            issuer,
            client_ids: self.client_ids,
            thumbprints: self.thumbprints,
            created: work.env.clock().now(),
            tags: self.tags,
        };
        let mut edits = Edits::default();
        edits.create(&provider)?;
        let arn = oidc_provider_arn(work.partition(), work.account(), &provider.issuer);
        let noted = json!({"openIDConnectProviderArn": arn});
        let reply = Reply::with(|xml| {
            xml.text("OpenIDConnectProviderArn", &arn);
            entity::show_tags(&provider.tags, xml);
        });
        Ok(reply.and(edits).noting(noted))
    }
}

pub(super) struct GetProvider {
    arn: String,
}

impl Action for GetProvider {
    const SPEC: Spec = Spec::reads("iam:GetOpenIDConnectProvider");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: read_arn(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Provider(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let provider = found.provider()?.record;
        Ok(Reply::with(|xml| {
            xml.text("Url", &provider.issuer);
            xml.texts("ClientIDList", provider.client_ids.iter().map(String::as_str));
            xml.texts("ThumbprintList", provider.thumbprints.iter().map(String::as_str));
            xml.date("CreateDate", provider.created);
            entity::show_tags(&provider.tags, xml);
        }))
    }
}

pub(super) struct ListProviders;

impl Action for ListProviders {
    const SPEC: Spec = Spec::reads("iam:ListOpenIDConnectProviders");

    fn read(_: &mut Members<'_>) -> Self {
        Self
    }

    fn subject(&self) -> Subject<'_> {
        Subject::NewProvider("*")
    }

    async fn execute(self, work: Work<'_>, _: Found) -> Result<Reply, Fault> {
        let (providers, _) = work.env.oidc_providers(work.account(), None, MOST_LISTED).await?;
        Ok(Reply::with(|xml| {
            xml.list("OpenIDConnectProviderList", &providers, |xml, stored| {
                let issuer = &stored.record.issuer;
                xml.text("Arn", &oidc_provider_arn(work.partition(), work.account(), issuer));
            });
        }))
    }
}

pub(super) struct DeleteProvider {
    arn: String,
}

impl Action for DeleteProvider {
    const SPEC: Spec = Spec::changes("iam:DeleteOpenIDConnectProvider");

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: read_arn(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Provider(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let provider = found.provider()?;
        Reply::deleted(&provider)
    }
}

/// An audience, added or removed.
pub(super) struct ClientId<const ADDED: bool> {
    arn: String,
    client_id: String,
}

impl<const ADDED: bool> Action for ClientId<ADDED> {
    const SPEC: Spec = Spec::changes(if ADDED {
        "iam:AddClientIDToOpenIDConnectProvider"
    } else {
        "iam:RemoveClientIDFromOpenIDConnectProvider"
    });

    fn read(members: &mut Members<'_>) -> Self {
        Self { arn: read_arn(members), client_id: members.required("ClientID", Bounds(1, 255)) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Provider(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut provider = found.provider()?;
        let known = &mut provider.record.client_ids;
        if !ADDED {
            known.retain(|known| *known != self.client_id);
        } else if !known.contains(&self.client_id) {
            if known.len() >= MOST_CLIENTS {
                let text =
                    format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MOST_CLIENTS}");
                return Err(Fault::new(Code::LimitExceeded, text));
            }
            known.push(self.client_id);
        }
        Reply::updated(&provider)
    }
}

pub(super) struct UpdateThumbprint {
    arn: String,
    thumbprints: Vec<String>,
}

impl Action for UpdateThumbprint {
    const SPEC: Spec = Spec::changes("iam:UpdateOpenIDConnectProviderThumbprint");

    fn read(members: &mut Members<'_>) -> Self {
        let arn = read_arn(members);
        let thumbprints = members.texts("ThumbprintList", MOST_THUMBPRINTS, Bounds(40, 40));
        if thumbprints.is_none() {
            members.required("ThumbprintList", Bounds(0, 0));
        }
        Self { arn, thumbprints: thumbprints.unwrap_or_default() }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Provider(&self.arn)
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut provider = found.provider()?;
        provider.record.thumbprints = self.thumbprints;
        Reply::updated(&provider)
    }
}

pub(super) fn read_arn(members: &mut Members<'_>) -> String {
    members.arn("OpenIDConnectProviderArn")
}
