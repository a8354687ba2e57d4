//! The text of a policy that names principals, and whom it named when it was written.

/// A policy of a key or a role, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyText {
    /// JSON text as its author wrote it.
    pub text: String,
    /// ARNs of users, roles and sessions of accounts here that it names, each with the unique id of the user or role
    /// that had the ARN. A principal made again under the same name is not the one that was meant.
    pub named: Vec<(String, String)>,
}

impl PolicyText {
    /// Whether the text names one of these ARNs of a principal and meant one with another id.
    pub(crate) fn names_another(&self, arns: [&str; 2], id: &str) -> bool {
        self.named.iter().any(|(arn, meant)| arns.contains(&arn.as_str()) && meant != id)
    }
}

impl From<String> for PolicyText {
    fn from(text: String) -> Self {
        Self { text, named: Vec::new() }
    }
}
