use base64::{Engine, engine::general_purpose::STANDARD as STRICT};
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Colour {
    Red,
}

impl ModelEnum for Colour {
    const ALL: &'static [Self] = &[Self::Red];

    fn name(self) -> &'static str {
        "RED"
    }
}

fn refusal(body: &str, read: impl FnOnce(&mut Members<'_>) -> Taken<()>) -> String {
    let error = Members::parse(body.as_bytes()).and_then(|mut members| {
        read(&mut members)?;
        members.finish()
    });
    match error.unwrap_err() {
        Error::Validation(text) | Error::Serialization(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_broken_constraints_are_told_at_once() {
    let text = refusal(r#"{"Limit":0,"Blob":"","Colour":"BLUE"}"#, |members| {
        members.required_text("KeyId", Bounds(1, 2048))?;
        members.integer("Limit", Bounds(1, 1000))?;
        members.blob("Blob", Bounds(1, 10))?;
        members.choice::<Colour>("Colour")?;
        Ok(())
    });
    assert_eq!(
        text,
        "4 validation errors detected: \
         Value null at 'keyId' failed to satisfy constraint: Member must not be null; \
         Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; \
         Value at 'blob' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value 'BLUE' at 'colour' failed to satisfy constraint: Member must satisfy enum value set: [RED]"
    );
}

#[test]
fn members_of_lists_are_counted_from_one() {
    let body = r#"{"Tags":[{"TagKey":"a"},{"TagKey":""}]}"#;
    let text = refusal(body, |members| {
        members.structures("Tags", Bounds(0, 50), |tag| tag.required_text("TagKey", Bounds(1, 128)))?;
        Ok(())
    });
    assert_eq!(
        text,
        "1 validation error detected: Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
}

#[test]
fn a_small_body_makes_no_large_answer() {
    let body = format!(r#"{{"Tags":[{}{{}}]}}"#, "{},".repeat(9_999));
    let text = refusal(&body, |members| {
        members.structures("Tags", Bounds(0, i64::MAX), |tag| tag.required_text("TagKey", Bounds(1, 128)))?;
        Ok(())
    });
    assert!(text.starts_with("10000 validation errors detected: ") && text.len() < 4_096, "{}", text.len());
}

#[test]
fn sensitive_texts_are_not_shown() {
    let text = refusal(r#"{"GrantTokens":["token"]}"#, |members| {
        members.sensitive_texts("GrantTokens", Bounds(0, 10), Bounds(1, 4)).map(drop)
    });
    assert!(text.contains("Value at 'grantTokens.1.member'") && !text.contains("token'"), "{text}");
}

#[test]
fn lengths_of_texts_are_in_characters() {
    let count = |text: &str, least, most| Bounds(least, most).broken_by_text(text).is_none();
    for text in ["", "a", "abcde", "ü", "üüü", "😀😀", "a😀"] {
        let length = i64::try_from(text.chars().count()).unwrap();
        for (least, most) in [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 8), (5, i64::MAX)] {
            assert_eq!(count(text, least, most), (least..=most).contains(&length), "{text} {least} {most}");
        }
    }
}

#[test]
fn types_are_not_coerced() {
    let cases = [
        (r#"{"A":1}"#, "NUMBER_VALUE cannot be converted to String for A."),
        (r#"{"A":[]}"#, "START_ARRAY cannot be converted to String for A."),
        ("[]", "The request body must be a JSON object."),
        (r#"{"A":"x","A":"y"}"#, "The request body has a duplicate key at line 1, column 17."),
        (r#"{"B":{"x":"1","x":"2"}}"#, "The request body has a duplicate key at line 1, column 22."),
        (r#"{"A":"x""#, "The request body is not valid JSON at line 1, column 8."),
        ("{}x", "The request body is not valid JSON at line 1, column 3."),
    ];
    for (body, expected) in cases {
        assert_eq!(refusal(body, |members| members.text("A", Bounds(0, 9)).map(drop)), expected, "{body}");
    }
    let fraction = refusal(r#"{"N":1.5}"#, |members| members.integer("N", Bounds(0, 9)).map(drop));
    assert_eq!(fraction, "DECIMAL_VALUE cannot be converted to Integer for N.");
    let blob = refusal(r#"{"B":"a"}"#, |members| members.blob("B", Bounds(0, 9)).map(drop));
    assert_eq!(blob, "B is not valid base64.");
}

#[test]
fn null_equals_absence_and_escapes_are_decoded_first() {
    let mut members = Members::parse(br#"{"A":null,"C":{"\u00fc":"1"}}"#).unwrap();
    assert_eq!(members.text("A", Bounds(1, 9)).unwrap(), None);
    let context = members.encryption_context("C").unwrap();
    assert_eq!(context.pairs().collect::<Vec<_>>(), [("ü", "1")]);
    assert!(Members::parse(b"").unwrap().finish().is_ok());
    assert!(matches!(
        Members::parse("{\"C\":{\"\\u00fc\":\"1\",\"ü\":\"2\"}}".as_bytes()),
        Err(Error::Serialization(_))
    ));
}

#[test]
fn blobs_that_are_not_canonical_base64() {
    for text in ["Zg", "Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zg==\\n", " Zg=="] {
        let refused =
            refusal(&format!("{{\"B\":\"{text}\"}}"), |members| members.blob("B", Bounds(0, 9)).map(drop));
        assert_eq!(refused, "B is not valid base64.", "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".*") {
        let _ = Members::parse(&bytes);
        let _ = Members::parse(text.as_bytes());
        let _ = Members::parse(format!("{{\"A\":{text}}}").as_bytes());
    }

    /// What is refused elsewhere is refused here: missing padding, bits that nothing stands for, other alphabets.
    #[test]
    fn blobs_are_canonical_base64(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        text in "[A-Za-z0-9+/=_ -]{0,90}",
        (at, other) in (any::<prop::sample::Index>(), "[A-Za-z0-9+/=]"),
    ) {
        let read = |text: &str| {
            let body = format!("{{\"B\":\"{text}\"}}");
            Members::parse(body.as_bytes()).and_then(|mut members| members.blob("B", Bounds(0, 999))).ok().flatten()
        };
        let encoded = STRICT.encode(&bytes);
        prop_assert_eq!(read(&encoded), Some(bytes));
        let mut changed = encoded.clone();
        if !changed.is_empty() {
            let at = at.index(changed.len());
            changed.replace_range(at..=at, &other);
        }
        for text in [&text, &changed, &encoded[..encoded.len().saturating_sub(1)]] {
            prop_assert_eq!(read(text), STRICT.decode(text).ok());
        }
    }
}
