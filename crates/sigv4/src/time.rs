//! The two date forms a signed request may carry, to and from Unix seconds.
//!
//! It never asks what time it is.

use std::fmt;

const SECONDS_PER_DAY: i64 = 86_400;
/// 9999-12-31T23:59:59Z: a later time has no basic form.
const LATEST: i64 = 253_402_300_799;
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A second in time with its ISO 8601 basic form, `YYYYMMDDTHHMMSSZ`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    unix: i64,
    text: [u8; 16],
}

impl Timestamp {
    /// From Unix seconds; times outside the years 1970 to 9999 are moved to the nearest end.
    pub fn from_unix(seconds: i64) -> Self {
        let unix = seconds.clamp(0, LATEST);
        let (year, month, day) = civil_from_days(unix / SECONDS_PER_DAY);
        let second = unix % SECONDS_PER_DAY;
        let mut text = *b"00000000T000000Z";
        let fields = [
            (0, 4, year),
            (4, 2, month),
            (6, 2, day),
            (9, 2, second / 3600),
            (11, 2, second / 60 % 60),
            (13, 2, second % 60),
        ];
        for (start, width, value) in fields {
            write_digits(&mut text, start, width, value);
        }
        Self { unix, text }
    }

    /// Reads `YYYYMMDDTHHMMSSZ`; `None` for anything else, impossible dates and leap seconds included.
    pub fn parse_basic(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        let [c1, c2, y1, y2, mo1, mo2, d1, d2, b'T', h1, h2, mi1, mi2, s1, s2, b'Z'] = text else {
            return None;
        };
        let date = (two(c1, c2)? * 100 + two(y1, y2)?, two(mo1, mo2)?, two(d1, d2)?);
        let clock = (two(h1, h2)?, two(mi1, mi2)?, two(s1, s2)?);
        Some(Self { unix: unix_seconds(date, clock)?, text })
    }

    /// Reads the form of the HTTP `Date` header, `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate of RFC 9110,
    /// section 5.6.7). The name of the day is not compared with the date.
    pub fn parse_http(text: &[u8]) -> Option<Self> {
        let text: &[u8; 29] = text.try_into().ok()?;
        let fixed = [(3, b','), (4, b' '), (7, b' '), (11, b' '), (16, b' '), (19, b':'), (22, b':')];
        if fixed.iter().any(|&(at, byte)| text.get(at) != Some(&byte)) || !text.ends_with(b" GMT") {
            return None;
        }
        let name = text.get(8..11)?;
        let month = (1i64..).zip(MONTHS).find(|(_, month)| month.as_slice() == name)?.0;
        let date = (number(text.get(12..16)?)?, month, number(text.get(5..7)?)?);
        let clock = (number(text.get(17..19)?)?, number(text.get(20..22)?)?, number(text.get(23..25)?)?);
        unix_seconds(date, clock).filter(|seconds| (0..=LATEST).contains(seconds)).map(Self::from_unix)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix(&self) -> i64 {
        self.unix
    }

    /// `YYYYMMDDTHHMMSSZ`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default() // digits, T and Z only
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// `YYYYMMDD`, the date of a credential scope.
    pub fn date(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn write_digits(text: &mut [u8; 16], start: usize, width: usize, mut value: i64) {
    for slot in text.iter_mut().skip(start).take(width).rev() {
        *slot = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
}

fn unix_seconds((year, month, day): (i64, i64, i64), (hour, minute, second): (i64, i64, i64)) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let valid = (1..=days_in_month).contains(&day) && hour < 24 && minute < 60 && second < 60;
    valid.then(|| days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second)
}

// Both conversions count in years that begin on 1 March, so that the leap day is the last day of its year, and in
// eras of 400 years, after which the Gregorian calendar repeats (146,097 days).

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_both_ways() {
        for (text, unix) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20260102T030405Z", 1_767_323_045),
            ("21000301T000000Z", 4_107_542_400),
            ("99991231T235959Z", LATEST),
        ] {
            assert_eq!(Timestamp::parse_basic(text.as_bytes()).unwrap().unix(), unix, "{text}");
            assert_eq!(Timestamp::from_unix(unix).as_str(), text);
        }
        assert_eq!(Timestamp::from_unix(-5).as_str(), "19700101T000000Z");
        assert_eq!(Timestamp::from_unix(i64::MAX).as_str(), "99991231T235959Z");
        assert_eq!(Timestamp::parse_basic(b"19691231T235959Z").unwrap().unix(), -1);
    }

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        let mut previous = String::new();
        for day in 0..146_097 {
            let made = Timestamp::from_unix(day * SECONDS_PER_DAY + 3_661);
            assert_eq!(Timestamp::parse_basic(made.as_str().as_bytes()), Some(made));
            assert!(made.as_str() > previous.as_str(), "{made} after {previous}");
            previous = made.as_str().to_owned();
        }
    }

    #[test]
    fn impossible_basic_dates_are_refused() {
        for text in [
            "",
            "20260102",
            "20260102T030405",
            "20260102t030405Z",
            "20260102T030405z",
            "20261302T030405Z",
            "20260002T030405Z",
            "20260100T030405Z",
            "20260132T030405Z",
            "20250229T030405Z",
            "21000229T030405Z",
            "20260431T030405Z",
            "20260102T240000Z",
            "20260102T036005Z",
            "20260102T030460Z",
            "2026010 T030405Z",
            "+0260102T030405Z",
            "20260102T030405Z ",
            "2026-01-02T03:04",
        ] {
            assert_eq!(Timestamp::parse_basic(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn http_dates() {
        let parsed = Timestamp::parse_http(b"Fri, 02 Jan 2026 03:04:05 GMT").unwrap();
        assert_eq!((parsed.as_str(), parsed.unix()), ("20260102T030405Z", 1_767_323_045));
        for text in [
            "Fri, 02 Jan 2026 03:04:05 UTC",
            "Fri, 02 jan 2026 03:04:05 GMT",
            "Fri, 31 Apr 2026 03:04:05 GMT",
            "Fri; 02 Jan 2026 03:04:05 GMT",
            "Fri, 2 Jan 2026 03:04:05 GMT",
            "Fri, 02 Jan 1926 03:04:05 GMT",
        ] {
            assert_eq!(Timestamp::parse_http(text.as_bytes()), None, "{text}");
        }
    }
}
