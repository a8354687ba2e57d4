//! Writing the body of an answer: JSON whose bytes are base64 and whose texts are scanned eight bytes at a time.
//!
//! Most of an answer is ciphertext, ARNs and names, none of which needs an escape. serde_json looks at each byte by
//! itself, which costs more than all the rest of the writing; numbers with a fraction are left to it.

use base64_simd::STANDARD;
use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple},
};
use serde_json::Error;

use crate::json;

/// Writes `response` at the end of `body`.
///
/// # Errors
/// The response has a shape that no answer of the API has.
pub(crate) fn write(response: &impl Serialize, body: &mut Vec<u8>) -> Result<(), Error> {
    response.serialize(Writer::of(body))
}

/// Serializes a text that is known to need no escape: ours, and of a narrow alphabet.
pub(crate) fn plain<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(PLAIN, text)
}

const PLAIN: &str = "text without escapes";

struct Writer<'b> {
    body: &'b mut Vec<u8>,
    plain: bool,
}

/// The members of an object or the items of a list.
struct Parts<'b> {
    body: &'b mut Vec<u8>,
    empty: bool,
    end: u8,
}

impl<'b> Writer<'b> {
    fn of(body: &'b mut Vec<u8>) -> Self {
        Self { body, plain: false }
    }

    fn put(self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    fn parts(self, begin: u8, end: u8) -> Parts<'b> {
        self.body.push(begin);
        Parts { body: self.body, empty: true, end }
    }
}

impl Parts<'_> {
    fn next(&mut self) {
        if !self.empty {
            self.body.push(b',');
        }
        self.empty = false;
    }

    /// Begins a member. Names are ours, and none needs an escape. One copy of the code serves all types of members.
    #[inline(never)]
    fn name(&mut self, name: &'static str) {
        self.next();
        self.body.push(b'"');
        self.body.extend_from_slice(name.as_bytes());
        self.body.extend_from_slice(b"\":");
    }

    fn finish(self) {
        self.body.push(self.end);
    }
}

/// No answer of the API has it.
fn unknown<T>() -> Result<T, Error> {
    Err(Error::custom("a shape that no answer has"))
}

impl<'b> Serializer for Writer<'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'b>;
    type SerializeTuple = Parts<'b>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Parts<'b>;
    type SerializeStruct = Parts<'b>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.put(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.put(itoa::Buffer::new().format(value).as_bytes());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.put(itoa::Buffer::new().format(value).as_bytes());
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        serde_json::to_writer(self.body, &value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if self.plain {
            json::plain_text(self.body, value);
        } else {
            json::text(self.body, value);
        }
        Ok(())
    }

    /// As base64, without a copy of it elsewhere.
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.body.push(b'"');
        STANDARD.encode_append(value, self.body);
        self.body.push(b'"');
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.put(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.put(b"{}");
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(Self { plain: name == PLAIN, ..self })
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), Error> {
        unknown()
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts<'b>, Error> {
        Ok(self.parts(b'[', b']'))
    }

    /// Arrays are tuples to serde.
    fn serialize_tuple(self, length: usize) -> Result<Parts<'b>, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        unknown()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        unknown()
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts<'b>, Error> {
        Ok(self.parts(b'{', b'}'))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Parts<'b>, Error> {
        Ok(self.parts(b'{', b'}'))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        unknown()
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        value.serialize(Writer::of(self.body))
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), Error> {
        SerializeSeq::end(self)
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        key.serialize(Writer::of(self.body))
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.body.push(b':');
        value.serialize(Writer::of(self.body))
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl SerializeStruct for Parts<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.name(name);
        value.serialize(Writer::of(self.body))
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ops::shape::Blob;

    #[derive(Serialize)]
    struct Inner {
        inside: bool,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Everything {
        text: &'static str,
        absent: Option<i32>,
        some: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<i32>,
        moment: f64,
        small: i32,
        list: Vec<Inner>,
        none: [&'static str; 0],
        map: BTreeMap<&'static str, &'static str>,
    }

    #[test]
    fn writes_what_serde_json_writes() {
        let everything = Everything {
            text: "\"\\\n\u{1}ü",
            absent: None,
            some: Some(7),
            left_out: None,
            moment: 1_767_323_045.125,
            small: -5,
            list: vec![Inner { inside: true }, Inner { inside: false }],
            none: [],
            map: BTreeMap::from([("a\"", "b"), ("c", "")]),
        };
        let mut body = Vec::new();
        write(&everything, &mut body).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), serde_json::to_string(&everything).unwrap());
    }

    #[test]
    fn bytes_are_base64() {
        for (bytes, text) in [(&b""[..], "\"\""), (b"f", "\"Zg==\""), (b"foobar", "\"Zm9vYmFy\"")] {
            let mut body = Vec::new();
            write(&Blob(bytes.to_vec()), &mut body).unwrap();
            assert_eq!(String::from_utf8(body).unwrap(), text);
        }
    }
}
