//! A moment, as the service stores and answers it.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const MILLIS_PER_SECOND: i64 = 1_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MILLIS_PER_SECOND)
    }

    /// Seconds since the epoch with millisecond fraction: the form of timestamps in AWS JSON bodies.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 ms, the year 287396")]
    pub fn as_epoch_seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// The moment `days` days of 24 hours later.
    pub const fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(days as i64 * SECONDS_PER_DAY * MILLIS_PER_SECOND))
    }

    /// Calendar date and time of day in UTC: (year, month, day, hour, minute, second).
    pub fn civil(self) -> (i64, u8, u8, u8, u8, u8) {
        let seconds = self.seconds();
        let (days, rest) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        (year, month, day, small(rest / 3_600), small(rest / 60 % 60), small(rest % 60))
    }

    /// ISO 8601 in UTC with seconds, `2026-01-02T03:04:05Z`, for a year of four digits. Every audit record has one: put
    /// together by hand it costs a fraction.
    pub fn iso_8601(self) -> Option<[u8; 20]> {
        let (year, month, day, hour, minute, second) = self.civil();
        let (century, of_century) = (small(year.div_euclid(100)), small(year.rem_euclid(100)));
        let mut text = *b"0000-00-00T00:00:00Z";
        let numbers = [century, of_century, month, day, hour, minute, second];
        for (number, at) in numbers.into_iter().zip([0, 2, 5, 8, 11, 14, 17]) {
            if let Some([tens, ones]) = text.get_mut(at..at + 2) {
                (*tens, *ones) = (b'0' + number / 10, b'0' + number % 10);
            }
        }
        (century < 100).then_some(text)
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with seconds: `2026-01-02T03:04:05Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.iso_8601() {
            return f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?);
        }
        let (year, month, day, hour, minute, second) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Days since the epoch to the proleptic Gregorian calendar, by counting in 400-year eras that start on 1 March.
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, small(month), small(day))
}

fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_utc() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_767_323_045_999, "2026-01-02T03:04:05Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59Z"),
            (-1_000, "1969-12-31T23:59:59Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59Z"),
            (253_402_300_800_000, "10000-01-01T00:00:00Z"),
            (-62_167_219_201_000, "-001-12-31T23:59:59Z"),
        ];
        for (millis, text) in cases {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
        }
    }

    #[test]
    fn adds_days() {
        assert_eq!(Timestamp::from_millis(5).plus_days(7).millis(), 604_800_005);
    }
}
