//! The key figures: how much there is, and what is most frequent.

use super::about::{About, grouped};
use crate::chart::{Chart, Kind};

/// Charts whose most frequent value is told.
const MAX_CHARTS: usize = 3;

/// A number that is read at a glance.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) number: String,
    /// What there is so many of.
    pub(super) label: String,
    /// Of what it is a part.
    pub(super) of: String,
}

/// Rows, columns, and of the first charts that show parts of a whole the most frequent value with its share.
pub(super) fn figures(about: &About, charts: &[Chart]) -> Vec<Figure> {
    let columns = about.layout.headings().len();
    let count = |number: u64, one: &str, many: &str, of: String| Figure {
        number: grouped(number),
        label: if number == 1 { one } else { many }.to_owned(),
        of,
    };
    let here = if about.rows < about.place.found { format!("{} here", grouped(about.rows)) } else { String::new() };
    let rows = count(about.place.found, "row", "rows", here);
    let columns = count(columns as u64, "column", "columns", String::new());
    let parts = charts.iter().filter(|chart| matches!(chart.kind, Kind::Doughnut | Kind::Pie | Kind::Polar));
    [rows, columns].into_iter().chain(parts.filter_map(most_frequent).take(MAX_CHARTS)).collect()
}

fn most_frequent(chart: &Chart) -> Option<Figure> {
    let first = chart.slices.first()?;
    let share = 100.0 * first.count as f64 / chart.total() as f64;
    // 99.96 is not all.
    let number = match share {
        share if share < 1.0 => "< 1 %".to_owned(),
        share if share < 100.0 => format!("{:.0} %", share.min(99.0)),
        _ => "100 %".to_owned(),
    };
    Some(Figure { number, label: first.label.clone(), of: chart.title.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::charts;
    use serde_json::json;

    fn share(counts: &[u64]) -> Option<String> {
        let labels: Vec<String> = (0..counts.len()).map(|n| n.to_string()).collect();
        let aggr = json!({"label": labels, "data": counts});
        let charts = charts(&json!({"key": {"aggr": aggr, "opts": {"ct": "pie", "txt": "OS"}}}));
        charts.iter().find_map(most_frequent).map(|figure| figure.number)
    }

    #[test]
    fn only_the_whole_is_a_hundred_percent_and_only_nothing_none() {
        assert_eq!(share(&[3]).as_deref(), Some("100 %"));
        assert_eq!(share(&[9_999, 1]).as_deref(), Some("99 %"));
        assert_eq!(share(&[2, 1]).as_deref(), Some("67 %"));
        assert_eq!(share(&[1; 1_000]).as_deref(), Some("< 1 %"));
        assert_eq!(share(&[]), None);
    }
}
