use crate::support::python::python;
use bson::rawdoc;
use maestro_reports::artifact::Options;
use serde_json::{Value, json};

/// The texts of the table's cells, a new line for each break.
const READ: &str = "
import json, sys
from markdown_it import MarkdownIt

with open(sys.argv[1], encoding='utf-8', newline='') as file:
    tokens = MarkdownIt('commonmark', {'html': True}).enable(['table', 'strikethrough']).parse(file.read())
def text(token):
    known = {'text': token.content, 'text_special': token.content, 'softbreak': '\\n', 'html_inline': '\\n'}
    assert token.type in known and (token.type != 'html_inline' or token.content == '<br>'), token
    return known[token.type]
rows, heading = [], None
for before, token in zip(tokens, tokens[1:]):
    if before.type == 'tr_open':
        rows.append([])
    if token.type == 'inline' and before.type in ('th_open', 'td_open'):
        rows[-1].append(''.join(map(text, token.children)))
    if token.type == 'inline' and before.type == 'heading_open':
        heading = ''.join(map(text, token.children))
print(json.dumps([heading, rows]))
";

#[test]
fn a_reader_of_markdown_finds_the_cells_that_were_written() {
    let rows = [
        rawdoc! {"a": "x|y\\|z `c` *d* _e_ ~~f~~", "b_c": {"d": "1\r\n2"}, "Ελλ": -1.5},
        rawdoc! {"a": "<script>&amp;</script> [l](http://x) ![i](y)", "b_c": {"d": "# $x$"}, "long": "é_".repeat(100_000)},
    ];
    let (_folder, file) = super::written("md", &rows, &Options::default());
    let Some(read) = python(READ, &[file.to_str().unwrap()]) else { return };
    let expected = json!([
        "Servers of Ελλάδα <&>",
        [
            ["a", "b_c.d", "long", "Ελλ"],
            ["x|y\\|z `c` *d* _e_ ~~f~~", "1\n2", "", "-1.5"],
            ["<script>&amp;</script> [l](http://x) ![i](y)", "# $x$", "é_".repeat(100_000), ""],
        ]
    ]);
    assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), expected);
}
