//! Access keys of users. The secret is shown once, when a key is made.

use reseal_core::directory::{AccessKeyEntry, Edits, IdentityRecord};
use reseal_types::Reveal;
use serde_json::json;

use crate::{
    action::{Action, Reply, Spec, Work},
    fault::{Code, Fault},
    members::{Bounds, Members},
    page::Page,
    subject::{Found, Subject},
    xml::Xml,
};

/// AWS: two, so that one can be replaced while the other is in use.
const MOST: usize = 2;

pub(super) struct CreateAccessKey {
    user: Option<String>,
}

impl Action for CreateAccessKey {
    const SPEC: Spec = Spec::changes("iam:CreateAccessKey");

    fn read(members: &mut Members<'_>) -> Self {
        Self { user: members.optional_name("UserName", 128) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::UserOrCaller(self.user.as_deref())
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut user = found.identity()?;
        if user.record.access_keys.len() >= MOST {
            let text = format!("Cannot exceed quota for AccessKeysPerUser: {MOST}");
            return Err(Fault::new(Code::LimitExceeded, text));
        }
        let mut edits = Edits::default();
        let made = work.env.new_access_key(&mut edits, &user.record)?;
        user.record.access_keys.push(made.entry.clone());
        edits.update(&user)?;
        let secret = std::str::from_utf8(made.secret.reveal(Reveal::ToCaller)).unwrap_or_default();
        let noted = json!({"accessKey": {
            "userName": user.record.name, "accessKeyId": made.entry.id, "status": "Active"
        }});
        let reply = Reply::with(|xml| {
            xml.element("AccessKey", |xml| {
                show(&user.record, &made.entry, xml);
                xml.text("SecretAccessKey", secret);
            });
        });
        Ok(reply.and(edits).noting(noted))
    }
}

pub(super) struct ListAccessKeys {
    user: Option<String>,
    page: Page,
}

impl Action for ListAccessKeys {
    const SPEC: Spec = Spec::reads("iam:ListAccessKeys");

    fn read(members: &mut Members<'_>) -> Self {
        Self { user: members.optional_name("UserName", 128), page: Page::read(members) }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::UserOrCaller(self.user.as_deref())
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let user = found.identity()?.record;
        let mut keys = user.access_keys.clone();
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        let page = self.page.of(keys, |key| key.id.clone())?;
        Ok(Reply::with(|xml| {
            xml.list("AccessKeyMetadata", &page.items, |xml, key| show(&user, key, xml));
            page.finish(xml);
        }))
    }
}

pub(super) struct UpdateAccessKey {
    user: Option<String>,
    id: String,
    status: Option<&'static str>,
}

impl Action for UpdateAccessKey {
    const SPEC: Spec = Spec::changes("iam:UpdateAccessKey");

    fn read(members: &mut Members<'_>) -> Self {
        let user = members.optional_name("UserName", 128);
        let id = members.required("AccessKeyId", Bounds(16, 128));
        let status = members.choice("Status", &["Active", "Inactive"]);
        if status.is_none() {
            members.required("Status", Bounds(0, 128));
        }
        Self { user, id, status }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::UserOrCaller(self.user.as_deref())
    }

    async fn execute(self, work: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut user = found.identity()?;
        let entry = user.record.access_keys.iter_mut().find(|key| key.id == self.id);
        let entry = entry.ok_or_else(|| no_access_key(&self.id))?;
        entry.active = self.status == Some("Active");
        let entry = entry.clone();
        let mut edits = Edits::default();
        work.env.update_access_key(&mut edits, &user.record, &entry).await?;
        edits.update(&user)?;
        Ok(Reply::done(edits))
    }
}

pub(super) struct DeleteAccessKey {
    user: Option<String>,
    id: String,
}

impl Action for DeleteAccessKey {
    const SPEC: Spec = Spec::changes("iam:DeleteAccessKey");

    fn read(members: &mut Members<'_>) -> Self {
        Self {
            user: members.optional_name("UserName", 128),
            id: members.required("AccessKeyId", Bounds(16, 128)),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::UserOrCaller(self.user.as_deref())
    }

    async fn execute(self, _: Work<'_>, found: Found) -> Result<Reply, Fault> {
        let mut user = found.identity()?;
        let before = user.record.access_keys.len();
        user.record.access_keys.retain(|key| key.id != self.id);
        if user.record.access_keys.len() == before {
            return Err(no_access_key(&self.id));
        }
        let mut edits = Edits::default();
        edits.delete_access_key(&self.id)?;
        edits.update(&user)?;
        Ok(Reply::done(edits))
    }
}

fn no_access_key(id: &str) -> Fault {
    Fault::new(Code::NoSuchEntity, format!("The Access Key with id {id} cannot be found."))
}

fn show(user: &IdentityRecord, key: &AccessKeyEntry, xml: &mut Xml) {
    xml.text("UserName", &user.name);
    xml.text("AccessKeyId", &key.id);
    xml.text("Status", if key.active { "Active" } else { "Inactive" });
    xml.date("CreateDate", key.created);
}
