//! Artifacts of a few rows, for the tests of the formats.

use super::{About, Format, Layout, Options, Paths, Place};
use crate::domain::Row;
use bson::RawDocumentBuf;

/// An artifact of these rows, with these columns or all.
pub(super) fn written(format: &Format, rows: &[RawDocumentBuf], columns: &[&str]) -> String {
    let rows: Vec<Row> = rows.iter().cloned().map(Row::from).collect();
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let mut paths = Paths::default();
    rows.iter().flat_map(Row::fields).for_each(|field| paths.add(&field));
    let paths = paths.finish(&[]);
    let layout = Layout::of_columns(&paths, &columns).unwrap();
    let found = u64::try_from(rows.len()).unwrap();
    let about = About {
        name: "Servers of Ελλάδα <&\"\n>".to_owned(),
        component: "Servers".to_owned(),
        owner: None,
        conditions: vec!["os.base is \"Linux\"".to_owned(), "cpu is at least 4".to_owned()],
        selection: Vec::new(),
        taken_at: "2018-11-28T02:00:00.123Z".parse().unwrap(),
        place: Place::whole(found),
        rows: found,
        charts: serde_json::json!({"os_base": {
            "aggr": {"label": ["Linux", "<b>"], "data": [3, 1]}, "opts": {"ct": "bar", "txt": "OS", "size": "col-sm-8"},
        }}),
        layout,
    };
    let mut render = (format.render)(about, &Options { columns, ..Options::default() });
    let mut out = Vec::new();
    render.begin(&mut out).unwrap();
    rows.iter().for_each(|row| render.row(row, &mut out).unwrap());
    render.end(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
