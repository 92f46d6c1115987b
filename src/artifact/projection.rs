//! Rows with the chosen columns alone, for formats that keep a row's structure.

use crate::domain::Row;
use bson::raw::{RawArrayBuf, RawBsonRef};
use bson::{RawDocument, RawDocumentBuf};
use foldhash::HashMap;

/// The columns to keep: a path keeps the value there; on the way, objects and the objects in lists keep only it.
#[derive(Debug, Clone, Default)]
pub struct Projection(HashMap<String, Projection>);

impl Projection {
    /// Keeps these paths; `None` for none: rows stay as they are.
    #[must_use]
    pub fn of(columns: &[String]) -> Option<Self> {
        let mut all = Self::default();
        for column in columns {
            let names = column.split('.');
            let end = names.fold(&mut all, |node, name| node.0.entry(name.to_owned()).or_default());
            end.0.clear();
        }
        (!all.0.is_empty()).then_some(all)
    }

    /// The row with these columns alone, in its own order. What cannot be read of a broken row is left out.
    #[must_use]
    pub fn apply(&self, row: &Row) -> Row {
        self.document(row).into()
    }

    fn document(&self, document: &RawDocument) -> RawDocumentBuf {
        let mut kept = RawDocumentBuf::new();
        for (name, value) in document.iter().map_while(Result::ok) {
            match (self.0.get(name.as_str()), value) {
                (None, _) => {}
                (Some(below), value) if below.0.is_empty() => kept.append(name, value),
                (Some(below), RawBsonRef::Document(inner)) => kept.append(name, below.document(inner)),
                (Some(below), RawBsonRef::Array(items)) => {
                    let mut list = RawArrayBuf::new();
                    for item in items.into_iter().map_while(Result::ok) {
                        if let RawBsonRef::Document(inner) = item {
                            list.push(below.document(inner));
                        }
                    }
                    kept.append(name, list);
                }
                _ => {}
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn objects_and_lists_keep_what_was_chosen_in_them() {
        let row: Row = rawdoc! {
            "_id": 1, "os": {"base": "Linux", "dist": "Debian"}, "apps": [{"name": "a", "x": 1}, 7, {"x": 2}], "cpu": 4,
        }
        .into();
        let kept = |columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
            Projection::of(&columns).unwrap().apply(&row)
        };
        assert_eq!(kept(&["cpu", "os.base"]), rawdoc! {"os": {"base": "Linux"}, "cpu": 4}.into());
        assert_eq!(kept(&["apps.name"]), rawdoc! {"apps": [{"name": "a"}, {}]}.into());
        assert_eq!(kept(&["os.base", "os"]), rawdoc! {"os": {"base": "Linux", "dist": "Debian"}}.into());
        assert_eq!(kept(&["cpu.cores", "none"]), rawdoc! {}.into());
        assert!(Projection::of(&[]).is_none());
    }
}
