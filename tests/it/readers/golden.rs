//! One table with everything that is hard, in every format: as a snapshot, and read back by a program that is not ours.

use super::written;
use crate::support::python::python;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use maestro_reports::artifact::{FORMATS, Options};
use regex::{Captures, Regex};
use std::process::Command;

/// Prints what a person or program sees in the file: `READ[format](path)`.
const READ: &str = r#"
import csv, json, subprocess, sys
csv.field_size_limit(10**7)

def show(*values):
    print(json.dumps(values, ensure_ascii=False))

def text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()

def read_csv(path):
    for row in csv.reader(text(path).splitlines(keepends=True)):
        show(*row)

def read_json(path):
    page = json.loads(text(path))
    show(page["found"], page["total_pages"], page["page"], page["limit"])
    for row in page["items"]:
        show(row)

def read_ndjson(path):
    for line in text(path).split("\n")[:-1]:
        show(json.loads(line))

def read_xml(path):
    from lxml import etree
    root = etree.parse(path, etree.XMLParser(huge_tree=True)).getroot()
    show(dict(root.attrib))
    for row in root:
        show(*[[child.get("name", child.tag), "".join(child.itertext())] for child in row])

def read_html(path):
    from lxml import html
    root = html.parse(path, html.HTMLParser(huge_tree=True, encoding="utf-8")).getroot()
    show([element.tag for element in root.iter("script", "iframe", "object", "link", "img")])
    for row in root.iter("tr"):
        show(*[" ".join(cell.text_content().split()) for cell in row])

def read_xlsx(path):
    from openpyxl import load_workbook
    book = load_workbook(path)
    for sheet in book:
        show(sheet.title, sheet.dimensions)
        for row in sheet.iter_rows():
            show(*[[str(cell.value), cell.data_type] for cell in row if cell.value is not None])

def read_inventory(path, suffix=".ini"):
    named = path + suffix
    with open(named, "w", encoding="utf-8", newline="") as file:
        file.write(text(path))
    command = [sys.executable.rsplit("/", 1)[0] + "/ansible-inventory", "-i", named, "--list"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": path + ".home", "LC_ALL": "C.UTF-8", "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true"})
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    for host, variables in sorted(read["_meta"]["hostvars"].items()):
        show(host, variables)
    for group, content in sorted(read.items()):
        if group != "_meta":
            show(group, content)

READ = {name[5:]: function for name, function in list(globals().items()) if name.startswith("read_")}
READ["inventory-yaml"] = lambda path: read_inventory(path, ".yml")
READ[sys.argv[1]](sys.argv[2])
"#;

#[test]
fn the_golden_table_is_the_same_to_every_reader() {
    let rows = golden();
    for format in FORMATS {
        let (_folder, file) = written(format.name, &rows, &Options::default());
        let path = file.to_str().unwrap();
        let Some(read) = seen(format.name, path) else { return };
        insta::assert_snapshot!(format!("golden_{}", format.name), masked(&read));
    }
}

/// What a reader sees; nothing where it is missing.
fn seen(format: &str, path: &str) -> Option<String> {
    match format {
        "pdf" => {
            let checked = Command::new("qpdf").args(["--check", path]).output().unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
            let read = Command::new("pdftotext").args(["-layout", path, "-"]).output().unwrap();
            assert!(read.status.success());
            Some(String::from_utf8(read.stdout).unwrap())
        }
        // They are for people; the file itself is what is seen.
        "txt" | "md" => Some(std::fs::read_to_string(path).unwrap()),
        _ => python(READ, &[format, path]),
    }
}

/// Long runs of one letter are told by their length.
fn masked(text: &str) -> String {
    let runs = Regex::new("x{60,}").unwrap();
    runs.replace_all(text, |run: &Captures<'_>| format!("<{} × x>", run[0].len())).into_owned()
}

fn golden() -> Vec<RawDocumentBuf> {
    let rows = [plain(), scripts(), formulas(), marks(), wide(), long(), odd()];
    rows.into_iter()
        .enumerate()
        .map(|(number, mut row)| {
            let mut id = [0x5c; 12];
            id[11] = u8::try_from(number).unwrap();
            row.insert("_id", ObjectId::from_bytes(id));
            RawDocumentBuf::try_from(row).unwrap()
        })
        .collect()
}

fn plain() -> Document {
    doc! {
        "hostname": "web-1", "active": true, "cpu": 4, "price": 0.5, "none": Bson::Null, "role": "Web front",
        "ipv4_private": "10.0.0.1", "created_at": DateTime::from_millis(1_543_370_400_123),
        "datacenters": {"provider": "AWS", "region": "eu-west-1", "zone": Bson::Null}, "os": {"base": "Linux"},
        "tags": [{"key": "env", "value": "prod"}, {"key": "tier", "value": 1}],
        "lists": [[1, 2], [3, [4, "a"]], []], "services": ["ssh", "http"],
    }
}

fn scripts() -> Document {
    doc! {"hostname": "unicode-1", "role": "Ωμέγα", "note": "Ж é e\u{301} 日本 العربية 🚀 ﬁ \u{200b}| end"}
}

fn formulas() -> Document {
    doc! {
        "hostname": "formula-1", "role": "=1+1", "note": "+cmd|' /C calc'!A0", "name": "-2+3", "owner": "@SUM(A1)",
        "url": "\t=HYPERLINK(\"http://x\")", "negative": "-5",
    }
}

fn marks() -> Document {
    doc! {
        "hostname": "marks-1", "role": "a,b;\"c\"\r\nd", "note": "<script>alert(1)</script> &amp; ]]> \\ | `x` *y* {{ 7*7 }}",
        "name": "it's\n[all:vars]\nansible_connection=local",
    }
}

fn wide() -> Document {
    let columns = (0..100).map(|number| (format!("c{number:03}"), Bson::Int32(number)));
    [("hostname".to_owned(), Bson::from("wide-1"))].into_iter().chain(columns).collect()
}

fn long() -> Document {
    doc! {"hostname": "long-1", "note": "x".repeat(1_000_000)}
}

fn odd() -> Document {
    doc! {
        "role": "", "services": [], "os": {}, "cpu": -1, "big": 9_007_199_254_740_993_i64, "price": f64::NAN, "note": "no host\u{7}name",
        "created_at": DateTime::from_millis(-3_000_000_000_000), "expires_at": DateTime::from_millis(253_402_300_799_000),
    }
}
