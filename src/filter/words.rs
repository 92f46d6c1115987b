//! Filters in words, for people.

use super::parse::{self, DateOp, Filter, NumberOp, Test, TextOp};
use super::pivot::CHAIN;
use chrono::{DateTime, SecondsFormat, Timelike, Utc};
use serde_json::Value;

/// What the filters of a report ask, a phrase each: `os.base is "Linux"`; of a pivot report with the component in front:
/// `servers: cpu is at least 4`, and `systems: all` where one is joined without filters. What is not understood is shown
/// as JSON.
#[must_use]
pub fn words(filters: &Value) -> Vec<String> {
    let Value::Object(components) = filters else { return list(filters) };
    let joined = CHAIN.iter().filter_map(|(component, _)| Some((component, components.get(*component)?)));
    let enabled = joined.filter(|(_, pivot)| pivot.get("enabled") == Some(&Value::Bool(true)));
    enabled
        .flat_map(|(component, pivot)| {
            let phrases = list(pivot.get("filters").unwrap_or(&Value::Null));
            let phrases = if phrases.is_empty() { vec!["all".to_owned()] } else { phrases };
            phrases.into_iter().map(move |phrase| format!("{component}: {phrase}"))
        })
        .collect()
}

fn list(filters: &Value) -> Vec<String> {
    match parse::list(Some(filters), "filters") {
        Ok(filters) => filters.iter().map(phrase).collect(),
        Err(_) => vec![filters.to_string()],
    }
}

fn phrase(Filter { field, test }: &Filter) -> String {
    match test {
        Test::Text(TextOp::Equal, text) | Test::Choice(text) => format!("{field} is {text:?}"),
        Test::Text(TextOp::NotEqual, text) => format!("{field} is not {text:?}"),
        Test::Text(TextOp::Contain, text) => format!("{field} contains {text:?}"),
        Test::Text(TextOp::NotContain, text) => format!("{field} does not contain {text:?}"),
        Test::Flag(flag) => format!("{field} is {flag}"),
        Test::Number(NumberOp::AtLeast, number) => format!("{field} is at least {number}"),
        Test::Number(NumberOp::Equal, number) => format!("{field} is {number}"),
        Test::Number(NumberOp::AtMost, number) => format!("{field} is at most {number}"),
        Test::Date(DateOp::AtOrAfter, date) => format!("{field} is {} or later", moment(*date)),
        Test::Date(DateOp::SameDay, date) => format!("{field} is on {}", date.format("%Y-%m-%d")),
        Test::Date(DateOp::AtOrBefore, date) => format!("{field} is {} or earlier", moment(*date)),
        Test::Object(sub) => format!("{field}.{} is {:?}", sub.field, sub.value),
        Test::Array(sub) => format!("{field} has an element with {} {:?}", sub.field, sub.value),
    }
}

/// A date with as much of its time as it has.
fn moment(date: DateTime<Utc>) -> String {
    if date.num_seconds_from_midnight() == 0 && date.nanosecond() == 0 {
        return date.format("%Y-%m-%d").to_string();
    }
    date.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_of_filter_has_its_words() {
        let filter = |typ: &str, comparer: &str, value: &str| {
            let field = if typ == "date" { "created_at" } else { "f" };
            json!({"field": field, "typ": typ, "comparer": comparer, "filter": value, "subfield": "s", "subfilter": value})
        };
        let filters = json!([
            filter("string", "", "a\"b"),
            filter("string", "not equal", "a"),
            filter("string", "contain", "a"),
            filter("string", "not contain", "a"),
            filter("boolean", "", "true"),
            filter("select", "", "x"),
            filter("number", "greater", "4"),
            filter("number", "less", "0.5"),
            filter("date", "after", "2018-11-28"),
            filter("date", "same", "2018-11-28T02:00:00Z"),
            filter("date", "before", "2018-11-28T02:00:00.500Z"),
            filter("object", "", "v"),
            filter("array", "", "v"),
        ]);
        insta::assert_snapshot!(words(&filters).join("\n"));
    }

    #[test]
    fn a_pivot_names_what_is_joined() {
        let on = |filters: Value| json!({"enabled": true, "filters": filters});
        let cpu = json!([{"field": "cpu", "typ": "number", "comparer": "greater", "filter": 4}]);
        let filters = json!({"servers": on(cpu), "applications": on(json!([])), "clients": {"enabled": false}});
        assert_eq!(words(&filters), ["applications: all", "servers: cpu is at least 4"]);
        assert!(words(&Value::Null).is_empty());
        assert_eq!(words(&json!(["odd"])), [r#"["odd"]"#]);
    }
}
