//! How a value lies in its row, so that erasing it leaves nothing behind.
//!
//! SQLite's `secure_delete` zeroes what is deleted, but not the stale copies that remain in the unused middle
//! of a page when rows move between neighbouring pages. Overflow pages never move, and are zeroed when they are
//! freed. So each value is padded until all of it lies on overflow pages: by the rules for cell payloads in the
//! SQLite file format, a table row of `LOCAL + n * OVERFLOW` bytes keeps exactly its first `LOCAL` bytes in the
//! page that can move, and those hold here only the row's header, its key and padding.

use crate::error::Error;

/// Bytes of a database page. Small, because each record takes at least one page of its own.
pub(crate) const PAGE_SIZE: i32 = 1024;

const PAGE: usize = PAGE_SIZE.unsigned_abs() as usize;

/// `M` of the file format: what a row that overflows keeps in its own page, when the rest fills whole pages.
const LOCAL: usize = (PAGE - 12) * 32 / 255 - 23;

/// What an overflow page carries beside the number of the next one.
const OVERFLOW: usize = PAGE - 4;

/// The frame's head: where the value begins, 2 bytes, and its length, 4 bytes, both big-endian.
const HEAD: usize = 6;

/// The value with head and padding, for a row with a key of this length and this version.
pub(crate) fn wrap(key_len: usize, version: i64, value: &[u8]) -> Result<Vec<u8>, Error> {
    let too_long = || Error::ValueTooLong(value.len());
    if value.len() > Error::MAX_VALUE_LEN {
        return Err(too_long());
    }
    let (start, len) = layout(key_len, version, value.len());
    let start_field = u16::try_from(start).map_err(|_| too_long())?;
    let value_field = u32::try_from(value.len()).map_err(|_| too_long())?;
    let mut frame = Vec::with_capacity(len);
    frame.extend_from_slice(&start_field.to_be_bytes());
    frame.extend_from_slice(&value_field.to_be_bytes());
    frame.resize(start, 0);
    frame.extend_from_slice(value);
    frame.resize(len, 0);
    Ok(frame)
}

/// The value of a frame; `None` when it is not, to the last bit, what `wrap` makes for this key and version: no
/// byte of a row may change unnoticed, padding included.
pub(crate) fn unwrap(key_len: usize, version: i64, frame: &[u8]) -> Option<&[u8]> {
    let (_, rest) = frame.split_first_chunk::<2>()?;
    let (len, _) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|len| *len <= frame.len())?;
    let (start, frame_len) = layout(key_len, version, len);
    let start_field = u16::try_from(start).ok()?.to_be_bytes();
    let value = frame.get(start..start.checked_add(len)?)?;
    let padding = frame.get(HEAD..start)?.iter().chain(frame.get(start + len..)?);
    let sound =
        frame.len() == frame_len && frame.starts_with(&start_field) && padding.copied().all(|b| b == 0);
    sound.then_some(value)
}

/// Where the value begins in its frame, and how long the frame is.
fn layout(key_len: usize, version: i64, value_len: usize) -> (usize, usize) {
    // The row's header: its own length and the serial types of key, version and frame.
    let fixed = 1 + varint_len(blob_type(key_len)) + 1 + key_len + integer_len(version);
    let mut pages = 1;
    loop {
        for type_len in 1..=9 {
            let before = fixed + type_len;
            let start = LOCAL.saturating_sub(before).max(HEAD);
            let frame = (LOCAL + pages * OVERFLOW).saturating_sub(before);
            if frame >= start + value_len && varint_len(blob_type(frame)) == type_len {
                return (start, frame);
            }
        }
        // At least the value's own pages, then one by one past the few lengths that no frame can have.
        pages = (pages + 1).max(value_len / OVERFLOW);
    }
}

/// The serial type of a blob.
fn blob_type(len: usize) -> usize {
    12 + 2 * len
}

/// Bytes of a SQLite varint: seven bits each.
fn varint_len(number: usize) -> usize {
    (number.max(1).ilog2() / 7 + 1) as usize
}

/// Bytes of an integer in a row: 0 and 1 take none.
fn integer_len(number: i64) -> usize {
    match number.unsigned_abs() {
        0..=1 => 0,
        2..=0x7f => 1,
        0x80..=0x7fff => 2,
        0x8000..=0x7f_ffff => 3,
        0x80_0000..=0x7fff_ffff => 4,
        0x8000_0000..=0x7fff_ffff_ffff => 6,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Connection, params};

    #[test]
    fn a_frame_gives_its_value_back() {
        for len in (0..3000).chain([1 << 14, 1 << 20, (1 << 20) + 1]) {
            let value: Vec<u8> = (0..len).map(|n: u32| n.to_le_bytes()[0] | 1).collect();
            let frame = wrap(40, 7, &value).unwrap();
            assert_eq!(unwrap(40, 7, &frame), Some(&value[..]));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let sound = wrap(10, 1, b"value").unwrap();
        for bad in
            [&[][..], &[0; 5], &[0, 5, 0, 0, 0, 0, 0], &[0, 6, 0, 0, 0, 1], &[0xff; 1000], &sound[..80]]
        {
            assert_eq!(unwrap(10, 1, bad), None, "{bad:?}");
        }
        for at in 0..sound.len() {
            let mut edited = sound.clone();
            edited[at] ^= 1;
            assert_ne!(unwrap(10, 1, &edited), Some(&b"value"[..]), "byte {at}");
        }
    }

    #[test]
    fn a_value_longer_than_the_bound_is_refused() {
        let value = vec![0; Error::MAX_VALUE_LEN + 1];
        assert!(matches!(wrap(1, 1, &value), Err(Error::ValueTooLong(_))));
    }

    /// SQLite itself says what it keeps in the pages that move: `dbstat` counts the bytes.
    #[test]
    fn no_byte_of_a_value_is_in_a_page_that_moves() {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "page_size", PAGE_SIZE).unwrap();
        connection.execute_batch(crate::open::CREATE_TABLE).unwrap();
        let mut rows = 0_usize;
        for key_len in [1, 10, 40, 57, 58, 85, 90, 99, 130, 512] {
            for version in [0, 1, 2, 127, 128, 32_767, 8_388_607, 1 << 31, 1 << 40, i64::MAX] {
                for value_len in [0, 1, 700, 919, 1015, 1020, 1023, 4000, 8000, 8100, 9000, 20_000] {
                    let key: Vec<u8> = rows.to_le_bytes().into_iter().cycle().take(key_len).collect();
                    let frame = wrap(key_len, version, &vec![0xee; value_len]).unwrap();
                    let head = LOCAL.saturating_sub(frame_offset(key_len, version, frame.len()));
                    assert!(!frame[..head].contains(&0xee), "{key_len} {version} {value_len}");
                    rows += connection
                        .execute("INSERT INTO records VALUES (?1, ?2, ?3)", params![key, version, frame])
                        .unwrap();
                }
            }
        }
        let page_sum = |kind: &str, column: &str| -> usize {
            let sql =
                format!("SELECT sum({column}) FROM dbstat WHERE name = 'records' AND pagetype = '{kind}'");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
        };
        assert!(rows > 1000);
        assert_eq!(page_sum("leaf", "ncell"), rows);
        assert_eq!(page_sum("leaf", "payload"), rows * LOCAL);
        assert_eq!(page_sum("overflow", "unused"), 0);
    }

    fn frame_offset(key_len: usize, version: i64, frame_len: usize) -> usize {
        2 + varint_len(blob_type(key_len)) + varint_len(blob_type(frame_len)) + key_len + integer_len(version)
    }
}
