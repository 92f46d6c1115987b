//! What a request asks of a format: which columns, and how CSV is written.

use super::error::Mistakes;
use super::params::Params;
use crate::artifact::{Dialect, Options};
use crate::filter::is_plain_path;

/// The most columns that can be asked for.
const MAX_COLUMNS: usize = 500;

/// Reads `columns`, and for CSV `index`, `bom`, `sep` and `raw`; notes everything that is wrong.
pub(super) fn read(params: &Params, mistakes: &mut Mistakes) -> Options {
    let mut flag = |name: &'static str| match params.get(name) {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => {
            mistakes.insert(name, "expected 1 or 0".to_owned());
            false
        }
    };
    let (index, bom, raw) = (flag("index"), flag("bom"), flag("raw"));
    let separator = separator(params.get("sep"), mistakes);
    let columns = columns(params.get("columns"), mistakes);
    Options::new(Dialect { index, bom, separator, raw }, columns, false)
}

fn separator(text: Option<&str>, mistakes: &mut Mistakes) -> u8 {
    Dialect::separator(text.unwrap_or(",")).unwrap_or_else(|| {
        mistakes.insert("sep", "expected a comma, a semicolon (%3B), a vertical bar or tab".to_owned());
        b','
    })
}

/// The columns in the order asked for.
fn columns(text: Option<&str>, mistakes: &mut Mistakes) -> Vec<String> {
    let columns = text.unwrap_or_default().split(',').map(str::trim).filter(|column| !column.is_empty());
    let mut columns: Vec<String> = columns.map(str::to_owned).collect();
    if columns.len() > MAX_COLUMNS || !columns.iter().all(|column| is_plain_path(column)) {
        let expected =
            format!("expected at most {MAX_COLUMNS} paths of letters, digits, _, - and ., separated by commas");
        mistakes.insert("columns", expected);
        columns.clear();
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> (Options, Vec<&'static str>) {
        let mut mistakes = Mistakes::new();
        let options = read(&Params::parse(query), &mut mistakes);
        (options, mistakes.into_keys().collect())
    }

    #[test]
    fn options_are_read_and_mistakes_named() {
        let (options, mistakes) = of("columns=hostname, os.base,hostname&index=1&bom=0&sep=%3B&raw=");
        assert_eq!((options.columns, mistakes), (vec!["hostname".to_owned(), "os.base".to_owned()], vec![]));
        assert_eq!(options.csv, Dialect { index: true, bom: false, separator: b';', raw: false });
        assert_eq!(of("columns=a,$b&index=yes&sep=xx&raw=true").1, ["columns", "index", "raw", "sep"]);
    }
}
