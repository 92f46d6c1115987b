use super::*;
use crate::artifact::{Layout, Place};
use bson::{RawDocumentBuf, rawdoc};

fn about(headings: &[&str], found: u64) -> About {
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    About {
        name: "Servers".to_owned(),
        component: "Servers".to_owned(),
        owner: None,
        conditions: Vec::new(),
        selection: Vec::new(),
        taken_at: "2018-11-28T02:00:00Z".parse().unwrap(),
        place: Place { found, ..Place::default() },
        rows: found,
        charts: serde_json::Value::Null,
        layout: Layout::new(&headings),
    }
}

fn filled(about: About, rows: &[RawDocumentBuf], limits: Limits) -> Xlsx {
    let mut xlsx = Xlsx { about, book: Workbook::new(), limits, rows: None };
    let mut out = Vec::new();
    xlsx.begin(&mut out).unwrap();
    rows.iter().for_each(|row| xlsx.row(&row.clone().into(), &mut out).unwrap());
    assert!(out.is_empty());
    xlsx
}

fn bytes(mut xlsx: Xlsx) -> Vec<u8> {
    let mut out = Vec::new();
    xlsx.end(&mut out).unwrap();
    out
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let written = || {
        let rows = [rawdoc! {"a": 1, "b": bson::DateTime::MIN, "c": "=1", "d": 100_000_000_000_i64, "e": true}];
        bytes(filled(about(&["a", "b", "c", "d", "e"], 1), &rows, Limits::EXCEL))
    };
    let first = written();
    assert_eq!(first, written());
    assert!(first.starts_with(b"PK"));
}

#[test]
fn a_sheet_holds_what_excel_takes_and_says_what_is_left_out() {
    let rows: Vec<RawDocumentBuf> = (0..5).map(|n| rawdoc! {"a": n, "b": n, "c": "x".repeat(40_000)}).collect();
    let limits = Limits { lines: 4, columns: 2 };
    let mut xlsx = filled(about(&["a", "c", "b"], 5), &rows, limits);
    let held = xlsx.rows().unwrap();
    assert_eq!((held.written(), held.columns()), (3, 2));
    assert_eq!(
        held.cuts(),
        [
            "1 column is left out, as a sheet has 2 at most.",
            "3 cells are cut, as a cell takes 32,767 characters; each says so at its end.",
        ]
    );
    bytes(xlsx);
}

#[test]
fn a_report_without_rows_or_columns_is_a_workbook_too() {
    bytes(filled(about(&[], 0), &[], Limits::EXCEL));
    bytes(filled(about(&["a"], 0), &[], Limits::EXCEL));
}
