//! Documents of a JSON text: an array of objects, or objects one after the other.

use super::Each;
use crate::domain::{Dialect, Row, RowReader};
use crate::inventory::error::InventoryError;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::io::BufRead;
use std::path::Path;

pub(super) fn read(file: &Path, mut input: impl BufRead, each: &mut Each<'_>) -> Result<(), InventoryError> {
    let (first, lines_before) =
        skip_space(&mut input).map_err(InventoryError::io(format!("{} cannot be read", file.display())))?;
    let broken = |error: &serde_json::Error| InventoryError::BrokenFile {
        file: file.to_owned(),
        line: lines_before + error.line() as u64,
        what: error.to_string(),
    };
    if first == Some(b'[') {
        let mut failure = None;
        let mut json = serde_json::Deserializer::from_reader(input);
        let rows = RowReader::new(Dialect::Extended);
        let result = Items { rows, each, failure: &mut failure }.deserialize(&mut json).and_then(|()| json.end());
        return match failure {
            Some(error) => Err(error),
            None => result.map_err(|error| broken(&error)),
        };
    }
    for item in serde_json::Deserializer::from_reader(input).into_iter::<Item>() {
        each(item.map_err(|error| broken(&error))?.0)?;
    }
    Ok(())
}

/// One of many objects in one text.
struct Item(Row);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        RowReader::new(Dialect::Extended).read(json).map(Self)
    }
}

/// Passes over white space: the first other byte and how many lines were passed.
fn skip_space(input: &mut impl BufRead) -> std::io::Result<(Option<u8>, u64)> {
    let mut lines = 0;
    loop {
        let Some(&byte) = input.fill_buf()?.first() else { return Ok((None, lines)) };
        if !byte.is_ascii_whitespace() {
            return Ok((Some(byte), lines));
        }
        lines += u64::from(byte == b'\n');
        input.consume(1);
    }
}

/// Hands on the items of an array as they are read. What stops `each` is kept, since JSON's error could only tell its text.
struct Items<'a, 'e> {
    rows: RowReader,
    each: &'a mut Each<'e>,
    failure: &'a mut Option<InventoryError>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(row) = items.next_element_seed(&mut self.rows)? {
            if let Err(error) = (self.each)(row) {
                *self.failure = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Document, doc};

    fn documents(text: &str) -> Result<Vec<Document>, InventoryError> {
        let mut all = Vec::new();
        read(Path::new("x.json"), text.as_bytes(), &mut |document| {
            all.push(document.to_document().unwrap());
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn arrays_lines_and_pretty_objects_read_alike() {
        let wanted = vec![doc! {"a": 1}, doc! {"a": 2}];
        for text in ["\n [{\"a\":1},\n{\"a\":2}]\n", "{\"a\":1}\n{\"a\":2}", "{\n \"a\": 1\n}\n{ \"a\": 2 }\n\n"] {
            assert_eq!(documents(text).unwrap(), wanted, "{text}");
        }
        assert!(documents(" \n").unwrap().is_empty());
        assert!(documents("[]").unwrap().is_empty());
    }

    #[test]
    fn extended_json_keeps_its_types() {
        let id = "5c0000000000000000000001";
        let date = bson::DateTime::from_millis(1_543_370_400_123);
        let text = format!(
            r#"{{"_id":{{"$oid":"{id}"}},"r":{{"$date":"2018-11-28T02:00:00.123Z"}},"c":{{"$date":{{"$numberLong":"1543370400123"}}}},"n":{{"$numberLong":"5"}},"i":{{"$numberInt":"7"}},"d":{{"$numberDouble":"1.5"}}}}"#
        );
        let id = bson::oid::ObjectId::parse_str(id).unwrap();
        assert_eq!(documents(&text).unwrap(), [doc! {"_id": id, "r": date, "c": date, "n": 5_i64, "i": 7, "d": 1.5}]);
    }

    #[test]
    fn a_broken_line_is_named() {
        for (text, line) in
            [("\n{\"a\":1}\n{\"a\":\n", "line 4"), ("[{\"a\":1},\n7]", "line 2"), ("{}\n{}\nx", "line 3")]
        {
            let message = documents(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("x.json: {line}:")), "{message}");
        }
    }
}
