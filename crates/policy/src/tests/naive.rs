//! A second evaluator that reads policy JSON at every question and does the obvious thing, slowly. It shares no code
//! with the engine; where the two disagree, one of them is wrong.

use std::net::IpAddr;

use serde_json::Value;

use super::world::{Case, MapContext};

/// The reason for denial in the words of the tables, or `None` when allowed.
pub(super) fn decide(case: &Case) -> Option<String> {
    let no_policies = Vec::new();
    let boundary: Vec<Value> = case.boundary.iter().cloned().collect();
    let key: Vec<Value> = match case.key_account {
        Some(_) => case.key_policy.iter().cloned().collect(),
        None => no_policies,
    };
    for (word, policies) in
        [("key", &key), ("identity", &case.identity), ("boundary", &boundary), ("session", &case.session)]
    {
        if applying(case, policies, "Deny").next().is_some() {
            return Some(format!("explicit-deny:{word}"));
        }
    }
    let root = case.arn.ends_with(":root");
    let identity = root || applying(case, &case.identity, "Allow").next().is_some();
    let bounded = case.boundary.is_some() && applying(case, &boundary, "Allow").next().is_none();
    let has_session = !case.session.is_empty() || case.arn.contains(":federated-user/");
    let confined = has_session && applying(case, &case.session, "Allow").next().is_none();
    let limit = if bounded {
        Some("no-boundary")
    } else if confined {
        Some("no-session")
    } else {
        None
    };
    let through_account = || if identity { limit } else { Some("no-identity") };
    let Some(key_account) = &case.key_account else { return through_account().map(str::to_owned) };
    let own_account = case.arn.split(':').nth(4).unwrap();
    if own_account != key_account && !case.across_accounts {
        return Some("not-across".to_owned());
    }
    let mut reasons = Vec::new();
    for statement in applying(case, &key, "Allow") {
        let same = own_account == key_account;
        reasons.push(match strongest(case, statement) {
            "itself" if same => None,
            "role" | "anyone" if same => limit,
            _ => through_account(),
        });
    }
    for grant in case.grants.iter().filter(|grant| grant_applies(case, grant)) {
        reasons.push(match relation(case, grant["grantee"].as_str().unwrap()) {
            Some("itself") => None,
            Some("role") => limit,
            _ => through_account(),
        });
    }
    if reasons.contains(&None) {
        return None;
    }
    Some(reasons.pop().flatten().unwrap_or("no-resource").to_owned())
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn applying<'a>(case: &'a Case, policies: &'a [Value], effect: &'a str) -> impl Iterator<Item = &'a Value> {
    policies.iter().flat_map(move |policy| {
        let variables = policy["Version"] == "2012-10-17";
        let statements = policy["Statement"].as_array().unwrap().iter();
        statements.filter(move |s| s["Effect"] == effect && statement_applies(case, s, variables))
    })
}

fn statement_applies(case: &Case, s: &Value, variables: bool) -> bool {
    let allow = s["Effect"] == "Allow";
    let for_key = s.get("Principal").is_some() || s.get("NotPrincipal").is_some();
    if for_key && !principal_applies(case, s) {
        return false;
    }
    let text_of = s.to_string().to_lowercase();
    let names = ["aws:resourcetag/", "kms:resourcealiases"];
    if for_key && allow && names.iter().any(|name| text_of.contains(name)) {
        return false;
    }
    let action = |pattern: &Value| glob(&chars(&text(pattern).to_lowercase()), &case.action.to_lowercase());
    let acts = match (list(&s["Action"]), list(&s["NotAction"])) {
        (some, _) if !some.is_empty() => some.iter().any(action),
        (_, not) if !not.is_empty() => !not.iter().any(action),
        _ => false,
    };
    let resource = |pattern: &Value| {
        expand(&text(pattern), variables, true, &case.context).map(|p| glob(&p, &case.resource))
    };
    let covers = match (list(&s["Resource"]), list(&s["NotResource"])) {
        (some, _) if !some.is_empty() => some.iter().any(|p| resource(p) == Some(true)),
        (_, not) if !not.is_empty() => not.iter().all(|p| resource(p) == Some(false)),
        _ => false,
    };
    acts && covers && conditions_hold(case, s, variables, allow)
}

fn named(element: &Value) -> Vec<String> {
    match element {
        Value::String(star) => vec![star.clone()],
        other => list(&other["AWS"]).iter().map(text).collect(),
    }
}

/// How a principal text stands to the caller.
fn relation(case: &Case, principal: &str) -> Option<&'static str> {
    let parts: Vec<_> = case.arn.split(':').collect();
    let root = format!("arn:{}:iam::{}:root", parts[1], parts[4]);
    if principal == "*" {
        Some("anyone")
    } else if principal == root || principal == parts[4] {
        Some("account")
    } else if principal == case.arn {
        Some("itself")
    } else if Some(principal) == case.role.as_deref() {
        Some("role")
    } else {
        None
    }
}

fn principal_applies(case: &Case, s: &Value) -> bool {
    if let Some(element) = s.get("Principal") {
        return named(element).iter().any(|p| relation(case, p).is_some());
    }
    let relations: Vec<_> = named(&s["NotPrincipal"]).iter().filter_map(|p| relation(case, p)).collect();
    if s["Effect"] == "Allow" {
        return relations.is_empty();
    }
    let mut chain = vec!["account"];
    if !case.arn.ends_with(":root") {
        chain.push("itself");
    }
    if case.role.is_some() {
        chain.push("role");
    }
    !relations.contains(&"anyone") && !chain.iter().all(|link| relations.contains(link))
}

fn strongest(case: &Case, s: &Value) -> &'static str {
    let Some(element) = s.get("Principal") else { return "anyone" };
    let relations: Vec<_> = named(element).iter().filter_map(|p| relation(case, p)).collect();
    ["itself", "role", "anyone"].into_iter().find(|r| relations.contains(r)).unwrap_or("account")
}

fn conditions_hold(case: &Case, s: &Value, variables: bool, allow: bool) -> bool {
    let mut unknown = false;
    for (operator, keys) in s["Condition"].as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().unwrap() {
            match condition(operator, key, &list(values), variables, &case.context) {
                Some(true) => {}
                Some(false) => return false,
                None => unknown = true,
            }
        }
    }
    !(unknown && allow)
}

fn lookup(context: &MapContext, key: &str) -> Option<Vec<String>> {
    let key = key.to_lowercase();
    if context.unknown.iter().any(|name| name.to_lowercase() == key) {
        return None;
    }
    let matching = context.values.iter().filter(|(name, _)| name.to_lowercase() == key);
    Some(matching.flat_map(|(_, values)| values.clone()).collect())
}

/// `None`: cannot be known.
fn condition(op: &str, key: &str, wanted: &[Value], variables: bool, context: &MapContext) -> Option<bool> {
    let wanted: Vec<String> = wanted.iter().map(text).collect();
    let (set, op) = match op.split_once(':') {
        Some((set, op)) => (set, op),
        None => ("", op),
    };
    let (op, if_exists) = op.strip_suffix("IfExists").map_or((op, false), |op| (op, true));
    let negated = op.contains("Not");
    let op = op.replace("Not", "");
    if op.starts_with("String") || op.starts_with("Arn") {
        let usable = wanted.iter().filter(|w| expand(w, variables, true, context).is_some()).count();
        if usable < wanted.len() && (negated || usable == 0) {
            return Some(false);
        }
    }
    let values = lookup(context, key)?;
    if op == "Null" {
        return Some(wanted.iter().any(|w| (w.to_lowercase() == "true") == values.is_empty()));
    }
    if values.is_empty() {
        return Some(if_exists || set == "ForAllValues" || (set.is_empty() && negated));
    }
    let outcomes: Vec<bool> = values
        .iter()
        .map(|value| {
            let each: Vec<_> = wanted.iter().map(|w| compare(&op, value, w, variables, context)).collect();
            !each.contains(&None) && each.contains(&Some(true)) != negated
        })
        .collect();
    let (all, any) = (!outcomes.contains(&false), outcomes.contains(&true));
    let multi = ["kms:encryptioncontextkeys", "aws:tagkeys", "kms:resourcealiases", "kms:grantoperations"];
    match set {
        "ForAllValues" => Some(all),
        "" if any && !all && !multi.contains(&key.to_lowercase().as_str()) => None,
        _ => Some(any),
    }
}

/// `None`: the request value cannot be read.
fn compare(op: &str, value: &str, wanted: &str, variables: bool, context: &MapContext) -> Option<bool> {
    let literal = |like| expand(wanted, variables, like, context);
    if let Some(relation) = op.strip_prefix("Numeric") {
        return Some(ordered(relation, value.parse::<f64>().ok()?, wanted.parse::<f64>().unwrap()));
    }
    if let Some(relation) = op.strip_prefix("Date") {
        return Some(ordered(relation, seconds(value)?, seconds(wanted).unwrap()));
    }
    Some(match op {
        "StringEquals" => literal(false).is_some_and(|p| glob(&p, value)),
        "StringLike" => literal(true).is_some_and(|p| glob(&p, value)),
        "StringEqualsIgnoreCase" => {
            let lower = |u: Unit| match u {
                Unit::Char(c) | Unit::Given(c) => c.to_lowercase().map(Unit::Char).collect(),
                other => vec![other],
            };
            literal(false).is_some_and(|p| {
                glob(&p.into_iter().flat_map(lower).collect::<Vec<_>>(), &value.to_lowercase())
            })
        }
        "Bool" => {
            let value = value.to_lowercase();
            if value != "true" && value != "false" {
                return None;
            }
            value == wanted.to_lowercase()
        }
        "BinaryEquals" => value == wanted,
        "IpAddress" => in_block(value.parse::<IpAddr>().ok()?.to_canonical(), wanted),
        _ => literal(true).is_some_and(|p| arn_matches(&p, value)),
    })
}

fn ordered(relation: &str, value: f64, wanted: f64) -> bool {
    match relation {
        "Equals" => value.total_cmp(&wanted).is_eq(),
        "LessThan" => value < wanted,
        "LessThanEquals" => value <= wanted,
        "GreaterThan" => value > wanted,
        _ => value >= wanted,
    }
}

/// Only what the tables use: epoch seconds, `YYYY-MM-DD` and `YYYY-MM-DDThh:mm:ss[.f]Z` after 1970.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(epoch) = text.parse() {
        return Some(epoch);
    }
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or((text, "00:00:00"));
    let date: Vec<u32> = date.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
    let time: Vec<f64> = time.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let every = |y: u32, n: u32| y.is_multiple_of(n);
    let leap = |y: u32| (every(y, 4) && !every(y, 100)) || every(y, 400);
    let days: u32 = (1970..date[0]).map(|y| 365 + u32::from(leap(y))).sum();
    let lengths = [31, 28 + u32::from(leap(date[0])), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = days + lengths.iter().take(date[1] as usize - 1).sum::<u32>() + date[2] - 1;
    Some(f64::from(days) * 86_400.0 + time[0] * 3_600.0 + time[1] * 60.0 + time[2])
}

fn in_block(address: IpAddr, block: &str) -> bool {
    let (network, length) = match block.split_once('/') {
        Some((network, length)) => (network, length.parse().unwrap()),
        None => (block, 128),
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => format!("{:032b}", v4.to_bits()),
        IpAddr::V6(v6) => format!("{:0128b}", v6.to_bits()),
    };
    let network: IpAddr = network.parse().unwrap();
    network.is_ipv4() == address.is_ipv4()
        && bits(network).chars().zip(bits(address).chars()).take(length).all(|(a, b)| a == b)
}

/// A pattern character; `Given` comes from a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Char(char),
    Given(char),
    Run,
    One,
}

fn chars(pattern: &str) -> Vec<Unit> {
    pattern
        .chars()
        .map(|c| match c {
            '*' => Unit::Run,
            '?' => Unit::One,
            c => Unit::Char(c),
        })
        .collect()
}

fn expand(source: &str, variables: bool, like: bool, context: &MapContext) -> Option<Vec<Unit>> {
    let plain = |part: &str| if like { chars(part) } else { part.chars().map(Unit::Char).collect() };
    let mut units = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("${").filter(|_| variables) {
        units.extend(plain(before));
        let (body, tail) = after.split_once('}').unwrap();
        rest = tail;
        let (name, default) = match body.split_once(", '") {
            Some((name, default)) => (name, Some(default.trim_end_matches('\'').to_owned())),
            None => (body, None),
        };
        if ["*", "?", "$"].contains(&name) {
            units.extend(name.chars().map(Unit::Char));
            continue;
        }
        let mut values = lookup(context, name)?;
        let value = match values.len() {
            0 => default?,
            1 => values.remove(0),
            _ => return None,
        };
        units.extend(value.chars().map(Unit::Given));
    }
    units.extend(plain(rest));
    Some(units)
}

fn glob(pattern: &[Unit], value: &str) -> bool {
    let value: Vec<char> = value.chars().collect();
    // reachable[i]: the pattern so far matches the first i characters.
    let mut reachable = vec![false; value.len() + 1];
    reachable[0] = true;
    for unit in pattern {
        let mut next = vec![false; value.len() + 1];
        for i in 0..=value.len() {
            next[i] = match unit {
                Unit::Run => reachable[..=i].contains(&true),
                Unit::One => i > 0 && reachable[i - 1],
                Unit::Char(c) | Unit::Given(c) => i > 0 && reachable[i - 1] && value[i - 1] == *c,
            };
        }
        reachable = next;
    }
    reachable[value.len()]
}

fn arn_matches(pattern: &[Unit], value: &str) -> bool {
    let values: Vec<_> = value.splitn(6, ':').collect();
    if pattern == [Unit::Run] {
        return values.len() == 6 && values[0] == "arn";
    }
    let patterns: Vec<_> = pattern.splitn(6, |unit| *unit == Unit::Char(':')).collect();
    patterns.len() == values.len() && patterns.iter().zip(values).all(|(p, v)| glob(p, v))
}

fn grant_applies(case: &Case, grant: &Value) -> bool {
    let operation = case.action.trim_start_matches("kms:");
    let has = |grant: &Value, op: &str| grant["operations"].as_array().unwrap().iter().any(|o| o == op);
    let covered =
        matches!(relation(case, grant["grantee"].as_str().unwrap()), Some("account" | "itself" | "role"));
    if !covered || !has(grant, operation) {
        return false;
    }
    if let Some(source) = grant["SourceArn"].as_str()
        && lookup(&case.context, "aws:SourceArn") != Some(vec![source.to_owned()])
    {
        return false;
    }
    let pairs = |grant: &Value, name: &str| grant.get(name).map(|map| map.as_object().unwrap().clone());
    let (equals, subset) = (pairs(grant, "EncryptionContextEquals"), pairs(grant, "EncryptionContextSubset"));
    if operation == "CreateGrant" {
        let Some(child) = &case.new_grant else { return false };
        let ops = child["operations"].as_array().unwrap().iter().all(|op| has(grant, op.as_str().unwrap()));
        let source = grant.get("SourceArn").is_none() || grant.get("SourceArn") == child.get("SourceArn");
        let own = (pairs(child, "EncryptionContextEquals"), pairs(child, "EncryptionContextSubset"));
        let context = match (equals, subset) {
            (Some(equals), _) => own.0 == Some(equals),
            (_, Some(subset)) => own
                .0
                .or(own.1)
                .is_some_and(|own| subset.iter().all(|(name, value)| own.get(name) == Some(value))),
            _ => true,
        };
        return ops && source && context;
    }
    let request: serde_json::Map<String, Value> = case
        .context
        .values
        .iter()
        .filter_map(|(name, values)| {
            Some((name.strip_prefix("kms:EncryptionContext:")?.to_owned(), Value::from(values[0].clone())))
        })
        .collect();
    operation == "DescribeKey"
        || (equals.is_none_or(|equals| equals == request)
            && subset.is_none_or(|subset| subset.iter().all(|(n, v)| request.get(n) == Some(v))))
}
