//! Rows from JSON: one pass from the parser into the bytes of BSON, ids and dates typed on the way.

use super::Row;
use super::cast::{Kind, cast_value};
use super::write::{Open, Place, Writer};
use bson::Bson;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// What sources mean by the same JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The Data API's answers: names are names, and a whole number of more than 64 bits is an error.
    Plain,
    /// Files and messages: as `Plain`, but `{"$oid": …}` and its like are values (MongoDB Extended JSON).
    Extended,
    /// Requests of other hosts: no name may begin with `$`; whole numbers of more than 64 bits become doubles.
    Strict,
}

/// Reads rows from JSON, one after another; its buffer serves them all.
///
/// Texts under `_id` and `*_at` keys that read as ids or dates become such, at any depth. Of equal names in one object
/// the last counts. An object is refused where it has no place in MongoDB: a name with NUL, more than 100 levels,
/// more than [`Row::MAX_BYTES`].
#[derive(Debug)]
pub struct RowReader {
    writer: Writer,
    dialect: Dialect,
}

impl RowReader {
    /// A reader of one dialect.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { writer: Writer::default(), dialect }
    }

    /// Reads one object.
    ///
    /// # Errors
    /// Those of the JSON, and where it is no object or cannot be a row.
    pub fn read<'de, D: Deserializer<'de>>(&mut self, json: D) -> Result<Row, D::Error> {
        self.deserialize(json)
    }

    /// The `_id` of the row that is being read, or was read last, where that is its first field.
    #[must_use]
    pub fn begun(&self) -> Option<String> {
        self.writer.first_id()
    }
}

impl<'de> DeserializeSeed<'de> for &mut RowReader {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Row, D::Error> {
        self.writer.clear();
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut RowReader {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row (a JSON object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let open = self.writer.open().map_err(A::Error::custom)?;
        while let Some(name) = map.next_key_seed(NameSeed(self))? {
            map.next_value_seed(ValueSeed { reader: self, name })?;
        }
        self.writer.close(&open).map_err(A::Error::custom)?;
        self.writer.row().map_err(A::Error::custom)
    }
}

/// An element whose name is written and whose value comes next.
#[derive(Debug, Clone, Copy)]
struct Name {
    place: Place,
    kind: Kind,
    dollar: bool,
}

struct NameSeed<'a>(&'a mut RowReader);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Name, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        let dollar = name.starts_with('$');
        if dollar && self.0.dialect == Dialect::Strict {
            return Err(E::custom("expected names without NUL or a leading $"));
        }
        let place = self.0.writer.name(name).map_err(E::custom)?;
        Ok(Name { place, kind: Kind::of(name), dollar })
    }
}

struct ValueSeed<'a> {
    reader: &'a mut RowReader,
    name: Name,
}

impl ValueSeed<'_> {
    /// Reads the rest of a value that is written as an object, such as `{"$oid": …}`, of which the first name is read.
    fn extended<'de, A: MapAccess<'de>>(self, mut map: A, open: &Open) -> Result<(), A::Error> {
        let writer = &mut self.reader.writer;
        let mut object = Map::from_iter([(writer.take_back(open), map.next_value::<Value>()?)]);
        while let Some((name, value)) = map.next_entry()? {
            object.insert(name, value);
        }
        let mut value = Bson::try_from(object).map_err(A::Error::custom)?;
        cast_value(self.name.kind, &mut value);
        writer.any(self.name.place, value).map_err(A::Error::custom)
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.reader.writer.null(self.name.place);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.reader.writer.boolean(self.name.place, value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.reader.writer.integer(self.name.place, value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match (i64::try_from(value), self.reader.dialect) {
            (Ok(value), _) => self.visit_i64(value),
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is promised")]
            (Err(_), Dialect::Strict) => self.visit_f64(value as f64),
            (Err(_), Dialect::Plain | Dialect::Extended) => {
                Err(E::invalid_value(Unexpected::Unsigned(value), &"a number of at most 64 bits with sign"))
            }
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.reader.writer.double(self.name.place, value);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.name.kind.typed(text) {
            Some(typed) => self.reader.writer.typed(self.name.place, typed),
            None => self.reader.writer.text(self.name.place, text).map_err(E::custom)?,
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { reader, name } = self;
        reader.writer.list(name.place);
        let open = reader.writer.open().map_err(A::Error::custom)?;
        for index in 0.. {
            let item = ItemSeed { reader: &mut *reader, index, kind: name.kind };
            if items.next_element_seed(item)?.is_none() {
                break;
            }
        }
        reader.writer.end(&open);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reader, name } = self;
        reader.writer.document(name.place);
        let open = reader.writer.open().map_err(A::Error::custom)?;
        let mut first = true;
        while let Some(inner) = map.next_key_seed(NameSeed(reader))? {
            if first && inner.dollar && reader.dialect == Dialect::Extended {
                return ValueSeed { reader, name }.extended(map, &open);
            }
            first = false;
            map.next_value_seed(ValueSeed { reader, name: inner })?;
        }
        reader.writer.close(&open).map_err(A::Error::custom)
    }
}

/// An item of a list: its name is written only once it is known that there is one. The key of the list speaks of it too.
struct ItemSeed<'a> {
    reader: &'a mut RowReader,
    index: usize,
    kind: Kind,
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let place = self.reader.writer.index(self.index).map_err(D::Error::custom)?;
        ValueSeed { reader: self.reader, name: Name { place, kind: self.kind, dollar: false } }.deserialize(json)
    }
}

#[cfg(test)]
mod tests;
