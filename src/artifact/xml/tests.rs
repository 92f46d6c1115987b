use super::*;
use crate::artifact::test_support::written;
use bson::oid::ObjectId;
use bson::{RawDocumentBuf, rawdoc};
use proptest::prelude::*;

#[test]
fn every_type_and_any_key_has_its_element() {
    let rows = [
        rawdoc! {
            "_id": ObjectId::parse_str("5c0000000000000000000001").unwrap(), "name": "a<b>&\"c'\r\n\td", "empty": "",
            "cpu": 4, "big": i64::MIN, "load": 0.5, "huge": 1e300, "nan": f64::NAN, "inf": f64::NEG_INFINITY, "none": null,
            "active": true, "at": bson::DateTime::from_millis(1_543_370_400_123), "price": "1.10".parse::<bson::Decimal128>().unwrap(),
            "os": {"base": "Linux", "deep": {}}, "tags": [{"key": "a"}, [1, "x"], null], "list": [],
            "blob": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1, 2, 3] },
        },
        rawdoc! {"odd key": 1, "": "empty", "1st": 1, "a:b": 1, "XmlThing": 1, "a\"<\n\u{1}": 1, "Ελλ·": 1, "field": 1, "-": 1},
        rawdoc! {"a": "\u{1}\u{b}\u{fffe}\u{85}\u{2028}😀]]>"},
    ];
    insta::assert_snapshot!(written(&FORMAT, &rows, &[]));
    insta::assert_snapshot!("columns", written(&FORMAT, &rows[..1], &["tags.key", "os.base"]));
}

proptest! {
    #[test]
    fn a_parser_gives_back_any_keys_and_texts(pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..6)) {
        let mut row = RawDocumentBuf::new();
        let mut expected = Vec::new();
        for (key, text) in pairs {
            let key = key.replace('\0', "");
            row.append(bson::raw::CString::try_from(key.clone()).unwrap(), text.clone());
            expected.push((allowed(&key), allowed(&text)));
        }
        let xml = written(&FORMAT, &[row], &[]);
        let document = roxmltree::Document::parse(&xml).unwrap();
        let row = document.root_element().first_element_child().unwrap();
        let read = row.children().map(|field| {
            let name = field.attribute("name").unwrap_or(field.tag_name().name());
            (name.to_owned(), field.text().unwrap_or_default().to_owned())
        });
        prop_assert_eq!(read.collect::<Vec<_>>(), expected);
    }
}

/// The text with a replacement for what XML does not allow.
fn allowed(text: &str) -> String {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if is_allowed(c) { c } else { '\u{fffd}' }).collect()
}
