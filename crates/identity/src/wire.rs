//! Which action a call names, and how failures look in XML.

use crate::{
    action::{Api, Entry},
    fault::{Code, Fault},
    form::Form,
    iam, sts,
    xml::Xml,
};

/// The action that a call names by `Action` and `Version`.
///
/// # Errors
/// `InvalidAction` when there is none.
pub fn find(form: &Form) -> Result<&'static Entry, Fault> {
    let (action, version) = (form.get("Action").unwrap_or_default(), form.get("Version").unwrap_or_default());
    let table: &[Entry] = match version {
        "2010-05-08" => &iam::ACTIONS,
        "2011-06-15" => &sts::ACTIONS,
        _ => &[],
    };
    let found = table.binary_search_by(|entry| entry.spec.name().cmp(action)).ok();
    found.and_then(|index| table.get(index)).ok_or_else(|| {
        let shown = |text: &str| text.chars().take(128).collect::<String>();
        let text = format!("Could not find operation {} for version {}", shown(action), shown(version));
        Fault::new(Code::InvalidAction, text)
    })
}

/// All actions.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    iam::ACTIONS.iter().chain(&sts::ACTIONS)
}

/// The body of a failure: its name, whose fault it is, what the caller is told, and the id of the request.
pub fn failure(api: Option<Api>, code: &str, senders: bool, text: &str, request_id: Option<&str>) -> Vec<u8> {
    let mut xml = Xml::default();
    xml.root("ErrorResponse", api.unwrap_or(Api::Iam).namespace(), |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", if senders { "Sender" } else { "Receiver" });
            xml.text("Code", code);
            xml.text("Message", text);
        });
        xml.optional("RequestId", request_id);
    });
    xml.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name_and_version() {
        assert!(iam::ACTIONS.is_sorted_by_key(|entry| entry.spec.name()));
        assert!(sts::ACTIONS.is_sorted_by_key(|entry| entry.spec.name()));
        for entry in all() {
            let version = match entry.spec.api() {
                Api::Iam => "2010-05-08",
                Api::Sts => "2011-06-15",
            };
            let body = format!("Action={}&Version={version}", entry.spec.name());
            let found = find(&Form::parse(body.as_bytes()).unwrap()).unwrap();
            assert_eq!(found.spec.action, entry.spec.action);
        }
        for wrong in
            ["Action=CreateUser", "Action=CreateUser&Version=2011-06-15", "Action=x&Version=2010-05-08", ""]
        {
            assert!(find(&Form::parse(wrong.as_bytes()).unwrap()).is_err(), "{wrong}");
        }
    }
}
