//! Values with policy variables: `${key}`, `${key, 'default'}` and the escapes `${*}`, `${?}`, `${$}`, which exist
//! only in documents of version 2012-10-17.
//!
//! A variable's value is always literal text: a `*` in somebody's tag must not turn into a wildcard.

use crate::context::{Availability, ConditionKey, RequestContext};
use crate::error::PolicyError;
use crate::pattern::{Pattern, Token};

/// Which characters have a meaning in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// `${...}` is a variable.
    pub(crate) variables: bool,
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
}

/// One piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    AnyRun,
    AnyOne,
    Variable { key: ConditionKey, default: Option<Box<str>> },
}

/// A value to match against: compiled, or to be completed by the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matcher {
    Fixed(Pattern),
    Template(Box<[Piece]>),
}

/// The request has no (single) value for a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unresolved;

impl Matcher {
    /// Compiles `text`.
    pub(crate) fn new(text: &str, syntax: Syntax) -> Result<Self, PolicyError> {
        Ok(Self::from_pieces(pieces(text, syntax)?))
    }

    pub(crate) fn from_pieces(pieces: Vec<Piece>) -> Self {
        if pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. })) {
            return Self::Template(pieces.into());
        }
        let tokens = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Token::Text(text),
            Piece::AnyOne => Token::AnyOne,
            Piece::AnyRun | Piece::Variable { .. } => Token::AnyRun,
        });
        Self::Fixed(Pattern::from_tokens(tokens))
    }

    /// Whether `value` matches for this request.
    pub(crate) fn matches(&self, value: &str, context: &dyn RequestContext) -> Result<bool, Unresolved> {
        match self {
            Self::Fixed(pattern) => Ok(pattern.matches(value)),
            Self::Template(pieces) => Ok(complete(pieces, context)?.matches(value)),
        }
    }

    /// Whether a variable reads a key of the given sort.
    pub(crate) fn mentions(&self, sort: fn(&ConditionKey) -> bool) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Template(pieces) => pieces.iter().any(|piece| piece.mentions(sort)),
        }
    }

    /// Whether the request has a value for every variable.
    pub(crate) fn is_resolved(&self, context: &dyn RequestContext) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Template(pieces) => pieces.iter().all(|piece| match piece {
                Piece::Variable { key, default } => variable(key, default.as_deref(), context).is_ok(),
                _ => true,
            }),
        }
    }
}

impl Piece {
    /// Whether this is a variable that reads a key of the given sort.
    pub(crate) fn mentions(&self, sort: fn(&ConditionKey) -> bool) -> bool {
        matches!(self, Self::Variable { key, .. } if sort(key))
    }
}

/// The text of a value without wildcards.
pub(crate) fn complete_text(pieces: &[Piece], context: &dyn RequestContext) -> Result<String, Unresolved> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Variable { key, default } => text.push_str(&variable(key, default.as_deref(), context)?),
            Piece::AnyRun => text.push('*'),
            Piece::AnyOne => text.push('?'),
        }
    }
    Ok(text)
}

fn complete(pieces: &[Piece], context: &dyn RequestContext) -> Result<Pattern, Unresolved> {
    let mut values = Vec::new();
    for piece in pieces {
        if let Piece::Variable { key, default } = piece {
            values.push(variable(key, default.as_deref(), context)?);
        }
    }
    let mut values = values.iter();
    Ok(Pattern::from_tokens(pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Token::Text(text),
        Piece::AnyRun => Token::AnyRun,
        Piece::AnyOne => Token::AnyOne,
        Piece::Variable { .. } => Token::Text(values.next().map_or("", String::as_str)),
    })))
}

fn variable(
    key: &ConditionKey,
    default: Option<&str>,
    context: &dyn RequestContext,
) -> Result<String, Unresolved> {
    let mut value = None;
    let mut count = 0_usize;
    let availability = context.values(key, &mut |text| {
        count += 1;
        value = Some(text.to_owned());
    });
    match (availability, count, value, default) {
        (Availability::Known, 1, Some(value), _) => Ok(value),
        (Availability::Known, 0, _, Some(default)) => Ok(default.to_owned()),
        // Several values cannot stand for one text.
        _ => Err(Unresolved),
    }
}

/// Cuts a value into pieces.
pub(crate) fn pieces(text: &str, syntax: Syntax) -> Result<Vec<Piece>, PolicyError> {
    let mut list = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let piece = if syntax.variables && rest.starts_with("${") {
            let (piece, after) =
                read_variable(rest).ok_or_else(|| PolicyError::InvalidVariable(text.to_owned()))?;
            rest = after;
            piece
        } else {
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            match next {
                '*' if syntax.wildcards => Piece::AnyRun,
                '?' if syntax.wildcards => Piece::AnyOne,
                _ => Piece::Text(next.to_string()),
            }
        };
        if let Piece::Text(part) = piece {
            literal.push_str(&part);
            continue;
        }
        if !literal.is_empty() {
            list.push(Piece::Text(std::mem::take(&mut literal)));
        }
        list.push(piece);
    }
    if !literal.is_empty() || list.is_empty() {
        list.push(Piece::Text(literal));
    }
    Ok(list)
}

/// Reads the variable at the start of `text` (which begins with `${`) and returns what follows it.
fn read_variable(text: &str) -> Option<(Piece, &str)> {
    let body = text.strip_prefix("${")?;
    let end = body.find([',', '}'])?;
    let (name, mut rest) = body.split_at(end);
    let name = name.trim();
    let mut default = None;
    if let Some(after) = rest.strip_prefix(',') {
        let (quoted, after) = after.trim_start().strip_prefix('\'')?.split_once('\'')?;
        default = Some(quoted.into());
        rest = after.trim_start();
    }
    let rest = rest.strip_prefix('}')?;
    if default.is_none() && matches!(name, "*" | "?" | "$") {
        return Some((Piece::Text(name.to_owned()), rest));
    }
    let (service, key) = name.split_once(':')?;
    if service.is_empty() || key.is_empty() || name.contains(['*', '?', '$', '{']) {
        return None;
    }
    Some((Piece::Variable { key: ConditionKey::parse(name), default }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(&'static str);

    impl RequestContext for One {
        fn values(&self, key: &ConditionKey, visit: &mut dyn FnMut(&str)) -> Availability {
            if *key == ConditionKey::Username {
                visit(self.0);
            }
            Availability::Known
        }
    }

    const ALL: Syntax = Syntax { variables: true, wildcards: true };

    #[test]
    fn variables_are_literal_and_have_defaults() {
        let matcher = Matcher::new("a/${aws:username}/*", ALL).unwrap();
        assert_eq!(matcher.matches("a/*/b", &One("*")), Ok(true));
        assert_eq!(matcher.matches("a/x/b", &One("*")), Ok(false));
        let matcher = Matcher::new("${aws:PrincipalTag/team, 'red'}!", ALL).unwrap();
        assert_eq!(matcher.matches("red!", &One("")), Ok(true));
        let matcher = Matcher::new("${aws:PrincipalTag/team}", ALL).unwrap();
        assert_eq!(matcher.matches("red", &One("")), Err(Unresolved));
    }

    #[test]
    fn escapes_are_literal() {
        let matcher = Matcher::new("${*}${?}${$}{x}", ALL).unwrap();
        assert_eq!(matcher.matches("*?${x}", &One("")), Ok(true));
        assert_eq!(matcher.matches("ab${x}", &One("")), Ok(false));
    }

    #[test]
    fn without_variables_the_text_stands_for_itself() {
        let plain = Syntax { variables: false, wildcards: false };
        let matcher = Matcher::new("${aws:username}*", plain).unwrap();
        assert_eq!(matcher.matches("${aws:username}*", &One("x")), Ok(true));
    }

    #[test]
    fn malformed_variables_are_refused() {
        for text in ["${", "${}", "${aws:username", "${username}", "${aws:x, y}", "${aws:x, 'y}", "${**}"] {
            assert!(matches!(pieces(text, ALL), Err(PolicyError::InvalidVariable(_))), "{text}");
        }
    }
}
