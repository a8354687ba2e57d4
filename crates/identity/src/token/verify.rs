//! A web identity token as the credential of a call: AssumeRoleWithWebIdentity comes without a signature.

use reseal_core::{
    env::Env,
    identity::{Authenticated, WebIdentity},
};
use reseal_types::AccountId;

use super::{Issuers, Jwt, NoKeys};
use crate::{
    fault::{Code, Fault},
    form::Form,
    iam::provider::issuer_of,
};

/// How far the clocks of an issuer and this service may be apart.
const SKEW_SECONDS: i64 = 60;
/// Longest subject and audience that are taken.
const MOST_SUBJECT: usize = 255;

/// The bearer of the call's token, if the account of the role takes tokens of its issuer and the token is good.
///
/// # Errors
/// `InvalidIdentityToken`, `ExpiredTokenException` or `IDPCommunicationError`, as STS answers them.
pub async fn by_token(env: &Env, issuers: &Issuers, form: &Form) -> Result<Authenticated, Fault> {
    let text = form.get("WebIdentityToken").unwrap_or_default();
    let jwt = Jwt::parse(text).ok_or_else(|| {
        let text =
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
        Fault::new(Code::InvalidIdentityToken, text)
    })?;
    let issuer = required(&jwt, "iss")?;
    let subject = required(&jwt, "sub")?;
    let account = role_account(form).ok_or_else(|| no_provider(issuer))?;
    let provider = env.oidc_provider(account, issuer_of(issuer)).await?;
    let provider = provider.ok_or_else(|| no_provider(issuer))?.record;
    verify_signature(env, issuers, issuer, &jwt).await?;
    let now = env.clock().now().seconds();
    check_times(&jwt, now)?;
    let audiences = jwt.texts("aud");
    let azp = jwt.text("azp");
    if audiences.is_empty() {
        return Err(missing("aud"));
    }
    // Who the token was made for stands in `azp` when there are several audiences.
    let takes = |audience: &str| provider.client_ids.iter().any(|known| known == audience);
    let audience =
        azp.filter(|azp| takes(azp)).or_else(|| audiences.iter().map(String::as_str).find(|a| takes(a)));
    let audience =
        audience.ok_or_else(|| Fault::new(Code::InvalidIdentityToken, "Incorrect token audience"))?;
    let token = WebIdentity {
        issuer: provider.issuer.clone(),
        subject: subject.to_owned(),
        audience: azp.unwrap_or(audience).to_owned(),
        methods: jwt.texts("amr"),
        audiences,
    };
    Ok(env.federated(account, token))
}

/// The account that the call is about.
fn role_account(form: &Form) -> Option<AccountId> {
    form.get("RoleArn")?.split(':').nth(4).and_then(AccountId::parse)
}

async fn verify_signature(env: &Env, issuers: &Issuers, issuer: &str, jwt: &Jwt<'_>) -> Result<(), Fault> {
    let key_id = jwt.key_id.as_deref();
    let keys = issuers
        .keys(issuer, env.clock().now(), |keys| keys.candidates(&jwt.algorithm, key_id).next().is_some())
        .await;
    let no_key = |code| {
        let text = "Couldn't retrieve verification key from your identity provider, please reference \
                    AssumeRoleWithWebIdentity documentation for requirements";
        Fault::new(code, text)
    };
    let keys = keys.map_err(|why| match why {
        NoKeys::UnknownIssuer => no_key(Code::InvalidIdentityToken),
        NoKeys::Unavailable => no_key(Code::IdpCommunicationError),
    })?;
    let mut candidates = keys.candidates(&jwt.algorithm, key_id).peekable();
    if candidates.peek().is_none() {
        return Err(no_key(Code::InvalidIdentityToken));
    }
    if candidates.any(|key| key.verify(jwt.message.as_bytes(), &jwt.signature).is_ok()) {
        return Ok(());
    }
    let text = "The web identity token that was passed could not be validated by AWS";
    Err(Fault::new(Code::InvalidIdentityToken, text))
}

fn check_times(jwt: &Jwt<'_>, now: i64) -> Result<(), Fault> {
    let malformed = |name| move |()| Fault::new(Code::InvalidIdentityToken, format!("Invalid {name} claim"));
    let expires = jwt.seconds("exp").map_err(malformed("exp"))?.ok_or_else(|| missing("exp"))?;
    if now.saturating_sub(SKEW_SECONDS) >= expires {
        let text = format!(
            "Token expired: current date/time {now} must be before the expiration date/time {expires}"
        );
        return Err(Fault::new(Code::ExpiredToken, text));
    }
    for name in ["nbf", "iat"] {
        let from = jwt.seconds(name).map_err(malformed(name))?;
        if from.is_some_and(|from| now.saturating_add(SKEW_SECONDS) < from) {
            return Err(Fault::new(Code::InvalidIdentityToken, "Token is not yet valid"));
        }
    }
    Ok(())
}

fn required<'a>(jwt: &'a Jwt<'_>, name: &str) -> Result<&'a str, Fault> {
    let value = jwt.text(name).filter(|value| (1..=MOST_SUBJECT).contains(&value.len()));
    value.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Fault {
    Fault::new(Code::InvalidIdentityToken, format!("Missing a required claim: {name}"))
}

fn no_provider(issuer: &str) -> Fault {
    let text = format!("No OpenIDConnect provider found in your account for {issuer}");
    Fault::new(Code::InvalidIdentityToken, text)
}
