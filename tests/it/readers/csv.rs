use crate::support::python::python;
use bson::rawdoc;
use maestro_reports::artifact::{Dialect, Options};
use serde_json::{Value, json};

const READ: &str = "
import csv, json, sys
csv.field_size_limit(10**6)
with open(sys.argv[1], encoding='utf-8-sig', newline='') as file:
    print(json.dumps(list(csv.reader(file, delimiter=sys.argv[2]))))
";

#[test]
fn python_reads_the_cells_that_were_written() {
    let rows = [
        rawdoc! {"a": "x,\"y\"\r\nz;", "b": {"c": ["1", 2]}, "Ελλ": -1.5},
        rawdoc! {"a": "", "b": {"c": "\u{1}"}, "long": "é".repeat(300_000)},
    ];
    for separator in *b",;\t" {
        let options = Options { csv: Dialect { separator, bom: true, ..Dialect::default() }, ..Options::default() };
        let (_folder, file) = super::written("csv", &rows, &options);
        let separator = char::from(separator).to_string();
        let Some(read) = python(READ, &[file.to_str().unwrap(), &separator]) else { return };
        let expected = json!([
            ["a", "b.c", "long", "Ελλ"],
            ["x,\"y\"\r\nz;", "[\"1\",2]", "", "-1.5"],
            ["", "'\u{1}", "é".repeat(300_000), ""],
        ]);
        assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), expected);
    }
}
