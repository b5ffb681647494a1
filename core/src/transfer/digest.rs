//! A table's content in 256 bits.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Field, Row};

/// The SHA-256 of a table's rows, in the order of their keys: equal if, and only if, the content is. It is computed of
/// what the rows mean, so it does not depend on the backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A digest in the making.
#[derive(Default)]
pub(super) struct Digester(Sha256);

impl Digester {
    /// Takes the next row. Each field is written with its kind and, where that does not tell it, its length: no two rows
    /// are written alike.
    pub(super) fn add(&mut self, row: &Row) {
        for field in row.fields() {
            match field {
                Field::Null => self.0.update(b"n"),
                Field::Int(number) => self.put(b'i', &number.to_be_bytes()),
                Field::Real(number) => self.put(b'r', &number.to_bits().to_be_bytes()),
                Field::Bool(yes) => self.put(b'b', &[u8::from(*yes)]),
                Field::Text(text) => self.put_long(b't', text.as_bytes()),
                Field::Bytes(bytes) => self.put_long(b'x', bytes),
            }
        }
    }

    fn put(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update([kind]);
        self.0.update(bytes);
    }

    fn put_long(&mut self, kind: u8, bytes: &[u8]) {
        self.put(kind, &(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}
