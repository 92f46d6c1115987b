//! How the page looks.

use crate::chart;

const PAGE: &str = include_str!("page.css");
const PARAGRAPHS: &str = include_str!("paragraphs.css");

/// A table with more columns is not legible across a sheet of paper: each row is printed as a paragraph instead.
const COLUMNS_ACROSS: usize = 12;
/// A table with more columns is printed across the long side of a sheet.
const COLUMNS_UPRIGHT: usize = 6;

/// The style sheet of a page whose table has these columns.
pub(super) fn sheet(headings: &[String]) -> String {
    let mut sheet = format!("{PAGE}{}", chart::CSS);
    if headings.len() > COLUMNS_UPRIGHT && headings.len() <= COLUMNS_ACROSS {
        sheet.push_str("@page{size:landscape}");
    }
    if headings.len() > COLUMNS_ACROSS {
        sheet.push_str(&paragraphs(headings));
    }
    sheet
}

/// Rows as paragraphs in print: each value behind its heading, empty ones left out.
fn paragraphs(headings: &[String]) -> String {
    let heading = |(place, heading): (usize, &String)| {
        format!("tbody>tr>:nth-child({})::before{{content:\"{}: \"}}", place + 1, escaped(heading))
    };
    let headings: String = headings.iter().enumerate().map(heading).collect();
    format!("@media print{{{PARAGRAPHS}{headings}}}")
}

/// The text inside of a CSS string (CSS Syntax, section 4.3.7): whatever could mean something is written as its number.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '\0' => "\u{fffd}".to_owned(),
        c if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') => c.to_string(),
        other => format!("\\{:x} ", u32::from(other)),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_cannot_leave_its_place() {
        let headings: Vec<String> = (0..13).map(|n| format!("\"}}</style><b>\\{n}")).collect();
        let sheet = sheet(&headings);
        assert!(!sheet.contains('<') && !sheet.contains("\"}</"), "{sheet}");
        assert!(sheet.contains(r#"content:"\22 \7d \3c \2f style\3e \3c b\3e \5c 7: ""#), "{sheet}");
        assert_eq!(escaped("os.base_é-1"), "os.base_é-1");
    }
}
