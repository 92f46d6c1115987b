use super::{about, rendered, written};
use crate::support::tools::tool;
use bson::{RawDocumentBuf, doc, rawdoc};
use maestro_reports::artifact::{About, Options, Place};
use maestro_reports::domain::Row;
use serde_json::json;

/// The lines of a PDF that hold something, with spaces between what stands side by side; `qpdf` has found nothing wrong
/// with the file. `None` where a program is missing.
fn lines(bytes: &[u8]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("artifact.pdf");
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap();
    tool("qpdf", &["--check", path])?;
    let text = tool("pdftotext", &["-layout", path, "-"])?;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(text.lines().map(words).filter(|line| !line.is_empty()).collect())
}

fn lines_of(rows: &[RawDocumentBuf]) -> Option<Vec<String>> {
    let (_folder, file) = written("pdf", rows, &Options::default());
    lines(&std::fs::read(file).unwrap())
}

fn pdf(rows: &[RawDocumentBuf], change: impl Fn(&mut About)) -> Vec<u8> {
    let rows: Vec<Row> = rows.iter().cloned().map(Row::from).collect();
    let mut about = about(&rows, &[]);
    change(&mut about);
    rendered("pdf", &rows, about, &Options::default())
}

/// A report with something of everything.
fn golden() -> Vec<u8> {
    let rows = [
        rawdoc! {
            "name": "web-1 <&> =1+1", "cores": 4, "os": {"base": "Linux", "dist": null}, "tags": ["prod", "eu"],
            "seen_at": bson::DateTime::from_millis(1_543_370_400_123),
        },
        rawdoc! {"name": "Größe Ελλάδα Київ", "cores": 12.5, "os": {"base": "two\nlines"}, "tags": []},
        rawdoc! {"name": "中文 😀", "cores": null, "os": {"base": "x".repeat(1_000_000)}, "deep": [{"a": {"b": 1}}]},
    ];
    let counted = |kind: &str, title: &str, order: u32| {
        let aggr = json!({"label": ["Linux", "中", "Windows"], "data": [97, 2, 1]});
        json!({"aggr": aggr, "opts": {"ct": kind, "txt": title, "order": order}})
    };
    pdf(&rows, |about| {
        about.owner = Some("5c0000000000000000000001".parse().unwrap());
        about.selection = vec!["name contains e".to_owned()];
        about.place.found = 90_000;
        about.charts = json!({
            "os_base": counted("pie", "OS", 1), "size": counted("bar", "Size", 2), "tags": counted("total", "Tags", 3),
        });
    })
}

#[test]
fn a_report_is_read_as_it_was_written() {
    let Some(lines) = lines(&golden()) else { return };
    insta::assert_snapshot!("pdf", lines.join("\n"));
}

#[test]
fn the_same_report_is_the_same_bytes() {
    assert!(golden() == golden());
}

#[test]
fn every_row_is_a_line_and_every_page_has_its_heading_and_number() {
    let row = |n: i32| rawdoc! {"host": format!("web-{n}.example"), "n": n, "text": "some words"};
    let Some(lines) = lines_of(&(0..300).map(row).collect::<Vec<_>>()) else { return };
    for n in 0..300 {
        assert!(lines.contains(&format!("web-{n}.example {n} some words")), "row {n}");
    }
    let pages = lines.iter().filter(|line| *line == "host n text").count();
    assert!(pages > 4, "{pages}");
    for page in 1..=pages {
        assert!(lines.contains(&format!("300 rows {page} of {pages}")), "page {page}");
    }
}

#[test]
fn columns_without_room_are_named_and_the_leading_ones_are_there() {
    let row = |n: i32| {
        let row =
            (0..40).map(|column| (format!("column_{column:02}"), bson::Bson::from(format!("value {column} of {n}"))));
        RawDocumentBuf::try_from(row.collect::<bson::Document>()).unwrap()
    };
    let Some(lines) = lines_of(&(0..5).map(row).collect::<Vec<_>>()) else { return };
    let all = lines.join(" ");
    let shown: usize =
        all.split_once(" of 40: no more fit on a page.").unwrap().0.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((8..30).contains(&shown), "{shown}");
    assert!(all.contains(&format!("Left out: column_{shown}, ")) && all.contains(", column_39."), "{all}");
    assert!(all.contains("columns=column_00,column_01"));
    assert!(all.contains(&format!("column_{:02}", shown - 1)) && all.contains("value 0 of 4"), "{all}");
}

#[test]
fn an_empty_report_says_so() {
    let empty = pdf(&[], |about| about.place = Place::default());
    let Some(lines) = lines(&empty) else { return };
    assert!(lines.contains(&"There are no rows: nothing matches.".to_owned()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "0 rows 1 of 1");
}

#[test]
fn a_huge_row_does_not_fill_pages() {
    let rows: Vec<RawDocumentBuf> = (0..8)
        .map(|n| doc! {"n": n, "a": "word ".repeat(200_000), "b": "\n".repeat(100_000), "c": "y".repeat(100_000)})
        .map(|row| RawDocumentBuf::try_from(row).unwrap())
        .collect();
    let Some(lines) = lines_of(&rows) else { return };
    assert_eq!(lines.last().unwrap(), "8 rows 3 of 3");
    assert_eq!(lines.iter().filter(|line| line.contains("more characters")).count(), 8);
}
