//! Numbers, dates and base64 text as conditions compare them. Pure readers: what cannot be read is `None`.

use std::cmp::Ordering;

/// A number; integers stay exact, so that large ones do not become equal by rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Decimal(f64),
}

/// A moment in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i128);

const NANOS: i128 = 1_000_000_000;

impl Number {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        // Rust also reads "inf" and "nan", which no policy means.
        let decimal = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        Some(Self::Decimal(decimal))
    }

    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two)) => Some(one.cmp(&two)),
            _ => self.as_decimal().partial_cmp(&other.as_decimal()),
        }
    }

    fn as_decimal(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "only where the other side is a decimal already")]
            Self::Integer(integer) => integer as f64,
            Self::Decimal(decimal) => decimal,
        }
    }
}

impl Moment {
    /// Reads epoch seconds or an ISO 8601 date in one of the W3C profiles: `2026-01`, `2026-01-02`, or
    /// `2026-01-02T03:04[:05[.678]]` followed by `Z` or an offset.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        epoch(text).or_else(|| iso_8601(text)).map(Self)
    }
}

/// Whether `text` is base64 in its one canonical form, so that equal bytes have equal texts.
pub(crate) fn is_canonical_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    let mut last = 0;
    for byte in body.bytes() {
        last = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return false,
        };
    }
    // RFC 4648, section 3.5: the bits that padding leaves over are zero.
    text.len().is_multiple_of(4)
        && match padding {
            0 => true,
            1 => last % 4 == 0,
            2 => last % 16 == 0,
            _ => false,
        }
}

fn epoch(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let nanos = whole(seconds, 1, 15)? * NANOS + fraction_nanos(fraction)?;
    Some(if negative { -nanos } else { nanos })
}

fn iso_8601(text: &str) -> Option<i128> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = whole(fields.next()?, 4, 4)?;
    let month = whole(fields.next()?, 2, 2)?;
    let day = match fields.next() {
        Some(day) => whole(day, 2, 2)?,
        None if time.is_none() => 1,
        None => return None,
    };
    if fields.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * 86_400 * NANOS;
    match time {
        Some(time) => Some(midnight + time_of_day(time)?),
        None => Some(midnight),
    }
}

/// `hh:mm[:ss[.f]]` with its offset, as nanoseconds from midnight UTC.
fn time_of_day(text: &str) -> Option<i128> {
    let (clock, offset) = if let Some(clock) = text.strip_suffix('Z') {
        (clock, 0)
    } else {
        let (clock, offset) = text.split_at_checked(text.rfind(['+', '-'])?)?;
        (clock, offset_seconds(offset)?)
    };
    let mut fields = clock.split(':');
    let hour = whole(fields.next()?, 2, 2)?;
    let minute = whole(fields.next()?, 2, 2)?;
    let (second, fraction) = match fields.next() {
        Some(second) => second.split_once('.').unwrap_or((second, "0")),
        None => ("00", "0"),
    };
    let second = whole(second, 2, 2)?;
    // 60 is the leap second of RFC 3339; it counts as the first second of the next minute.
    if fields.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((hour * 3600 + minute * 60 + second - offset) * NANOS + fraction_nanos(fraction)?)
}

/// `+hh:mm`, `+hhmm` or `+hh`.
fn offset_seconds(text: &str) -> Option<i128> {
    let (sign, text) = text.split_at_checked(1)?;
    let (hours, minutes) = text.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let minutes = if minutes.is_empty() { 0 } else { whole(minutes, 2, 2)? };
    let hours = whole(hours, 2, 2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

fn whole(text: &str, shortest: usize, longest: usize) -> Option<i128> {
    let fits = (shortest..=longest).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Digits after the point; what is finer than a nanosecond is cut off.
fn fraction_nanos(text: &str) -> Option<i128> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = text.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(nanos.fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0')))
}

fn days_in(year: i128, month: i128) -> i128 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn is_leap(year: i128) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_since_epoch(year: i128, month: i128, day: i128) -> i128 {
    // Leap days before this year, counted in the proleptic Gregorian calendar from year 1.
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let months: i128 = (1..month).map(|earlier| days_in(year, earlier)).sum();
    // 719162 days lie between 0001-01-01 and 1970-01-01.
    before * 365 + leap_days + months + day - 1 - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_epoch_seconds_are_the_same_moment() {
        for (iso, seconds) in [
            ("1970-01-01T00:00:00Z", "0"),
            ("1969-12-31T23:59:59Z", "-1"),
            ("2000-02-29T12:00:00Z", "951825600"),
            ("2026-01-02T03:04:05Z", "1767323045"),
            ("2026-01-02T03:04:05.25Z", "1767323045.25"),
            ("2026-01-02T05:04:05+02:00", "1767323045"),
            ("2026-01-01T22:34:05-0430", "1767323045"),
            ("2026-01-02", "1767312000"),
            ("2026-01", "1767225600"),
            ("2100-03-01T00:00Z", "4107542400"),
            ("2016-12-31T23:59:60Z", "1483228800"),
        ] {
            assert_eq!(Moment::parse(iso).unwrap(), Moment::parse(seconds).unwrap(), "{iso}");
        }
        assert!(Moment::parse("2026-01-02T03:04:05Z") < Moment::parse("2026-01-02T03:04:05.000000001Z"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "-",
            "tomorrow",
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-1-2",
            "2026-01-02T03:04:05",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:60:00Z",
            "2026-01-02T03:04:05+99:00",
            "2026-01T00:00Z",
            "1e9",
            "2026-01-02-03",
            "2026-01-02T03:04:05.Z",
            "+5",
            "5.",
            "９",
            "2026-01-02T03:04:05é",
            "--5",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn integers_are_exact_and_meet_decimals() {
        let number = |text| Number::parse(text).unwrap();
        assert_eq!(number("9007199254740993").compare(number("9007199254740992")), Some(Ordering::Greater));
        assert_eq!(number("1546257599.0").compare(number("1546257599")), Some(Ordering::Equal));
        assert_eq!(number(" -2 ").compare(number("1.5")), Some(Ordering::Less));
        for text in ["", "ten", "NaN", "inf", "-infinity", "1,5", "0x10", "1e999"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn base64_has_one_form() {
        for text in ["", "QQ==", "QUI=", "QUJD", "+/+/"] {
            assert!(is_canonical_base64(text), "{text}");
        }
        for text in ["Q", "QQ", "QQ=", "QR==", "QUJ=", "QQ==QQ==", "====", "Q===", "Q Q=", "-_-_"] {
            assert!(!is_canonical_base64(text), "{text}");
        }
    }
}
