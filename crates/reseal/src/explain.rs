//! `reseal explain`: why a call is allowed or refused. Asks the running service, or with none running looks at the
//! directory itself.

use std::{fmt::Write, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use hyper::Method;
use reseal_audit::AuditLog;
use reseal_core::explain::{Answer, Considered, Question, SessionPolicies, questions_about, session_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    account::{Attempts, print},
    admin, cli,
    config::{Config, Environment, Sources},
    datadir::DataDir,
    hardening,
    service::{Empty, Mode, Service},
};

/// What is to be explained: a question, or the decisions of a recorded call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) enum Subject {
    /// What would happen.
    Question(Box<Question>),
    /// What happened: the event id of an audit record.
    Event(String),
}

/// An answer for each decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answers {
    pub(crate) answers: Vec<Answer>,
}

/// Runs the command.
pub(crate) fn run(common: &cli::Common, flags: &cli::Explain) -> Result<()> {
    hardening::harden();
    let subject = subject(flags)?;
    let sources = Sources::new(common, &cli::Serve::default(), Environment::of_process()?);
    let config = sources.load()?.config;
    let directory = DataDir::existing(config.data_dir()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(ask(&directory, &config, &subject))?;
    print(common.output, &answers, |answers| {
        Ok(answers.answers.iter().map(text).collect::<Vec<_>>().join("\n"))
    })
}

fn subject(flags: &cli::Explain) -> Result<Subject> {
    if let Some(event) = &flags.event {
        return Ok(Subject::Event(event.clone()));
    }
    let (Some(principal), Some(action)) = (flags.principal.clone(), flags.action.clone()) else {
        bail!("name a principal and an action, or the id of an event");
    };
    Ok(Subject::Question(Box::new(Question {
        principal,
        action: if action.contains(':') { action } else { format!("kms:{action}") },
        key: flags.key.clone(),
        region: flags.region.clone(),
        context: pairs(&flags.context)?,
        values: pairs(&flags.value)?,
        grant: flags.grant.clone(),
        resource: flags.resource.clone(),
        session: flags.session_policy.as_deref().map(session_policy).transpose()?,
        whole: false,
    })))
}

fn session_policy(file: &Path) -> Result<SessionPolicies> {
    let document =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(SessionPolicies { document: Some(document), ..SessionPolicies::default() })
}

fn pairs(texts: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').with_context(|| format!("\"{text}\" is not NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

async fn ask(directory: &DataDir, config: &Config, subject: &Subject) -> Result<Answers> {
    let mut attempts = Attempts::default();
    loop {
        if let Some(answers) = admin::call(directory, Method::POST, admin::EXPLAIN, subject).await? {
            return Ok(answers);
        }
        if let Some(_lock) = directory.try_lock()? {
            let service = Service::open(directory, config, Empty::Refuse, Mode::Production).await?;
            return answer(&service, subject.clone()).await;
        }
        attempts.wait(directory).await?;
    }
}

/// Answers; for a question about a record the audit log is read.
pub(crate) async fn answer(service: &Service, subject: Subject) -> Result<Answers> {
    let env = &service.env;
    let answers = match subject {
        Subject::Question(question) => vec![env.explain(&question).await?],
        Subject::Event(id) => {
            let log = Arc::clone(&service.audit);
            let (record, opening) = tokio::task::spawn_blocking(move || recorded(&log, &id)).await??;
            let mut answers = Vec::new();
            for (question, recorded) in questions_about(&record, opening.as_ref())? {
                answers.push(env.explain(&question).await?.with(recorded));
            }
            answers
        }
    };
    Ok(Answers { answers })
}

/// The record with that event id, and that of the call which opened the caller's session.
fn recorded(log: &AuditLog, id: &str) -> Result<(Value, Option<Value>)> {
    let record = log.record(id)?;
    let record = record.with_context(|| format!("the audit log has no record with the event id {id}"))?;
    let record = serde_json::from_slice(&record)?;
    let Some(session) = session_of(&record) else { return Ok((record, None)) };
    let opened = |line: &[u8]| {
        let record: Option<Value> = serde_json::from_slice(line).ok();
        let made =
            record.as_ref().and_then(|record| record.pointer("/responseElements/credentials/accessKeyId"));
        made.is_some_and(|made| made == session)
    };
    let opening = log.find(session, opened)?;
    let opening = opening.map(|line| serde_json::from_slice(&line)).transpose()?;
    Ok((record, opening))
}

/// For people.
fn text(answer: &Answer) -> String {
    let mut text = String::new();
    let verb = if answer.effect == "Allow" { "may" } else { "may not" };
    let key = answer
        .key
        .as_deref()
        .or(answer.resource.as_deref())
        .map(|key| format!(" on {key}"))
        .unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} {verb} {}{key}", answer.principal, answer.action);
    for by in &answer.decided_by {
        let _ = writeln!(text, "  decided by {by}");
    }
    if let Some(missing) = &answer.missing {
        let _ = writeln!(text, "  missing: {missing}");
    }
    for note in &answer.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    if let Some(recorded) = &answer.recorded {
        let by = if recorded.decided_by.is_empty() {
            "nothing".to_owned()
        } else {
            recorded.decided_by.join(", ")
        };
        let _ = writeln!(text, "  recorded at {}: {} by {by}", recorded.time, recorded.effect);
        if let Some(error) = &recorded.error {
            let _ = writeln!(text, "  recorded error: {error}");
        }
    }
    table(&mut text, "statements", &answer.statements);
    table(&mut text, "grants", &answer.grants);
    text
}

fn table(text: &mut String, title: &str, rows: &[Considered]) {
    if rows.is_empty() {
        return;
    }
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(text, "  {title}");
    for Considered { name, effect, why, .. } in rows {
        let _ = writeln!(text, "    {name:width$}  {effect:<5}  {why}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_people() {
        let considered = |name: &str, applies, why: &str| Considered {
            name: name.to_owned(),
            effect: "Allow".to_owned(),
            applies,
            why: why.to_owned(),
        };
        let answer = Answer {
            principal: "arn:aws:iam::111122223333:user/a".to_owned(),
            action: "kms:Encrypt".to_owned(),
            key: Some("arn:k".to_owned()),
            resource: None,
            effect: "Deny".to_owned(),
            decided_by: Vec::new(),
            missing: Some("much".to_owned()),
            statements: vec![considered("key-policy/#0", false, "is for other actions")],
            grants: vec![considered("grant/1", true, "applies")],
            notes: vec!["so it is".to_owned()],
            recorded: None,
        };
        let expected = "\
arn:aws:iam::111122223333:user/a may not kms:Encrypt on arn:k
  missing: much
  note: so it is
  statements
    key-policy/#0  Allow  is for other actions
  grants
    grant/1  Allow  applies
";
        assert_eq!(text(&answer), expected);
    }

    #[test]
    fn pairs_are_split_at_the_first_sign() {
        assert_eq!(pairs(&["a=b=c".to_owned()]).unwrap(), [("a".to_owned(), "b=c".to_owned())]);
        assert!(pairs(&["a".to_owned()]).is_err());
    }
}
