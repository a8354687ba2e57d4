//! What users of IAM may have and users of this service never do: passwords, devices, certificates, public keys,
//! credentials of single services; and what stands beside them in an account. Clients ask for these before they delete a
//! user, and must be told that there is nothing.

use std::marker::PhantomData;

use reseal_core::directory::IdentityRecord;

use crate::{
    action::{Action, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
};

/// A list that is always empty.
pub(super) trait Nothing: Send + Sync + 'static {
    const ACTION: &'static str;
    /// The list's name in the answer.
    const LIST: &'static str;
}

macro_rules! nothing {
    ($($name:ident: $action:literal, $list:literal;)*) => {$(
        pub(super) struct $name;

        impl Nothing for $name {
            const ACTION: &'static str = $action;
            const LIST: &'static str = $list;
        }
    )*};
}

nothing! {
    Certificates: "iam:ListSigningCertificates", "Certificates";
    Devices: "iam:ListMFADevices", "MFADevices";
    PublicKeys: "iam:ListSSHPublicKeys", "SSHPublicKeys";
    ServiceCredentials: "iam:ListServiceSpecificCredentials", "ServiceSpecificCredentials";
    Aliases: "iam:ListAccountAliases", "AccountAliases";
    InstanceProfiles: "iam:ListInstanceProfiles", "InstanceProfiles";
    VirtualDevices: "iam:ListVirtualMFADevices", "VirtualMFADevices";
}

fn none(list: &str) -> Reply {
    Reply::with(|xml| {
        xml.texts(list, []);
        xml.boolean("IsTruncated", false);
    })
}

/// Of a user, by default the caller.
pub(super) struct ListOfUser<N> {
    user: Option<String>,
    of: PhantomData<fn() -> N>,
}

impl<N: Nothing> Action for ListOfUser<N> {
    const SPEC: Spec = Spec::reads(N::ACTION);

    fn read(members: &mut Members<'_>) -> Self {
        let user = members.optional_name("UserName", 128);
        Page::read(members);
        Self { user, of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::UserOrCaller(self.user.as_deref())
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let _: IdentityRecord = found.identity()?.record;
        Ok(none(N::LIST))
    }
}

/// Of the account.
pub(super) struct ListOfAccount<N> {
    of: PhantomData<fn() -> N>,
}

impl<N: Nothing> Action for ListOfAccount<N> {
    const SPEC: Spec = Spec::reads(N::ACTION);

    fn read(members: &mut Members<'_>) -> Self {
        members.choice("AssignmentStatus", &["Assigned", "Unassigned", "Any"]);
        members.text("PathPrefix", Bounds(1, 512));
        Page::read(members);
        Self { of: PhantomData }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn execute(self, _: Work<'_>, _: Found) -> Result<Reply, Fault> {
        Ok(none(N::LIST))
    }
}

/// A user's password: there is none to show or to delete.
pub(super) struct LoginProfile<const DELETED: bool> {
    user: Option<String>,
}

impl<const DELETED: bool> Action for LoginProfile<DELETED> {
    const SPEC: Spec =
        if DELETED { Spec::changes("iam:DeleteLoginProfile") } else { Spec::reads("iam:GetLoginProfile") };

    fn read(members: &mut Members<'_>) -> Self {
        Self { user: members.optional_name("UserName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::UserOrCaller(self.user.as_deref())
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let user = found.identity()?.record.name;
        Err(Fault::new(Code::NoSuchEntity, format!("Login Profile for User {user} cannot be found.")))
    }
}
