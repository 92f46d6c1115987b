use crate::support::python::python;
use bson::{RawDocumentBuf, rawdoc};
use maestro_reports::artifact::{About, Options, Place};
use maestro_reports::domain::Row;
use serde_json::{Value, json};

/// Cells as type and value, and what is known of the sheets besides.
const READ: &str = r#"
import json, openpyxl, sys, xml.etree.ElementTree, zipfile
parts = zipfile.ZipFile(sys.argv[1])
for name in parts.namelist():
    xml.etree.ElementTree.fromstring(parts.read(name))
book = openpyxl.load_workbook(sys.argv[1])
summary, rows = book["Summary"], book["Rows"]
cells = lambda sheet: [[[c.data_type, str(c.value)] for c in row] for row in sheet.iter_rows()]
words = [" | ".join(str(c.value) for c in row if c.value is not None) for row in summary.iter_rows()]
print(json.dumps({
    "sheets": book.sheetnames, "rows": cells(rows), "summary": [row for row in words if row],
    "formulas": [c.coordinate for s in book for row in s.iter_rows() for c in row if c.data_type == "f"],
    "links": [c.coordinate for s in book for row in s.iter_rows() for c in row if c.hyperlink],
    "frozen": rows.freeze_panes, "filter": rows.auto_filter.ref, "title": book.properties.title,
    "created": book.properties.created.isoformat(), "charts": [type(c).__name__ for c in summary._charts],
    "widths": {name: column.width for name, column in rows.column_dimensions.items()},
    "dates": [c.number_format for c in rows["D"][1:]],
}))
"#;

fn read(rows: &[RawDocumentBuf], change: impl FnOnce(About) -> About) -> Option<Value> {
    let rows: Vec<Row> = rows.iter().cloned().map(Row::from).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.xlsx");
    let bytes = super::rendered("xlsx", &rows, change(super::about(&rows, &[])), &Options::default());
    std::fs::write(&file, bytes).unwrap();
    python(READ, &[file.to_str().unwrap()]).map(|read| serde_json::from_str(&read).unwrap())
}

fn date(text: &str) -> bson::DateTime {
    bson::DateTime::parse_rfc3339_str(text).unwrap()
}

fn golden() -> [RawDocumentBuf; 3] {
    let id = bson::oid::ObjectId::parse_str("5c0000000000000000000001").unwrap();
    [
        rawdoc! {
            "_id": id, "a": "=1+1", "b": true, "c": date("2018-11-28T02:00:00Z"), "d": 4, "e": 0.5,
            "f": 9_007_199_254_740_993_i64, "g": ["web", "db"], "h": {"i": [{"j": 1}]}, "k": "<r>&</r>",
        },
        rawdoc! {
            "_id": "00012", "a": "-1", "b": false, "c": date("2018-12-31T23:59:59.999Z"), "d": -1, "e": f64::NAN,
            "f": 123_456_789_012_i64, "g": [], "k": "x\u{1}\u{b}\u{ffff}_x0041_]]>\r\n",
        },
        rawdoc! {
            "_id": "https://example.org", "a": "Ελλάδα, \"日本\" 🙂", "b": null, "c": date("1899-12-31T00:00:00Z"),
            "d": "text", "k": "x".repeat(1_000_000),
        },
    ]
}

#[test]
fn cells_have_the_types_of_their_values_and_none_is_a_formula() {
    let Some(read) = read(&golden(), |about| about) else { return };
    let long = read["rows"][3][9][1].as_str().unwrap();
    assert!(long.ends_with("x … (cut: 1000000 characters in all)") && long.len() < 32_767, "{}", long.len());
    let expected = json!([
        [
            ["s", "_id"],
            ["s", "a"],
            ["s", "b"],
            ["s", "c"],
            ["s", "d"],
            ["s", "e"],
            ["s", "f"],
            ["s", "g"],
            ["s", "h.i"],
            ["s", "k"]
        ],
        [
            ["s", "5c0000000000000000000001"],
            ["s", "=1+1"],
            ["b", "True"],
            ["d", "2018-11-28 02:00:00"],
            ["n", "4"],
            ["n", "0.5"],
            ["s", "9007199254740993"],
            ["s", "web, db"],
            ["s", "[{\"j\":1}]"],
            ["s", "<r>&</r>"]
        ],
        [
            ["s", "00012"],
            ["s", "-1"],
            ["b", "False"],
            ["d", "2018-12-31 23:59:59.999000"],
            ["n", "-1"],
            ["s", "NaN"],
            ["n", "123456789012"],
            ["n", "None"],
            ["n", "None"],
            // Escapes of the format itself (ECMA-376, ST_Xstring), which this reader leaves as they are.
            ["s", "x_x0001__x000B__xFFFF__x005F_x0041_]]>\n"]
        ],
        [
            ["s", "https://example.org"],
            ["s", "Ελλάδα, \"日本\" 🙂"],
            ["n", "None"],
            ["s", "1899-12-31T00:00:00.000Z"],
            ["s", "text"],
            ["n", "None"],
            ["n", "None"],
            ["n", "None"],
            ["n", "None"],
            ["s", long]
        ],
    ]);
    assert_eq!(read["rows"], expected);
    assert_eq!(read["dates"], json!(["yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss.000", "General"]));
    assert_eq!((&read["formulas"], &read["links"]), (&json!([]), &json!([])));
    assert_eq!((&read["frozen"], &read["filter"]), (&json!("A2"), &json!("A1:J4")));
    assert_eq!(read["sheets"], json!(["Summary", "Rows"]));
    let widths = read["widths"].as_object().unwrap();
    assert!(widths.values().all(|width| (8.0..=60.0).contains(&width.as_f64().unwrap())), "{widths:?}");
    assert!(widths["A"].as_f64() > widths["B"].as_f64(), "{widths:?}");
}

#[test]
fn the_summary_says_what_the_workbook_holds() {
    let read = read(&golden(), |about| About {
        name: "<r>=1+1</r>".to_owned(),
        owner: Some("5c00000000000000000000aa".parse().unwrap()),
        conditions: vec!["os.base is \"Linux\"".to_owned(), "=cpu is at least 4\u{1}".to_owned()],
        selection: vec!["name contains web".to_owned()],
        place: Place { found: 90_000, ..about.place },
        charts: charts(),
        ..about
    });
    let Some(read) = read else { return };
    insta::assert_json_snapshot!(json!({
        "summary": read["summary"], "charts": read["charts"], "title": read["title"], "created": read["created"],
    }));
    assert_eq!(read["formulas"], json!([]));
}

fn charts() -> Value {
    let chart = |kind: &str, title: &str, order: u8, labels: Value, data: Value| json!({"aggr": {"label": labels, "data": data}, "opts": {"ct": kind, "txt": title, "order": order, "limit": 3}});
    json!({
        "a": chart("doughnut", "Providers", 1, json!(["AWS", "=HYPERLINK(\"x\")", "<r>&</r>", "d", "e"]), json!([50, 30, 10, 6, 4])),
        "b": chart("polar", "=Rows!A1", 2, json!(["eu-1"]), json!([5])),
        "c": chart("total", "Tags", 3, json!(["a", "(other)"]), json!([50_000, 3])),
        "d": chart("bar", "Sizes", 4, json!(["\u{1}", "b"]), json!([2, 1])),
        "e": chart("pie", "OS", 5, json!(["Linux"]), json!([7])),
    })
}
