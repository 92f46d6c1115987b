//! Pages as they are written.

use super::{FORMAT, page};
use crate::artifact::test_support::written;
use bson::rawdoc;

#[test]
fn a_page_of_two_rows() {
    let rows = [
        rawdoc! {"hostname": "web1", "cpu": 4, "os": {"base": "Linux"}, "note": "<script>alert(\"1\")</script>\nline\u{1}"},
        rawdoc! {"hostname": "web2", "cpu": 0.5, "tags": ["a", "b"], "services": [{"name": "ssh", "port": 22, "none": null}, {"name": "http"}]},
    ];
    let page = written(&FORMAT, &rows, &[]);
    let style = page.find("<style>").unwrap()..page.find("</style>").unwrap();
    let drawing = page.find("<svg").unwrap()..page.find("</svg>").unwrap();
    let shown = [&page[..style.start], &page[style.end..drawing.start], &page[drawing.end..]].concat();
    insta::assert_snapshot!(shown.replace("><", ">\n<"));
}

#[test]
fn a_page_without_rows_is_whole() {
    let page = written(&FORMAT, &[], &[]);
    assert!(page.contains("There are no rows") && page.ends_with(page::BOTTOM), "{page}");
    assert_eq!(page.matches("</html>").count(), 1);
}

#[test]
fn long_cells_keep_all_their_text_in_a_box_that_keys_reach() {
    let text = "long ".repeat(1000);
    let page = written(&FORMAT, &[rawdoc! {"a": text.as_str()}], &[]);
    assert!(page.contains(&format!("<td><div class=\"long\" tabindex=\"0\">{text}</div></td>")));
}
