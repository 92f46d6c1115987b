use crate::support::python::python;
use bson::rawdoc;
use maestro_reports::artifact::Options;
use serde_json::{Value, json};

/// Makes JSON of the elements by what the format says of itself.
const READ: &str = "
import json, sys
from lxml import etree

def value(element):
    kind, text = element.get('type', 'text'), element.text or ''
    if kind == 'object':
        return {child.get('name', child.tag): value(child) for child in element}
    if kind == 'list':
        return [value(child) for child in element]
    return {'int': int, 'float': float, 'bool': 'true'.__eq__, 'null': lambda _: None}.get(kind, str)(text)

root = etree.parse(sys.argv[1], etree.XMLParser(huge_tree=True)).getroot()
rows = [{child.get('name', child.tag): value(child) for child in row} for row in root]
print(json.dumps([dict(root.attrib), rows]))
";

#[test]
fn lxml_reads_the_rows_that_were_written() {
    let rows = [
        rawdoc! {
            "_id": 1, "a": "<&>\"'\r\n\t ]]>", "b": {"c": ["1", 2, [true, null]], "odd key\n\"<": {}}, "Ελλ": -1.5, "1st": "",
            "xml": "é".repeat(300_000), "field": "a", "ﬁeld": "\u{85}\u{2028}",
        },
        rawdoc! {"": "\u{1}", "日本": 1e300, "a:b": [], "-": i64::MAX},
    ];
    let (_folder, file) = super::written("xml", &rows, &Options::default());
    let Some(read) = python(READ, &[file.to_str().unwrap()]) else { return };
    let about = json!({
        "name": "Servers of Ελλάδα <&>", "component": "Servers", "taken": "2018-11-28T02:00:00.123Z", "found": "2", "rows": "2",
    });
    let expected = json!([about, [
        {
            "_id": 1, "a": "<&>\"'\r\n\t ]]>", "b": {"c": ["1", 2, [true, null]], "odd key\n\"<": {}}, "Ελλ": -1.5, "1st": "",
            "xml": "é".repeat(300_000), "field": "a", "ﬁeld": "\u{85}\u{2028}",
        },
        {"": "\u{fffd}", "日本": 1e300, "a:b": [], "-": i64::MAX},
    ]]);
    assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), expected);
}
