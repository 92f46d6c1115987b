//! Filters as a command line gives them: `cpu>=4`.

use super::FilterError;
use super::parse::{date, error, filter, number};
use crate::domain::{is_date_key, is_id_key};
use serde_json::{Value, json};

/// Longer ones first, so that `!=` is not read as `=`.
const OPERATORS: [&str; 6] = ["!=", "!~", ">=", "<=", "=", "~"];

/// Reads a filter of the form `PATH OPERATOR VALUE` into the filter object of the web client (contract §4).
///
/// | operator | holds where | value |
/// |---|---|---|
/// | `=` | the field equals; a text that reads as a number or a boolean equals these too; a field ending in `_at` falls on that day | text, ISO date |
/// | `!=` | `=` does not hold, or the field is missing (not for ids and dates) | text |
/// | `~`, `!~` | the field contains the text, or does not (a missing field does not) | text |
/// | `>=`, `<=` | at least, at most; for a field ending in `_at` at or after, at or before | number, ISO date |
///
/// A path with a dot names a field of an object or of the elements of a list (`os.base=Linux`, `tags.key=env`); two such
/// filters need not hold in the same element. Spaces around path, operator and value do not count.
///
/// # Errors
/// Names the filter and what was expected.
pub fn text(text: &str) -> Result<Value, FilterError> {
    let shown: String = text.chars().take(60).collect();
    let place = format!("--filter {shown:?}");
    let split = text.find(['=', '!', '~', '<', '>']).and_then(|at| {
        let (path, rest) = text.split_at(at);
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?;
        Some((path.trim(), operator, rest[operator.len()..].trim()))
    });
    let Some((path, operator, value)) = split else {
        return Err(error(&place, "expected PATH OPERATOR VALUE with one of the operators = != ~ !~ >= <="));
    };
    let item = item(path, operator, value).ok_or_else(|| {
        error(&place, format!("expected a number after {operator}, or an ISO 8601 date for a field ending in _at"))
    })?;
    filter(&item, &place)?;
    Ok(item)
}

fn item(path: &str, operator: &str, value: &str) -> Option<Value> {
    let simple = |typ: &str, comparer: &str| json!({"field": path, "typ": typ, "comparer": comparer, "filter": value});
    let is_date = is_date_key(path) && date(value).is_some();
    Some(match operator {
        "=" if is_date => simple("date", "same"),
        "=" => match path.rsplit_once('.') {
            Some((field, subfield)) if !is_id_key(path) => {
                json!({"field": field, "typ": "object", "comparer": "equal", "subfield": subfield, "subfilter": value})
            }
            _ => simple("string", "equal"),
        },
        "!=" => simple("string", "not equal"),
        "~" => simple("string", "contain"),
        "!~" => simple("string", "not contain"),
        _ => {
            let comparers = if operator == ">=" { ("after", "greater") } else { ("before", "less") };
            match number(value) {
                _ if is_date => simple("date", comparers.0),
                Some(_) => simple("number", comparers.1),
                None => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::general;

    #[test]
    fn each_operator_becomes_a_filter_of_the_web_client() {
        for (line, query) in [
            ("os.base=Linux", json!({"os.base": {"$in": ["Linux"]}})),
            ("cpu = 4", json!({"cpu": {"$in": ["4", 4]}})),
            ("cpu>=4", json!({"cpu": {"$gte": 4}})),
            ("memory <= 1.5", json!({"memory": {"$lte": 1.5}})),
            ("hostname~web", json!({"hostname": {"$regex": "web"}})),
            ("os.dist!~a=b", json!({"os.dist": {"$not": {"$regex": "a=b"}}})),
            ("status!=stopped", json!({"status": {"$nin": ["stopped"]}})),
            ("active=true", json!({"active": {"$in": ["true", true]}})),
            ("updated_at>=2020-01-02", json!({"updated_at": {"$gte": "2020-01-02T00:00:00"}})),
            (
                "updated_at=2020-01-02",
                json!({"updated_at": {"$gte": "2020-01-02T00:00:00", "$lt": "2020-01-03T00:00:00"}}),
            ),
            ("datacenters._id=5c0000000000000000000001", json!({"datacenters._id": "5c0000000000000000000001"})),
        ] {
            let filters = json!([text(line).unwrap()]);
            let general = general(&filters).unwrap();
            assert_eq!(Value::Object(general.query), query, "{line}");
            assert_eq!(general.residual, None, "{line}");
        }
    }

    #[test]
    fn a_filter_that_is_not_understood_is_named() {
        for bad in
            ["", "cpu", "cpu>4", "cpu>=four", "=4", "a b=4", "$where=1", "updated_at>=4x", "_id=5c", "_id!=5c", "a!b"]
        {
            let refused = text(bad).unwrap_err();
            assert!(refused.path.starts_with(&format!("--filter {bad:?}")), "{refused}");
        }
    }
}
