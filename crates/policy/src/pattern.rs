//! Wildcard patterns: `*` is any run of characters (none too, `/` and `:` too), `?` is exactly one character.
//!
//! A pattern is cut at its stars when the policy is compiled. Matching then looks for each piece once, leftmost
//! first, and never goes back to an earlier star, so the cost is at most the product of the two lengths (and their
//! sum when no `?` stands between two stars). It allocates nothing.

/// One token of a pattern under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Literal text.
    Text(&'a str),
    /// `*`
    AnyRun,
    /// `?`
    AnyOne,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    /// With `?` and without `*`.
    Fixed(Segment),
    /// `head*middle*...*tail`
    Wild {
        head: Segment,
        middle: Box<[Segment]>,
        tail: Segment,
    },
}

/// The part of a pattern between two stars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Segment {
    atoms: Vec<Atom>,
    chars: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    Text(String),
    One,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Sensitive,
    Ignored,
}

impl Pattern {
    /// Compiles `text`, in which every `*` and `?` is a wildcard.
    pub(crate) fn new(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['*', '?']) {
            let (literal, wild) = rest.split_at(at);
            tokens.push(Token::Text(literal));
            tokens.push(if wild.starts_with('*') { Token::AnyRun } else { Token::AnyOne });
            rest = wild.get(1..).unwrap_or_default();
        }
        tokens.push(Token::Text(rest));
        Self::from_tokens(tokens)
    }

    /// Compiles a token sequence; `Text` never acts as a wildcard, whatever it contains.
    pub(crate) fn from_tokens<'a>(tokens: impl IntoIterator<Item = Token<'a>>) -> Self {
        let mut segments = Vec::new();
        let mut current = Segment::default();
        for token in tokens {
            match token {
                Token::Text(text) => current.push_text(text),
                Token::AnyOne => {
                    current.atoms.push(Atom::One);
                    current.chars += 1;
                }
                Token::AnyRun => segments.push(std::mem::take(&mut current)),
            }
        }
        let tail = current;
        let mut segments = segments.into_iter();
        let Some(head) = segments.next() else { return Self(Form::without_star(tail)) };
        let middle: Box<[Segment]> = segments.filter(|segment| !segment.atoms.is_empty()).collect();
        Self(Form::with_star(head, middle, tail))
    }

    /// Whether the whole of `value` matches.
    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.0 {
            Form::Any => true,
            Form::Exact(text) => **text == *value,
            Form::Prefix(prefix) => value.starts_with(&**prefix),
            _ => self.matches_slowly(value, Case::Sensitive),
        }
    }

    /// Like [`matches`](Self::matches) with ASCII letters in either case, the rule for action names.
    pub(crate) fn matches_ignoring_case(&self, value: &str) -> bool {
        match &self.0 {
            Form::Any => true,
            Form::Exact(text) => text.eq_ignore_ascii_case(value),
            Form::Prefix(prefix) => strip_prefix(value, prefix, Case::Ignored).is_some(),
            _ => self.matches_slowly(value, Case::Ignored),
        }
    }

    fn matches_slowly(&self, value: &str, case: Case) -> bool {
        match &self.0 {
            Form::Any | Form::Exact(_) | Form::Prefix(_) => false,
            Form::Fixed(segment) => segment.strip_from(value, case) == Some(""),
            Form::Wild { head, middle, tail } => {
                let Some(mut rest) = head.strip_from(value, case) else { return false };
                for segment in middle {
                    let Some(after) = segment.find_in(rest, case) else { return false };
                    rest = after;
                }
                tail.ends(rest, case)
            }
        }
    }
}

impl Form {
    fn without_star(mut only: Segment) -> Self {
        match (only.atoms.pop(), only.atoms.is_empty()) {
            (None, _) => Self::Exact("".into()),
            (Some(Atom::Text(text)), true) => Self::Exact(text.into()),
            (Some(last), _) => {
                only.atoms.push(last);
                Self::Fixed(only)
            }
        }
    }

    fn with_star(head: Segment, middle: Box<[Segment]>, tail: Segment) -> Self {
        if middle.is_empty() && tail.atoms.is_empty() {
            match head.atoms.as_slice() {
                [] => return Self::Any,
                [Atom::Text(text)] => return Self::Prefix(text.as_str().into()),
                _ => {}
            }
        }
        Self::Wild { head, middle, tail }
    }
}

impl Segment {
    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.chars += text.chars().count();
        // Adjacent texts arise where a policy variable was put in; one atom keeps the fast paths.
        if let Some(Atom::Text(last)) = self.atoms.last_mut() {
            last.push_str(text);
        } else {
            self.atoms.push(Atom::Text(text.to_owned()));
        }
    }

    /// What follows the segment when `value` begins with it.
    fn strip_from<'v>(&self, value: &'v str, case: Case) -> Option<&'v str> {
        let mut rest = value;
        for atom in &self.atoms {
            rest = match atom {
                Atom::Text(text) => strip_prefix(rest, text, case)?,
                Atom::One => {
                    let mut chars = rest.chars();
                    chars.next()?;
                    chars.as_str()
                }
            };
        }
        Some(rest)
    }

    /// What follows the leftmost occurrence of the segment in `value`.
    fn find_in<'v>(&self, value: &'v str, case: Case) -> Option<&'v str> {
        if let ([Atom::Text(text)], Case::Sensitive) = (self.atoms.as_slice(), case) {
            return value.get(value.find(text.as_str())? + text.len()..);
        }
        let mut rest = value;
        loop {
            if let Some(after) = self.strip_from(rest, case) {
                return Some(after);
            }
            let mut chars = rest.chars();
            chars.next()?;
            rest = chars.as_str();
        }
    }

    /// Whether `value` ends with the segment.
    fn ends(&self, value: &str, case: Case) -> bool {
        let Some(before_start) = self.chars.checked_sub(1) else { return true };
        let start = value.char_indices().rev().nth(before_start).map(|(at, _)| at);
        let end = start.and_then(|at| value.get(at..));
        end.is_some_and(|end| self.strip_from(end, case) == Some(""))
    }
}

fn strip_prefix<'v>(value: &'v str, prefix: &str, case: Case) -> Option<&'v str> {
    if case == Case::Sensitive {
        return value.strip_prefix(prefix);
    }
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by recursion over all splits; only for short inputs.
    fn naive(pattern: &[char], value: &[char]) -> bool {
        match pattern.split_first() {
            None => value.is_empty(),
            Some(('*', rest)) => (0..=value.len()).any(|skip| naive(rest, &value[skip..])),
            Some(('?', rest)) => !value.is_empty() && naive(rest, &value[1..]),
            Some((c, rest)) => value.first() == Some(c) && naive(rest, &value[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[abAé*?]{0,9}", value in "[abAé]{0,9}") {
            let p: Vec<char> = pattern.chars().collect();
            let v: Vec<char> = value.chars().collect();
            prop_assert_eq!(Pattern::new(&pattern).matches(&value), naive(&p, &v));
            let p: Vec<char> = pattern.to_ascii_lowercase().chars().collect();
            let v: Vec<char> = value.to_ascii_lowercase().chars().collect();
            prop_assert_eq!(Pattern::new(&pattern).matches_ignoring_case(&value), naive(&p, &v));
        }
    }

    #[test]
    fn common_shapes_take_the_fast_paths() {
        assert_eq!(Pattern::new("*").0, Form::Any);
        assert_eq!(Pattern::new("***").0, Form::Any);
        assert_eq!(Pattern::new("kms:*").0, Form::Prefix("kms:".into()));
        assert_eq!(Pattern::new("kms:Encrypt").0, Form::Exact("kms:Encrypt".into()));
        assert_eq!(Pattern::new("").0, Form::Exact("".into()));
    }

    #[test]
    fn literal_tokens_are_never_wildcards() {
        let pattern = Pattern::from_tokens([Token::Text("a*"), Token::Text("?"), Token::AnyRun]);
        assert!(pattern.matches("a*?z"));
        assert!(!pattern.matches("abcz"));
    }

    #[test]
    fn many_stars_cost_one_pass() {
        // A matcher that tries every split would not come back within the age of the universe.
        let pattern = Pattern::new(&("*a".repeat(5_000) + "b"));
        let value = "a".repeat(20_000);
        let wild = Pattern::new(&("*?a".repeat(2_000) + "b"));
        let interior = Pattern::new(&format!("*{}b*", "a?".repeat(100)));
        for p in [&pattern, &wild, &interior] {
            assert!(!p.matches(&value));
            assert!(!p.matches_ignoring_case(&value));
        }
        assert!(Pattern::new(&"*a".repeat(5_000)).matches(&value));
    }
}
