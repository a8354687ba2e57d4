//! The Arn operators: the six parts of an ARN are matched one by one, so that no wildcard and no variable reaches
//! across a colon. The last part keeps its own colons.

use crate::context::{ConditionKey, RequestContext};
use crate::error::PolicyError;
use crate::template::{Matcher, Piece, Syntax, Unresolved, pieces};

/// A compiled ARN pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnMatcher {
    /// `*` alone: any ARN.
    Any,
    /// One matcher per part.
    Parts(Box<[Matcher; 6]>),
}

impl ArnMatcher {
    /// Compiles `text`; `Ok(None)` when it does not have six parts.
    pub(crate) fn new(text: &str, variables: bool) -> Result<Option<Self>, PolicyError> {
        let pieces = pieces(text, Syntax { variables, wildcards: true })?;
        if pieces == [Piece::AnyRun] {
            return Ok(Some(Self::Any));
        }
        let mut parts = Vec::new();
        let mut current = Vec::new();
        for piece in pieces {
            let Piece::Text(text) = piece else {
                current.push(piece);
                continue;
            };
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once(':').filter(|_| parts.len() < 5) {
                current.push(Piece::Text(before.to_owned()));
                parts.push(Matcher::from_pieces(std::mem::take(&mut current)));
                rest = after;
            }
            current.push(Piece::Text(rest.to_owned()));
        }
        parts.push(Matcher::from_pieces(current));
        Ok(parts.try_into().ok().map(|parts| Self::Parts(Box::new(parts))))
    }

    /// Whether `value` is an ARN that matches.
    pub(crate) fn matches(&self, value: &str, context: &dyn RequestContext) -> Result<bool, Unresolved> {
        let mut own = value.splitn(6, ':');
        let mut matches = true;
        if let Self::Parts(parts) = self {
            for part in parts.iter() {
                matches &= match own.next() {
                    Some(text) => part.matches(text, context)?,
                    None => false,
                };
            }
            return Ok(matches);
        }
        Ok(own.next() == Some("arn") && own.count() == 5)
    }

    pub(crate) fn mentions(&self, sort: fn(&ConditionKey) -> bool) -> bool {
        match self {
            Self::Any => false,
            Self::Parts(parts) => parts.iter().any(|part| part.mentions(sort)),
        }
    }

    pub(crate) fn is_resolved(&self, context: &dyn RequestContext) -> bool {
        match self {
            Self::Any => true,
            Self::Parts(parts) => parts.iter().all(|part| part.is_resolved(context)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::EmptyContext;

    fn matches(pattern: &str, value: &str) -> bool {
        ArnMatcher::new(pattern, true).unwrap().unwrap().matches(value, &EmptyContext).unwrap()
    }

    #[test]
    fn wildcards_stay_inside_their_part() {
        let arn = "arn:aws:iam::111122223333:role/app/reader";
        assert!(matches("arn:aws:iam::111122223333:role/*", arn));
        assert!(matches("arn:*:iam:*:1111*:*", arn));
        assert!(!matches("arn:aws:*:111122223333:x:role/*", arn));
        assert!(!matches("arn:aws:iam:*:role/*:*", arn));
        assert!(matches("*", arn));
        assert!(!matches("*", "not an arn"));
    }

    #[test]
    fn the_last_part_keeps_its_colons() {
        let arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/a/b:stream";
        assert!(matches("arn:aws:logs:*:*:log-group:*:stream", arn));
        assert!(!matches("arn:aws:logs:*:*:log-group", arn));
    }

    #[test]
    fn fewer_parts_are_no_pattern() {
        assert_eq!(ArnMatcher::new("arn:aws:iam", true).unwrap(), None);
        assert_eq!(ArnMatcher::new("", true).unwrap(), None);
    }
}
