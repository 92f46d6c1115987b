//! Documents of a CSV file: the header's cells are dotted paths, empty cells are missing fields.

use super::Each;
use crate::domain::{Row, cast_row};
use crate::inventory::error::InventoryError;
use bson::oid::ObjectId;
use bson::{Bson, Document};
use std::io::BufRead;
use std::path::Path;

pub(super) fn read(file: &Path, input: impl BufRead, each: &mut Each<'_>) -> Result<(), InventoryError> {
    let mut csv = ::csv::Reader::from_reader(input);
    let broken = |line: Option<u64>, what: String| InventoryError::BrokenFile {
        file: file.to_owned(),
        line: line.unwrap_or(1),
        what,
    };
    let malformed = |error: ::csv::Error| broken(error.position().map(::csv::Position::line), error.to_string());
    let header: Vec<String> = csv.headers().map_err(malformed)?.iter().map(|cell| cell.trim().to_owned()).collect();
    for record in csv.records() {
        let record = record.map_err(malformed)?;
        let mut document = Document::new();
        for (path, cell) in header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()) {
            if !insert(&mut document, path, value(cell)) {
                let what = format!("expected columns that fit together, {path:?} is a value and an object");
                return Err(broken(record.position().map(::csv::Position::line), what));
            }
        }
        cast_row(&mut document);
        let line = record.position().map(::csv::Position::line);
        each(Row::try_from(document).map_err(|error| broken(line, error.to_string()))?)?;
    }
    Ok(())
}

/// Puts a value at a dotted path; false where a value is in the way.
fn insert(document: &mut Document, path: &str, value: Bson) -> bool {
    let Some((first, rest)) = path.split_once('.') else {
        return document.insert(path, value).is_none();
    };
    let inner = document.entry(first.to_owned()).or_insert_with(|| Bson::Document(Document::new()));
    inner.as_document_mut().is_some_and(|inner| insert(inner, rest, value))
}

/// A cell's value: a number or boolean where nothing of the text is lost by it (`007` and `1.10` stay texts), a list or
/// object where it is JSON, an id where it is `ObjectId(…)` (as mongoexport writes them), else the text.
fn value(cell: &str) -> Bson {
    if let "true" | "True" | "false" | "False" = cell {
        return Bson::Boolean(cell.eq_ignore_ascii_case("true"));
    }
    if cell.starts_with(['[', '{'])
        && let Ok(value) = serde_json::from_str(cell)
    {
        return value;
    }
    if let Some(id) = cell.strip_prefix("ObjectId(").and_then(|rest| rest.strip_suffix(')'))
        && let Ok(id) = ObjectId::parse_str(id.trim_matches('"'))
    {
        return Bson::ObjectId(id);
    }
    if !cell.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()) {
        return Bson::String(cell.to_owned());
    }
    if let Some(integer) = cell.parse::<i64>().ok().filter(|integer| integer.to_string() == cell) {
        return Bson::Int64(integer);
    }
    match cell.parse::<f64>() {
        Ok(float) if float.to_string() == cell => Bson::Double(float),
        _ => Bson::String(cell.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    fn documents(text: &str) -> Result<Vec<Document>, InventoryError> {
        let mut all = Vec::new();
        read(Path::new("x.csv"), text.as_bytes(), &mut |document| {
            all.push(document.to_document().unwrap());
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn headers_are_paths_and_empty_cells_are_missing() {
        let text = "name,os.base,os.version,tags\nweb,Linux,,\"[{\"\"key\"\":\"\"a\"\"}]\"\ndb,,7,\n";
        let wanted = [
            doc! {"name": "web", "os": {"base": "Linux"}, "tags": [{"key": "a"}]},
            doc! {"name": "db", "os": {"version": 7_i64}},
        ];
        assert_eq!(documents(text).unwrap(), wanted);
    }

    #[test]
    fn numbers_are_typed_only_where_nothing_is_lost() {
        for (cell, wanted) in [
            ("4", Bson::Int64(4)),
            ("-1.5", Bson::Double(-1.5)),
            ("True", Bson::Boolean(true)),
            ("007", Bson::String("007".into())),
            ("1.10", Bson::String("1.10".into())),
            ("+5", Bson::String("+5".into())),
            ("inf", Bson::String("inf".into())),
            ("10.0.0.1", Bson::String("10.0.0.1".into())),
            (
                "ObjectId(5c0000000000000000000001)",
                Bson::ObjectId(ObjectId::parse_str("5c0000000000000000000001").unwrap()),
            ),
            ("[draft]", Bson::String("[draft]".into())),
        ] {
            assert_eq!(value(cell), wanted, "{cell}");
        }
    }

    #[test]
    fn a_broken_line_is_named() {
        for text in ["a,b\n1,2\n1\n", "a,a.b\n1,2\n"] {
            let message = documents(text).unwrap_err().to_string();
            assert!(message.starts_with("x.csv: line "), "{message}");
        }
    }
}
