//! The name of an artifact's file.

use super::Format;
use crate::domain::Report;

/// The longest part that the report's name has in it, in characters.
const MAX_NAME: usize = 80;

/// A file name made of the report's name (or its table's), the date of its rows and the format's extension:
/// `linux-servers-2026-11-25.csv`. Letters and digits of any script stay; whatever else could mean something in a path, a
/// shell or a header becomes `-`.
#[must_use]
pub fn file_name(report: &Report, format: &Format) -> String {
    let table = report.table.to_string();
    let name = slug(if report.name.is_empty() { &table } else { &report.name });
    let name = if name.is_empty() { slug(&table) } else { name };
    let date = report.ended_at.unwrap_or(report.requested_at).format("%Y-%m-%d");
    format!("{name}-{date}.{}", format.extension)
}

fn slug(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-").chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_nothing_that_means_something_elsewhere() {
        assert_eq!(slug("Linux servers (prod)"), "Linux-servers-prod");
        assert_eq!(slug("../../etc/passwd\r\n\"x\""), "etc-passwd-x");
        assert_eq!(slug("Серверы & Ελλάδα"), "Серверы-Ελλάδα");
        assert_eq!(slug("…"), "");
    }
}
