//! Pivot reports: an object of components becomes an aggregation pipeline.

use super::FilterError;
use super::condition::{Check, Condition, conditions};
use super::data_api::{Checks, Target, json as to_json, part};
use super::general::residual;
use super::parse::{self, Filter, MAX_FILTERS, error, shown, wrong};
use crate::domain::{Component, OwnerId};
use bson::{Bson, Document};
use serde_json::{Value, json};

/// The chain of components, each with the field that refers to the one before it.
pub(super) const CHAIN: [(&str, &str); 4] =
    [("clients", ""), ("systems", "clients._id"), ("applications", "system._id"), ("servers", "applications._id")];

/// An aggregation that today's Data API understands, and what it cannot express.
#[derive(Debug, Clone, PartialEq)]
pub struct PivotQuery {
    /// The first enabled component.
    pub entity: Component,
    /// The stages; the first is a `$match` that holds `roles._id`.
    pub pipeline: Vec<Value>,
    /// A MongoDB condition that every joined row must meet besides: today's Data API gives no date of an operator
    /// object its type, so that conditions on dates cannot be part of the pipeline.
    pub residual: Option<Document>,
}

/// Compiles the filters of a pivot report for its owner: an object of `clients`, `systems`, `applications` and `servers`,
/// each `{"enabled", "filters"}`.
///
/// # Errors
/// Names the place of the first filter that is not understood, or the gap between enabled components.
pub fn pivot(filters: &Value, owner: OwnerId) -> Result<PivotQuery, FilterError> {
    let joined = enabled(filters)?;
    let entity = CHAIN[joined[0].0].0;
    let entity = entity.parse().map_err(|bad| error("filters", format!("{bad}")))?;
    let mut pipeline = Vec::new();
    let mut left = Vec::new();
    for (at, (link, filters)) in joined.iter().enumerate() {
        let component = CHAIN[*link].0;
        let prefix = if at == 0 { String::new() } else { format!("{component}.") };
        if at > 0 {
            pipeline.extend(join(*link, at == 1));
        }
        let mut stages = vec![Checks::default()];
        put(&mut stages, &format!("{prefix}roles._id"), Check::Equals(Bson::ObjectId(owner.object_id())));
        let mut early = Vec::new();
        for condition in conditions(filters, &prefix) {
            let part = part(&condition, Target::Pipeline);
            part.checks.into_iter().for_each(|(path, check)| put(&mut stages, &path, check));
            let name = condition.path();
            if part.whole {
                continue;
            } else if at > 0 || !is_overwritten(name, &joined) {
                left.push(condition);
            } else if matches!(condition, Condition::Item(..)) && !name.contains('.') {
                early.push(to_json(condition.document().into()));
            } else {
                let expected = format!("expected no such filter on {name}: a joined component takes its place");
                return Err(error(&format!("filters.{component}.filters"), expected));
            }
        }
        let matches = stages.iter().map(|stage| stage.json().into()).chain(early);
        pipeline.extend(matches.map(|condition: Value| json!({"$match": condition})));
    }
    Ok(PivotQuery { entity, pipeline, residual: residual(&left) })
}

/// The stages that join a component to the one before it, which is the root of the row or stands there under its name.
fn join(link: usize, to_root: bool) -> [Value; 2] {
    let (component, foreign) = CHAIN[link];
    let local = if to_root { "_id".to_owned() } else { format!("{}._id", CHAIN[link - 1].0) };
    [
        json!({"$lookup": {"from": component, "localField": local, "foreignField": foreign, "as": component}}),
        json!({"$unwind": {"path": format!("${component}"), "preserveNullAndEmptyArrays": true}}),
    ]
}

/// Whether a field of the root is gone from the joined row, as `servers` of an application: a component stands there.
fn is_overwritten(path: &str, joined: &[(usize, Vec<Filter>)]) -> bool {
    joined.iter().skip(1).any(|(link, _)| path.split('.').next() == Some(CHAIN[*link].0))
}

/// Adds a check to the first stage whose operator objects can hold it: several `$match` stages hold together.
fn put(stages: &mut Vec<Checks>, path: &str, check: Check) {
    let mut left = Some(check);
    for stage in stages.iter_mut() {
        let Some(check) = left else { return };
        left = stage.put(path, check);
    }
    if let Some(check) = left {
        let mut stage = Checks::default();
        stage.put(path, check);
        stages.push(stage);
    }
}

/// The enabled components as their places in the chain, one after the other without a gap, each with its filters.
fn enabled(filters: &Value) -> Result<Vec<(usize, Vec<Filter>)>, FilterError> {
    let Value::Object(components) = filters else {
        return Err(wrong("filters", "an object of clients, systems, applications and servers", Some(filters)));
    };
    if let Some(odd) = components.keys().find(|key| CHAIN.iter().all(|(component, _)| component != key)) {
        return Err(error(
            &format!("filters.{}", shown(odd)),
            "expected one of clients, systems, applications, servers",
        ));
    }
    let mut found: Vec<(usize, Vec<Filter>)> = Vec::new();
    for (link, (component, _)) in CHAIN.iter().enumerate() {
        let place = format!("filters.{component}");
        let Some(filters) = one(components.get(*component), &place)? else { continue };
        if let Some((last, _)) = found.last().filter(|(last, _)| last + 1 != link) {
            let (from, missing) = (CHAIN[*last].0, CHAIN[last + 1].0);
            return Err(error(
                &place,
                format!("expected {missing} to be enabled too: {from} and {component} are joined through them"),
            ));
        }
        found.push((link, filters));
    }
    if found.is_empty() {
        return Err(error("filters", "expected at least one enabled component"));
    }
    let count: usize = found.iter().map(|(_, filters)| filters.len()).sum();
    if count > MAX_FILTERS {
        return Err(error("filters", format!("expected at most {MAX_FILTERS} filters, got {count}")));
    }
    Ok(found)
}

/// The filters of one component, `None` where it is not enabled.
fn one(component: Option<&Value>, place: &str) -> Result<Option<Vec<Filter>>, FilterError> {
    let members = match component {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(other) => return Err(wrong(place, "an object with enabled and filters", Some(other))),
    };
    if let Some(odd) = members.keys().find(|key| !["enabled", "filters", "title", "icon"].contains(&key.as_str())) {
        return Err(error(&format!("{place}.{}", shown(odd)), "expected only enabled, filters, title and icon"));
    }
    let on = match members.get("enabled") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
        other => return Err(wrong(&format!("{place}.enabled"), "true or false", other)),
    };
    if !on {
        return Ok(None);
    }
    parse::list(members.get("filters"), &format!("{place}.filters")).map(Some)
}
