//! The charts of a report's `aggr`, as this program or the Python service has stored it.

use super::count::OTHER;
use serde_json::{Map, Value};

/// Labels drawn where the options name no limit (contract §7).
const DEFAULT_LIMIT: usize = 15;

/// One chart: its labels with how often each was counted, and how it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its key in `aggr`, unique in a report.
    pub key: String,
    /// Its heading.
    pub title: String,
    /// How it is drawn.
    pub kind: Kind,
    /// Whether it takes two columns of three of a page.
    pub wide: bool,
    /// How many labels are drawn; what is beyond them becomes "others".
    pub limit: usize,
    /// Every label that was counted at least once, most frequent first.
    pub slices: Vec<Slice>,
    /// The sum of the labels that the counting itself put together as `(other)`.
    pub other: u64,
}

/// A label and how often it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The value, as it was found in the rows.
    pub label: String,
    /// How often.
    pub count: u64,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Parts of a whole as the parts of a ring.
    Doughnut,
    /// Equal angles, areas by count.
    Polar,
    /// Parts of a whole as the parts of a disc.
    Pie,
    /// Horizontal bars.
    Bar,
    /// A list of big numbers.
    Total,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        [Self::Doughnut, Self::Polar, Self::Pie, Self::Bar, Self::Total].into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in the options (`ct`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Doughnut => "doughnut",
            Self::Polar => "polar",
            Self::Pie => "pie",
            Self::Bar => "bar",
            Self::Total => "total",
        }
    }
}

/// The charts of `aggr` in the order in which they are shown. An entry that is no chart, or has counted nothing, is left
/// out.
#[must_use]
pub fn charts(aggr: &Value) -> Vec<Chart> {
    let mut charts: Vec<(u64, Chart)> =
        aggr.as_object().into_iter().flatten().filter_map(|(key, entry)| chart(key, entry)).collect();
    charts.sort_by_key(|(order, _)| *order);
    charts.into_iter().map(|(_, chart)| chart).collect()
}

/// A chart and its place among the others.
fn chart(key: &str, entry: &Value) -> Option<(u64, Chart)> {
    let opts = entry.get("opts")?.as_object()?;
    let text = |name: &str| opts.get(name).and_then(Value::as_str);
    let kind = Kind::of(text("ct")?)?;
    let (mut other, mut slices) = (0, Vec::new());
    for (label, count) in pairs(entry.get("aggr")?.as_object()?)? {
        if label == OTHER {
            other = count;
        } else {
            slices.push(Slice { label, count });
        }
    }
    if slices.is_empty() && other == 0 {
        return None;
    }
    slices.sort_by_key(|slice| std::cmp::Reverse(slice.count));
    let whole = |name: &str| opts.get(name).and_then(count);
    let chart = Chart {
        key: key.to_owned(),
        title: text("txt").unwrap_or(key).to_owned(),
        kind,
        wide: text("size") == Some("col-sm-8"),
        limit: whole("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT),
        slices,
        other,
    };
    Some((whole("order").unwrap_or(u64::MAX), chart))
}

/// The labels with their counts, from the two lists.
fn pairs(aggr: &Map<String, Value>) -> Option<impl Iterator<Item = (String, u64)>> {
    let (labels, data) = (aggr.get("label")?.as_array()?, aggr.get("data")?.as_array()?);
    let text = |label: &Value| label.as_str().map_or_else(|| label.to_string(), str::to_owned);
    Some(labels.iter().zip(data).filter_map(move |(label, data)| Some((text(label), count(data)?))))
}

/// A number above zero. Databases also give whole numbers as floating point numbers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn count(value: &Value) -> Option<u64> {
    let float = || value.as_f64().map(|number| number.round() as u64);
    value.as_u64().or_else(float).filter(|count| *count > 0)
}

impl Chart {
    /// The sum of all counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.slices.iter().map(|slice| slice.count).fold(self.other, u64::saturating_add)
    }

    /// What is drawn: the labels within the limit, and one slice for all others where there are any.
    #[must_use]
    pub fn shown(&self) -> (&[Slice], Option<Slice>) {
        let (shown, beyond) = self.slices.split_at(self.limit.min(self.slices.len()));
        let count = beyond.iter().map(|slice| slice.count).fold(self.other, u64::saturating_add);
        let number = match (beyond.len(), self.other) {
            (labels, 0) => labels.to_string(),
            (labels, _) => format!("at least {}", labels + 1),
        };
        let label = match self.kind {
            Kind::Total => format!("and {number} more"),
            Kind::Doughnut | Kind::Polar | Kind::Pie | Kind::Bar => format!("others ({number})"),
        };
        (shown, (count > 0).then_some(Slice { label, count }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::RULES;
    use super::*;
    use serde_json::json;

    fn one(label: Value, data: Value, opts: Value) -> Option<Chart> {
        charts(&json!({"key": {"aggr": {"label": label, "data": data}, "opts": opts}})).pop()
    }

    fn texts(slices: &[Slice]) -> Vec<(&str, u64)> {
        slices.iter().map(|slice| (slice.label.as_str(), slice.count)).collect()
    }

    #[test]
    fn every_rule_is_of_a_kind_that_is_drawn() {
        for rule in RULES {
            assert!(Kind::of(rule.chart).is_some(), "{rule:?}");
        }
    }

    #[test]
    fn options_say_how_a_chart_is_drawn() {
        let opts = json!({"ct": "bar", "txt": "Apps", "order": 9, "size": "col-sm-8", "legend": false, "limit": 2});
        let chart = one(json!(["a"]), json!([1]), opts).unwrap();
        assert_eq!((chart.title.as_str(), chart.kind, chart.wide, chart.limit), ("Apps", Kind::Bar, true, 2));
        let chart = one(json!(["a"]), json!([1]), json!({"ct": "pie"})).unwrap();
        assert_eq!((chart.title.as_str(), chart.kind, chart.wide, chart.limit), ("key", Kind::Pie, false, 15));
    }

    #[test]
    fn charts_come_in_their_order() {
        let entry =
            |order: Value| json!({"aggr": {"label": ["a"], "data": [1]}, "opts": {"ct": "pie", "order": order}});
        let aggr =
            json!({"none": entry(Value::Null), "b": entry(json!(2)), "c": entry(json!(1.0)), "a": entry(json!(2))});
        let keys: Vec<String> = charts(&aggr).into_iter().map(|chart| chart.key).collect();
        assert_eq!(keys, ["c", "b", "a", "none"]);
    }

    #[test]
    fn labels_of_any_type_are_texts_and_only_positive_counts_are_kept() {
        let labels = json!(["a", true, 3, null, "zero", "minus", "no number", "huge", "beyond the counts"]);
        let data = json!([1, 2.0, 30, 4, 0, -5, "6", 1e300]);
        let chart = one(labels, data, json!({"ct": "pie"})).unwrap();
        let counted = [("huge", u64::MAX), ("3", 30), ("null", 4), ("true", 2), ("a", 1)];
        assert_eq!(texts(&chart.slices), counted);
        assert_eq!(chart.total(), u64::MAX);
    }

    #[test]
    fn what_is_no_chart_is_left_out() {
        let good = json!({"label": ["a"], "data": [1]});
        let broken = json!({
            "1": null, "2": {}, "3": {"aggr": good, "opts": {}}, "4": {"aggr": good, "opts": {"ct": "map"}},
            "5": {"aggr": {"label": "a", "data": [1]}, "opts": {"ct": "pie"}},
            "6": {"aggr": {"label": ["a"], "data": [0]}, "opts": {"ct": "pie"}},
            "7": {"aggr": [], "opts": {"ct": "pie"}},
        });
        assert_eq!(charts(&broken), []);
        assert_eq!(charts(&Value::Null), []);
    }

    #[test]
    fn what_is_beyond_the_limit_and_what_was_not_remembered_are_others() {
        let shown = |kind: &str, labels: Value, data: Value| {
            let chart = one(labels, data, json!({"ct": kind, "limit": 2})).unwrap();
            let (shown, others) = chart.shown();
            let shown = shown.iter().cloned().chain(others).map(|slice| format!("{} {}", slice.label, slice.count));
            shown.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown("pie", json!(["a", "b"]), json!([3, 2])), "a 3, b 2");
        let four = || (json!(["a", "b", "c", "d"]), json!([4, 3, 2, 1]));
        assert_eq!(shown("pie", four().0, four().1), "a 4, b 3, others (2) 3");
        assert_eq!(shown("total", four().0, four().1), "a 4, b 3, and 2 more 3");
        assert_eq!(shown("bar", json!(["a", "(other)"]), json!([3, 9])), "a 3, others (at least 1) 9");
        let many = shown("total", json!(["a", "b", "c", "(other)"]), json!([4, 3, 2, 9]));
        assert_eq!(many, "a 4, b 3, and at least 2 more 11");
    }
}
