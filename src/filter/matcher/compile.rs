//! A condition's document, read once.

use super::path::Path;
use super::{BadCondition, Comparison, Node, Predicate, Test, order, pattern};
use bson::raw::RawBson;
use bson::{Bson, Document};

/// How deeply conditions may be nested in one another.
const MAX_DEPTH: usize = 32;

/// Where in the condition we are; the depth bounds the recursion.
#[derive(Clone)]
struct Place {
    path: String,
    depth: usize,
}

impl Place {
    fn key(&self, key: &str) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, depth: self.depth + 1 }
    }

    fn index(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), depth: self.depth }
    }

    fn bad(&self, what: impl Into<String>) -> BadCondition {
        BadCondition { path: self.path.clone(), what: what.into() }
    }
}

pub(super) fn condition(condition: &Document) -> Result<Node, BadCondition> {
    node(condition, &Place { path: String::new(), depth: 0 })
}

fn node(condition: &Document, at: &Place) -> Result<Node, BadCondition> {
    if at.depth > MAX_DEPTH {
        return Err(at.bad(format!("expected at most {MAX_DEPTH} levels")));
    }
    let mut nodes = Vec::with_capacity(condition.len());
    for (key, value) in condition {
        let at = at.key(key);
        nodes.push(match key.as_str() {
            "$and" => Node::And(branches(value, &at)?),
            "$or" => Node::Or(branches(value, &at)?),
            "$nor" => Node::Not(Box::new(Node::Or(branches(value, &at)?))),
            operator if operator.starts_with('$') => return Err(at.bad("unknown operator")),
            path => Node::Field(Path::new(path), field(value, &at)?),
        });
    }
    Ok(match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => Node::And(nodes.into_iter().chain(last).collect()),
    })
}

fn branches(value: &Bson, at: &Place) -> Result<Vec<Node>, BadCondition> {
    let branches = list(value, at)?;
    if branches.is_empty() {
        return Err(at.bad("expected at least one condition"));
    }
    let branch = |(index, branch): (usize, &Bson)| {
        let at = at.index(index);
        node(branch.as_document().ok_or_else(|| at.bad("expected a condition"))?, &at)
    };
    branches.iter().enumerate().map(branch).collect()
}

/// What stands beside a path: operators, a regular expression, or the value wanted.
fn field(value: &Bson, at: &Place) -> Result<Predicate, BadCondition> {
    if let Some(operators) = as_operators(value) {
        return predicate(operators, at);
    }
    if let Bson::RegularExpression(regex) = value {
        return stored_pattern(regex, at);
    }
    compare(Comparison::Equal, value, at)
}

/// A document whose first key is an operator; any other document is a value.
fn as_operators(value: &Bson) -> Option<&Document> {
    value.as_document().filter(|document| document.keys().next().is_some_and(|key| key.starts_with('$')))
}

fn predicate(operators: &Document, at: &Place) -> Result<Predicate, BadCondition> {
    if at.depth > MAX_DEPTH {
        return Err(at.bad(format!("expected at most {MAX_DEPTH} levels")));
    }
    let all: Vec<_> = operators
        .iter()
        .filter(|(operator, _)| *operator != "$options" || !operators.contains_key("$regex"))
        .map(|(operator, value)| operation(operator, value, operators, &at.key(operator)))
        .collect::<Result<_, _>>()?;
    Ok(all_of(all))
}

fn operation(operator: &str, value: &Bson, operators: &Document, at: &Place) -> Result<Predicate, BadCondition> {
    match operator {
        "$eq" => compare(Comparison::Equal, value, at),
        "$ne" => Ok(not(compare(Comparison::Equal, value, at)?)),
        "$gt" => compare(Comparison::Greater, value, at),
        "$gte" => compare(Comparison::GreaterOrEqual, value, at),
        "$lt" => compare(Comparison::Less, value, at),
        "$lte" => compare(Comparison::LessOrEqual, value, at),
        "$in" => one_of(value, at),
        "$nin" => Ok(not(one_of(value, at)?)),
        "$exists" => Ok(if truth(value) { Predicate::Some(Test::Exists) } else { not(Predicate::Some(Test::Exists)) }),
        "$not" => negated(value, at),
        "$regex" => regex(value, operators.get("$options"), at),
        "$all" => every(value, at),
        "$elemMatch" => element(value, at),
        "$options" => Err(at.bad("expected $regex beside it")),
        _ => Err(at.bad("unknown operator")),
    }
}

fn compare(comparison: Comparison, value: &Bson, at: &Place) -> Result<Predicate, BadCondition> {
    Ok(Predicate::Some(Test::Compare(comparison, wanted(value, at)?)))
}

fn one_of(value: &Bson, at: &Place) -> Result<Predicate, BadCondition> {
    let mut values = list(value, at)?
        .iter()
        .enumerate()
        .map(|(index, value)| plain(value, &at.index(index)))
        .collect::<Result<Vec<_>, _>>()?;
    values.sort_by(|a, b| order::compare(a.as_raw_bson_ref(), b.as_raw_bson_ref()));
    Ok(Predicate::Some(Test::In(values)))
}

fn negated(value: &Bson, at: &Place) -> Result<Predicate, BadCondition> {
    match (value, as_operators(value)) {
        (_, Some(operators)) => Ok(not(predicate(operators, at)?)),
        (Bson::RegularExpression(regex), None) => Ok(not(stored_pattern(regex, at)?)),
        _ => Err(at.bad("expected operators or a regular expression")),
    }
}

fn regex(value: &Bson, options: Option<&Bson>, at: &Place) -> Result<Predicate, BadCondition> {
    let options = match options {
        Some(options) => Some(options.as_str().ok_or_else(|| at.bad("expected $options to be a text"))?),
        None => None,
    };
    let (source, own_options) = match (value, value.as_str()) {
        (Bson::RegularExpression(regex), _) => (regex.pattern.as_str(), regex.options.as_str()),
        (_, Some(source)) => (source, ""),
        _ => return Err(at.bad("expected a text")),
    };
    if options.is_some() && !own_options.is_empty() {
        return Err(at.bad("expected the options in one place"));
    }
    let pattern = pattern::compile(source, options.unwrap_or(own_options)).map_err(|what| at.bad(what))?;
    Ok(Predicate::Some(Test::Pattern(pattern)))
}

fn stored_pattern(regex: &bson::Regex, at: &Place) -> Result<Predicate, BadCondition> {
    let pattern = pattern::compile(regex.pattern.as_str(), regex.options.as_str()).map_err(|what| at.bad(what))?;
    Ok(Predicate::Some(Test::Pattern(pattern)))
}

/// `$all`: each value (or each `$elemMatch`) is found in an element of its own.
fn every(value: &Bson, at: &Place) -> Result<Predicate, BadCondition> {
    let values = list(value, at)?;
    if values.is_empty() {
        return Ok(Predicate::Never);
    }
    let is_element =
        |value: &Bson| as_operators(value).is_some_and(|o| o.keys().next().is_some_and(|k| k == "$elemMatch"));
    let elements = values.iter().all(is_element);
    let one = |(index, value): (usize, &Bson)| {
        let at = at.index(index);
        match as_operators(value) {
            Some(operators) if elements && operators.len() == 1 => predicate(operators, &at),
            Some(_) => Err(at.bad("expected plain values, or $elemMatch alone in all of them")),
            None => field(value, &at),
        }
    };
    Ok(all_of(values.iter().enumerate().map(one).collect::<Result<_, _>>()?))
}

/// `$elemMatch`: operators speak of the element itself, anything else of the document that it is.
fn element(value: &Bson, at: &Place) -> Result<Predicate, BadCondition> {
    let document = value.as_document().ok_or_else(|| at.bad("expected an object"))?;
    let logical = document.keys().next().is_some_and(|key| matches!(key.as_str(), "$and" | "$or" | "$nor"));
    let test = match as_operators(value) {
        Some(operators) if !logical => Test::ElementHas(Box::new(predicate(operators, at)?)),
        _ => Test::ElementIs(Box::new(node(document, at)?)),
    };
    Ok(Predicate::Some(test))
}

/// A value in `$in`: MongoDB would read an object of operators or a regular expression there as a condition.
fn plain(value: &Bson, at: &Place) -> Result<RawBson, BadCondition> {
    if as_operators(value).is_some() || matches!(value, Bson::RegularExpression(_)) {
        return Err(at.bad("expected a plain value"));
    }
    wanted(value, at)
}

fn wanted(value: &Bson, at: &Place) -> Result<RawBson, BadCondition> {
    if !is_data(value) {
        return Err(at.bad("expected a value of data, not code or a marker"));
    }
    RawBson::try_from(value.clone()).map_err(|error| at.bad(format!("expected a value that BSON can hold: {error}")))
}

fn is_data(value: &Bson) -> bool {
    match value {
        Bson::Document(document) => document.values().all(is_data),
        Bson::Array(items) => items.iter().all(is_data),
        Bson::JavaScriptCode(_)
        | Bson::JavaScriptCodeWithScope(_)
        | Bson::Undefined
        | Bson::MinKey
        | Bson::MaxKey
        | Bson::DbPointer(_) => false,
        Bson::Double(_)
        | Bson::String(_)
        | Bson::Boolean(_)
        | Bson::Null
        | Bson::RegularExpression(_)
        | Bson::Int32(_)
        | Bson::Int64(_)
        | Bson::Timestamp(_)
        | Bson::Binary(_)
        | Bson::ObjectId(_)
        | Bson::DateTime(_)
        | Bson::Symbol(_)
        | Bson::Decimal128(_) => true,
    }
}

fn list<'a>(value: &'a Bson, at: &Place) -> Result<&'a [Bson], BadCondition> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| at.bad("expected a list"))
}

/// Every value but false, null and zero is true.
fn truth(value: &Bson) -> bool {
    !matches!(value, Bson::Boolean(false) | Bson::Null | Bson::Undefined | Bson::Int32(0) | Bson::Int64(0))
        && value.as_f64() != Some(0.0)
}

fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

fn all_of(mut predicates: Vec<Predicate>) -> Predicate {
    match predicates.pop() {
        Some(only) if predicates.is_empty() => only,
        last => Predicate::All(predicates.into_iter().chain(last).collect()),
    }
}
