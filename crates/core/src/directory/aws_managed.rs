//! Managed policies that every account has without making them. The few of AWS's that mean something here; texts as
//! in the AWS Managed Policy Reference Guide.

/// A policy in the account `aws`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsManagedPolicy {
    /// Its name.
    pub name: &'static str,
    /// Its unique id.
    pub id: &'static str,
    /// Its text.
    pub document: &'static str,
}

impl AwsManagedPolicy {
    /// All of them, by name.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "AWSKeyManagementServicePowerUser",
            id: "ANPAJNPP7PPPPMJRV2SA4",
            document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "kms:CreateAlias",
                "kms:CreateKey",
                "kms:DeleteAlias",
                "kms:Describe*",
                "kms:GenerateRandom",
                "kms:Get*",
                "kms:List*",
                "kms:TagResource",
                "kms:UntagResource",
                "iam:ListGroups",
                "iam:ListRoles",
                "iam:ListUsers"
            ],
            "Resource": "*"
        }
    ]
}"#,
        },
        Self {
            name: "AdministratorAccess",
            id: "ANPAIWMBCKSKIEE64ZLYK",
            document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*"
        }
    ]
}"#,
        },
        Self {
            name: "IAMFullAccess",
            id: "ANPAI7XKCFMBPM3QQRRVQ",
            document: r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "iam:*"
            ],
            "Resource": "*"
        }
    ]
}"#,
        },
    ];

    /// The one with that ARN.
    pub fn find(partition: &str, arn: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|policy| policy.arn(partition) == arn)
    }

    /// Its ARN.
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::aws:policy/{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_compile() {
        assert!(AwsManagedPolicy::ALL.is_sorted_by_key(|policy| policy.name));
        for policy in AwsManagedPolicy::ALL {
            assert!(reseal_policy::IdentityPolicy::parse(policy.document).is_ok(), "{}", policy.name);
            assert_eq!(AwsManagedPolicy::find("aws", &policy.arn("aws")), Some(policy));
        }
    }
}
