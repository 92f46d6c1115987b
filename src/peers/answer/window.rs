//! The part of a stream of JSON that is in memory: values are parsed from it where they are complete, and bytes are read
//! where they are not.
//!
//! Parsing from memory is several times faster than parsing from a stream byte by byte, and from a text, which is known to
//! be UTF-8, than from bytes, of which the parser checks every name and text by itself. A value that turns out to be cut
//! is parsed again once there is more of it; as the window at least doubles for that, a long value costs no more than
//! about twice its parsing.

use crate::domain::Row;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, Visitor};
use serde_json::de::StrRead;
use std::fmt;
use std::io::Read;

/// Bytes asked of the stream at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest text of one value: twice what the largest row has in BSON.
const MAX_VALUE_BYTES: usize = 2 * Row::MAX_BYTES;

/// Why a value was not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// The bytes ended, or the connection broke.
    BrokenOff,
    /// What is wrong.
    Wrong(String),
}

/// What is in memory of a stream.
pub(super) struct Window<R> {
    stream: R,
    /// Holds what is to be parsed from `start` on.
    text: String,
    start: usize,
    /// What is read at a time; at first there are the `cut` bytes of a character that was not read to its end.
    piece: Vec<u8>,
    cut: usize,
    /// Whether nothing more is read: the stream has ended, or is `garbled`, no UTF-8, from here on.
    ended: bool,
    garbled: bool,
}

impl<R: Read> Window<R> {
    /// Nothing read yet.
    pub(super) fn new(stream: R) -> Self {
        let piece = vec![0; PIECE_BYTES];
        Self { stream, text: String::new(), start: 0, piece, cut: 0, ended: false, garbled: false }
    }

    /// Passes over what opens an object or a list; `expected` says what should be there.
    pub(super) fn begin(&mut self, open: u8, expected: &'static str) -> Result<(), Fault> {
        if self.peek()? == Some(open) {
            self.start += 1;
            return Ok(());
        }
        self.value(|json| json.deserialize_any(Expected(expected)))
    }

    /// Whether another item comes before the end of an object or list, which is passed over, as is the comma.
    pub(super) fn goes_on(&mut self, close: u8, first: bool) -> Result<bool, Fault> {
        match self.peek()?.ok_or_else(|| self.cut_off())? {
            byte if byte == close => {
                self.start += 1;
                return Ok(false);
            }
            b',' if !first => self.start += 1,
            _ if first => {}
            _ => return Err(Fault::Wrong(format!("expected `,` or `{}`", char::from(close)))),
        }
        Ok(true)
    }

    /// Passes over a byte that must be there.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek()?.ok_or_else(|| self.cut_off())? != byte {
            return Err(Fault::Wrong(format!("expected `{}`", char::from(byte))));
        }
        self.start += 1;
        Ok(())
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            None if self.garbled => Err(self.cut_off()),
            None => Ok(()),
            Some(_) => Err(Fault::Wrong("trailing characters".to_owned())),
        }
    }

    /// Parses a small value.
    pub(super) fn plain<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        self.value(|json| T::deserialize(json))
    }

    /// Parses one value. `parse` is called again where the value is not yet complete.
    pub(super) fn value<T>(
        &mut self,
        mut parse: impl FnMut(&mut serde_json::Deserializer<StrRead<'_>>) -> serde_json::Result<T>,
    ) -> Result<T, Fault> {
        loop {
            let text = &self.text[self.start..];
            let mut json = serde_json::Deserializer::from_str(text);
            match parse(&mut json) {
                Ok(value) => {
                    let length = json.into_iter::<IgnoredAny>().byte_offset();
                    if self.ended || length < text.len() || text.ends_with(['}', ']', '"']) {
                        self.start += length;
                        return Ok(value);
                    }
                    // A number at the very end may go on.
                }
                Err(error) if !error.is_eof() => return Err(Fault::Wrong(error.to_string())),
                Err(_) if self.ended => return Err(self.cut_off()),
                Err(_) if text.len() > MAX_VALUE_BYTES => {
                    return Err(Fault::Wrong(format!("expected at most {MAX_VALUE_BYTES} bytes of JSON in one value")));
                }
                Err(_) => {}
            }
            let wanted = (2 * text.len()).min(MAX_VALUE_BYTES);
            while !self.ended && self.text.len() - self.start <= wanted {
                self.fill()?;
            }
        }
    }

    /// The next byte that is no white space; none where the stream has ended.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let bytes = &self.text.as_bytes()[self.start..];
            if let Some(at) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) {
                self.start += at;
                return Ok(Some(bytes[at]));
            }
            self.start = self.text.len();
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Why there is no more.
    fn cut_off(&self) -> Fault {
        if self.garbled { Fault::Wrong("expected UTF-8".to_owned()) } else { Fault::BrokenOff }
    }

    /// Reads once, behind what is there.
    fn fill(&mut self) -> Result<(), Fault> {
        self.text.drain(..self.start);
        self.start = 0;
        let count = loop {
            match self.stream.read(&mut self.piece[self.cut..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read.map_err(|_| Fault::BrokenOff)?,
            }
        };
        self.take(self.cut + count);
        self.ended = count == 0 || self.garbled;
        Ok(())
    }

    /// Takes the first bytes of the piece over into the text, as far as they are UTF-8.
    fn take(&mut self, count: usize) {
        let (valid, rest) = match str::from_utf8(&self.piece[..count]) {
            Ok(text) => {
                self.text.push_str(text);
                (count, 0)
            }
            Err(error) => {
                self.garbled = error.error_len().is_some();
                self.text.push_str(&String::from_utf8_lossy(&self.piece[..error.valid_up_to()]));
                (error.valid_up_to(), count - error.valid_up_to())
            }
        };
        self.piece.copy_within(valid..valid + rest, 0);
        self.cut = rest;
    }
}

/// Takes no value: its error says what was found and what was expected.
struct Expected(&'static str);

impl Visitor<'_> for Expected {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
