//! Parameters to typed values, with AWS's words for every broken rule. Broken rules are gathered and answered together
//! by `finish`; until then a getter of a broken parameter returns a placeholder that nobody gets to see.

use crate::{
    fault::{Code, Fault},
    form::{Form, lower_first},
};

/// The parameters of a call.
pub(crate) struct Members<'a> {
    form: &'a Form,
    violations: Vec<String>,
    /// IAM's own words for a name with other characters, which stand alone.
    bad_name: Option<String>,
}

/// Inclusive bounds of a length or a number.
#[derive(Clone, Copy)]
pub(crate) struct Bounds(pub(crate) usize, pub(crate) usize);

const MOST_TOLD: usize = 20;
const DOCUMENT: &str = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
/// Items looked at in one list, whatever the model says of it.
const MOST_ITEMS: usize = 200;

impl<'a> Members<'a> {
    pub(crate) fn of(form: &'a Form) -> Self {
        Self { form, violations: Vec::new(), bad_name: None }
    }

    /// Answers all broken rules, if any.
    ///
    /// # Errors
    /// `ValidationError` in AWS's words.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        let count = self.violations.len();
        if count > 0 {
            let errors = if count == 1 { "error" } else { "errors" };
            let told = self.violations.iter().take(MOST_TOLD).cloned().collect::<Vec<_>>().join("; ");
            let text = format!("{count} validation {errors} detected: {told}");
            return Err(Fault::new(Code::ValidationError, text));
        }
        self.bad_name.map_or(Ok(()), |text| Err(Fault::new(Code::ValidationError, text)))
    }

    /// Text within a length; absent when not sent.
    pub(crate) fn text(&mut self, name: &str, length: Bounds) -> Option<String> {
        let text = self.form.get(name)?;
        self.check_length(name, text, length);
        Some(text.to_owned())
    }

    /// Text that must be there.
    pub(crate) fn required(&mut self, name: &str, length: Bounds) -> String {
        let text = self.text(name, length);
        if text.is_none() {
            let path = lower_first(name);
            self.violations.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            ));
        }
        text.unwrap_or_default()
    }

    /// Text that must also match the model's pattern, for which `legal` stands.
    pub(crate) fn patterned(
        &mut self,
        name: &str,
        length: Bounds,
        pattern: &str,
        legal: impl Fn(char) -> bool,
    ) -> Option<String> {
        let text = self.text(name, length)?;
        if !text.chars().all(legal) {
            self.breaks(name, &text, &format!("Member must satisfy regular expression pattern: {pattern}"));
        }
        Some(text)
    }

    /// The name of a user, role, group or policy.
    pub(crate) fn optional_name(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.text(name, Bounds(1, most))?;
        if !text.chars().all(is_name_letter) {
            let path = lower_first(name);
            self.bad_name.get_or_insert_with(|| {
                format!(
                    "The specified value for {path} is invalid. It must contain only alphanumeric characters \
                     and/or the following: +=,.@_-"
                )
            });
        }
        Some(text)
    }

    /// A name that must be there.
    pub(crate) fn name(&mut self, name: &str, most: usize) -> String {
        let text = self.optional_name(name, most);
        if text.is_none() {
            self.required(name, Bounds(1, most));
        }
        text.unwrap_or_default()
    }

    /// An IAM path; `/` when not sent.
    pub(crate) fn path(&mut self, name: &str) -> String {
        self.optional_path(name).unwrap_or_else(|| "/".to_owned())
    }

    /// An IAM path.
    pub(crate) fn optional_path(&mut self, name: &str) -> Option<String> {
        let path = self.text(name, Bounds(1, 512))?;
        let good = path == "/"
            || (path.len() > 2
                && path.starts_with('/')
                && path.ends_with('/')
                && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        if !good {
            let member = lower_first(name);
            self.bad_name.get_or_insert_with(|| {
                format!(
                    "The specified value for {member} is invalid. It must begin and end with / and contain only \
                     alphanumeric characters and/or / characters."
                )
            });
        }
        Some(path)
    }

    /// The text of a policy, whose grammar is checked later.
    pub(crate) fn optional_document(&mut self, name: &str, most: usize) -> Option<String> {
        let legal = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        self.patterned(name, Bounds(1, most), DOCUMENT, legal)
    }

    /// The text of a policy that must be there.
    pub(crate) fn document(&mut self, name: &str) -> String {
        let text = self.optional_document(name, 131_072);
        if text.is_none() {
            self.required(name, Bounds(1, 131_072));
        }
        text.unwrap_or_default()
    }

    /// An ARN, whose form is checked by what looks it up.
    pub(crate) fn arn(&mut self, name: &str) -> String {
        self.required(name, Bounds(20, 2_048))
    }

    /// An ARN that may be absent.
    pub(crate) fn optional_arn(&mut self, name: &str) -> Option<String> {
        self.text(name, Bounds(20, 2_048))
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&mut self, name: &str, range: Bounds) -> Option<u32> {
        let text = self.form.get(name)?;
        let Bounds(least, most) = range;
        match text.parse::<usize>() {
            Ok(number) if number < least => {
                self.breaks(name, text, &format!("Member must have value greater than or equal to {least}"));
            }
            Ok(number) if number <= most => return u32::try_from(number).ok(),
            Ok(_) => self.breaks(name, text, &format!("Member must have value less than or equal to {most}")),
            Err(_) => self.breaks(name, text, "Member must be a whole number"),
        }
        None
    }

    /// A truth value.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let text = self.form.get(name)?;
        match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.breaks(name, text, "Member must be true or false");
                None
            }
        }
    }

    /// One of these words.
    pub(crate) fn choice(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.form.get(name)?;
        let found = words.iter().copied().find(|word| *word == text);
        if found.is_none() {
            let set = words.join(", ");
            self.breaks(name, text, &format!("Member must satisfy enum value set: [{set}]"));
        }
        found
    }

    /// A list of texts; absent when not sent.
    pub(crate) fn texts(&mut self, name: &str, most: usize, length: Bounds) -> Option<Vec<String>> {
        let count = self.count(name, most)?;
        let items = (1..=count).filter_map(|index| self.text(&format!("{name}.member.{index}"), length));
        Some(items.collect())
    }

    /// Tags, keys unique without regard to letter case.
    pub(crate) fn tags(&mut self, name: &str) -> Vec<(String, String)> {
        let Some(count) = self.count(name, 50) else { return Vec::new() };
        let mut tags: Vec<(String, String)> = Vec::with_capacity(count);
        for index in 1..=count {
            let key = self.required(&format!("{name}.member.{index}.Key"), Bounds(1, 128));
            let value = self.required(&format!("{name}.member.{index}.Value"), Bounds(0, 256));
            if !key.chars().chain(value.chars()).all(is_tag_letter) {
                let path = format!("{}.{index}.member", lower_first(name));
                self.violations.push(format!(
                    "Value at '{path}' failed to satisfy constraint: Member must satisfy regular expression \
                     pattern: [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]*"
                ));
            }
            if tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(&key)) {
                self.bad_name.get_or_insert_with(|| {
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned()
                });
            }
            tags.push((key, value));
        }
        tags
    }

    /// The ARNs of a list of `{arn}`.
    pub(crate) fn arns(&mut self, name: &str, most: usize) -> Vec<String> {
        let Some(count) = self.count(name, most) else { return Vec::new() };
        (1..=count)
            .filter_map(|index| self.text(&format!("{name}.member.{index}.arn"), Bounds(20, 2_048)))
            .collect()
    }

    /// How many items a list has; none sent is absent, an empty parameter of that name an empty list.
    fn count(&mut self, name: &str, most: usize) -> Option<usize> {
        let item = |index: usize| {
            let place = format!("{name}.member.{index}");
            self.form.get(&place).is_some() || self.form.has_prefix(&format!("{place}."))
        };
        let count = (1..=MOST_ITEMS).take_while(|index| item(*index)).count();
        if count == 0 && self.form.get(name).is_none() {
            return None;
        }
        if count > most {
            let path = lower_first(name);
            self.violations.push(format!(
                "Value at '{path}' failed to satisfy constraint: Member must have length less than or equal to {most}"
            ));
        }
        Some(count)
    }

    fn check_length(&mut self, name: &str, text: &str, Bounds(least, most): Bounds) {
        let length = text.chars().count();
        if length < least {
            self.breaks(name, text, &format!("Member must have length greater than or equal to {least}"));
        }
        if length > most {
            self.breaks(name, text, &format!("Member must have length less than or equal to {most}"));
        }
    }

    fn breaks(&mut self, name: &str, value: &str, rule: &str) {
        let path = lower_first(name);
        // A long value would make an answer as long as the request.
        let shown: String = value.chars().take(2_048).collect();
        self.violations.push(format!("Value '{shown}' at '{path}' failed to satisfy constraint: {rule}"));
    }
}

/// `[\w+=,.@-]`
pub(crate) fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
fn is_tag_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter)
}
