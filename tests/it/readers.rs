//! Artifacts read back by programs that are not ours.

mod csv;
mod golden;
mod html;
mod inventory;
mod md;
mod pdf;
mod xlsx;
mod xml;

use bson::RawDocumentBuf;
use maestro_reports::artifact::{self, About, Layout, Options, Paths, Place};
use maestro_reports::domain::Row;
use std::path::PathBuf;
use tempfile::TempDir;

/// An artifact of these rows in a file: the folder, which goes when it is dropped, and the file's path.
fn written(format: &str, rows: &[RawDocumentBuf], options: &Options) -> (TempDir, PathBuf) {
    let rows: Vec<Row> = rows.iter().cloned().map(Row::from).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("artifact").with_extension(artifact::format(format).unwrap().extension);
    std::fs::write(&file, rendered(format, &rows, about(&rows, &options.columns), options)).unwrap();
    (folder, file)
}

/// An artifact's bytes.
fn rendered(format: &str, rows: &[Row], about: About, options: &Options) -> Vec<u8> {
    let mut render = (artifact::format(format).unwrap().render)(about, options);
    let mut out = Vec::new();
    render.begin(&mut out).unwrap();
    rows.iter().for_each(|row| render.row(row, &mut out).unwrap());
    render.end(&mut out).unwrap();
    out
}

/// A report that holds these rows and no others, with these columns or all.
fn about(rows: &[Row], columns: &[String]) -> About {
    let mut paths = Paths::default();
    rows.iter().flat_map(Row::fields).for_each(|field| paths.add(&field));
    let paths = paths.finish(&[]);
    let found = u64::try_from(rows.len()).unwrap();
    About {
        name: "Servers of Ελλάδα <&>".to_owned(),
        component: "Servers".to_owned(),
        owner: None,
        conditions: vec!["OS base is Linux".to_owned()],
        selection: Vec::new(),
        taken_at: "2018-11-28T02:00:00.123Z".parse().unwrap(),
        place: Place::whole(found),
        rows: found,
        charts: serde_json::Value::Null,
        layout: Layout::of_columns(&paths, columns).unwrap(),
    }
}
