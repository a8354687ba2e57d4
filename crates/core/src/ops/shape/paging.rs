//! Limit and Marker in, Truncated and NextMarker out.
//!
//! A marker is opaque and authenticated: it holds where the page ended, sealed for the operation, the account,
//! the Region and the filter it was given for. Nothing else is accepted.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reseal_types::Reveal;

use crate::{
    call::Call,
    env::Env,
    error::Error,
    json::JsonObject,
    members::{Bounds, Members},
    operation::OpSpec,
};

/// What a caller asked for.
pub(crate) struct Paging {
    limit: Option<i64>,
    marker: Option<String>,
}

impl Paging {
    /// Reads `Limit` and `Marker`.
    pub(crate) fn read(members: &mut Members<'_>, most: i64) -> Result<Self, Error> {
        const PATTERN: &str = r"[\u0020-\u00FF]*";
        let limit = members.integer("Limit", Bounds(1, most))?;
        let legal = |text: &str| text.chars().all(|c| (' '..='\u{ff}').contains(&c));
        let marker = members.patterned_text("Marker", Bounds(1, 1024), PATTERN, legal)?;
        Ok(Self { limit, marker })
    }

    pub(crate) fn describe(&self, parameters: &mut JsonObject<'_>) {
        parameters.optional_number("limit", self.limit);
        parameters.optional_text("marker", self.marker.as_deref());
    }

    /// How many items at most.
    pub(crate) fn limit(&self, default: u16) -> u16 {
        self.limit.and_then(|limit| u16::try_from(limit).ok()).unwrap_or(default)
    }

    /// Where the page before ended, if the marker was given for `list`.
    pub(crate) fn after(&self, env: &Env, list: &List) -> Result<Option<String>, Error> {
        let Some(marker) = &self.marker else { return Ok(None) };
        let token = URL_SAFE_NO_PAD.decode(marker).map_err(|_| Error::InvalidMarker)?;
        let place = env.vault.open_token(&list.0, &token).ok_or(Error::InvalidMarker)?;
        let place = std::str::from_utf8(place.reveal(Reveal::ToCaller)).map_err(|_| Error::InvalidMarker)?;
        Ok(Some(place.to_owned()))
    }
}

/// What a marker is good for: one operation of one account in one Region, with one filter.
pub(crate) struct List(String);

impl List {
    /// `filter`: all members of the request that decide what is listed.
    pub(crate) fn new(operation: &OpSpec, call: &Call, filter: &[&str]) -> Self {
        let mut purpose = Vec::new();
        JsonObject::write(&mut purpose, |object| {
            object.text("list", operation.name);
            object.text("account", call.caller.account().as_str());
            object.text("region", call.region.as_str());
            object.texts("filter", filter.iter().copied());
        });
        Self(String::from_utf8_lossy(&purpose).into_owned())
    }

    /// A marker for the page that follows `last`.
    pub(crate) fn marker(&self, env: &Env, last: &str) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode(env.vault.seal_token(&self.0, last.as_bytes())?))
    }
}
