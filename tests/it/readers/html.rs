use crate::support::python::python;
use bson::rawdoc;
use maestro_reports::artifact::{About, Options};
use maestro_reports::domain::Row;
use serde_json::{Value, json};

/// Strict: whatever the standard calls a parse error is one.
const READ: &str = "
import json, sys
import html5lib

with open(sys.argv[1], 'rb') as file:
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(file)
def text(element):
    return ''.join(element.itertext())
def table(part):
    return [[text(cell) for cell in row] for row in page.find('.//table/' + part)]
names = {element.tag for element in page.iter() if isinstance(element.tag, str)}
ids = [element.get('id') for element in page.iter() if element.get('id')]
print(json.dumps({
    'title': text(page.find('head/title')), 'heading': text(page.find('.//h1')), 'head': table('thead'), 'rows': table('tbody'),
    'drawings': len(list(page.iter('{http://www.w3.org/2000/svg}svg'))),
    'foreign': sorted(names & {'b', 'script', 'img', 'a', 'link'}), 'ids are unique': len(ids) == len(set(ids)),
}))
";

#[test]
fn a_strict_parser_finds_the_cells_that_were_written_and_nothing_else() {
    let rows = [
        rawdoc! {"a": "<script>alert('1')</script>\"&amp;]]>", "b": {"<b>": "x\r\ny"}, "Ελλ": -1.5},
        rawdoc! {"a": "\u{0}\u{1}\u{fffe}\u{202e}", "b": {"<b>": [{"c": 1}, {"c": null, "d": "e"}]}, "z": "é".repeat(300_000)},
    ];
    let rows = rows.map(Row::from);
    let charts = json!({"os_base": {
        "aggr": {"label": ["Linux", "<b>&"], "data": [2, 1]}, "opts": {"ct": "pie", "txt": "OS <&>"},
    }});
    let about = About { charts, ..super::about(&rows, &[]) };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), super::rendered("html", &rows, about, &Options::default())).unwrap();
    let Some(read) = python(READ, &[file.path().to_str().unwrap()]) else { return };
    let expected = json!({
        "title": "Servers of Ελλάδα <&>, 2018-11-28",
        "heading": "Servers of Ελλάδα <&>",
        "head": [["a", "b.<b>", "z", "Ελλ"]],
        "rows": [
            ["<script>alert('1')</script>\"&amp;]]>", "x\ny", "", "-1.5"],
            ["\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "c: 1\nd: e", "é".repeat(300_000), ""],
        ],
        "drawings": 1,
        "foreign": [],
        "ids are unique": true,
    });
    assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), expected);
}
