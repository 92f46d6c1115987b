//! `POST /aggregate`: the stages of a pipeline that the platform's pivot reports use, read and checked.

use super::cast;
use super::catalog::Catalog;
use super::dataset::{Dataset, Reader};
use super::error::InventoryError;
use crate::filter::matcher::{Matcher, Path};
use bson::raw::CString;
use bson::{Bson, Document};
use std::sync::Arc;

/// A pipeline ready to run.
pub(super) struct Pipeline {
    /// The documents that it starts from.
    pub(super) entity: Arc<Dataset>,
    /// What is done with each.
    pub(super) steps: Vec<Step>,
}

/// One stage.
pub(super) enum Step {
    /// Rows that do not match drop out.
    Match(Matcher),
    /// Rows get their partners, as an array at the root.
    Join(Join),
    /// A row for each partner; this is `$lookup` and `$unwind` in one, so that no row ever holds all its partners.
    JoinEach(Join, Unwind),
    /// A row for each element of an array at the root.
    Unwind(Unwind),
    /// Only so many rows go on.
    Limit(u64),
}

/// `$lookup`.
pub(super) struct Join {
    /// The partners; `None` for a component that the folder does not hold.
    pub(super) partners: Option<Reader>,
    /// The path in the row.
    pub(super) local: Path,
    /// The path in the partner.
    pub(super) foreign: String,
    /// The field of the row that takes the partners.
    pub(super) name: CString,
}

/// `$unwind`.
pub(super) struct Unwind {
    /// The field at the root.
    pub(super) name: CString,
    /// Whether a row without elements stays.
    pub(super) keep_empty: bool,
}

impl Pipeline {
    /// Reads a pipeline from its text and opens what it needs. Blocks while files are read.
    ///
    /// # Errors
    /// `NoOwner` where the first stage does not say whose documents are read, `NotUnderstood` for a stage that the
    /// platform's reports do not use, and what is wrong with a file.
    pub(super) fn open(catalog: &Catalog, entity: &str, text: &str) -> Result<Self, InventoryError> {
        let json = serde_json::from_str(text)
            .map_err(|error| InventoryError::NotUnderstood(format!("pipeline: expected JSON: {error}")))?;
        let Bson::Array(stages) = cast::pipeline(&json)? else {
            return Err(InventoryError::NotUnderstood("pipeline: expected a list of stages".to_owned()));
        };
        if !stages.first().is_some_and(names_the_owner) {
            return Err(InventoryError::NoOwner("pipeline[0]: expected a $match with roles._id".to_owned()));
        }
        let steps = stages.iter().enumerate().map(|(index, stage)| step(catalog, &Stage::new(index, stage)?));
        let steps = fuse(steps.collect::<Result<_, _>>()?);
        Ok(Self { entity: catalog.open(entity)?, steps })
    }
}

fn names_the_owner(stage: &Bson) -> bool {
    let condition = stage.as_document().and_then(|stage| stage.get_document("$match").ok());
    condition.is_some_and(|condition| condition.contains_key("roles._id"))
}

/// `$lookup` followed by `$unwind` of the same field becomes one step.
fn fuse(steps: Vec<Step>) -> Vec<Step> {
    let mut fused: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        match (fused.pop(), step) {
            (Some(Step::Join(join)), Step::Unwind(unwind)) if join.name == unwind.name => {
                fused.push(Step::JoinEach(join, unwind));
            }
            (last, step) => {
                fused.extend(last);
                fused.push(step);
            }
        }
    }
    fused
}

/// A stage's name and body, and where it stands.
struct Stage<'a> {
    index: usize,
    name: &'a str,
    body: &'a Bson,
}

impl<'a> Stage<'a> {
    fn new(index: usize, stage: &'a Bson) -> Result<Self, InventoryError> {
        let only = stage.as_document().filter(|stage| stage.len() == 1).and_then(|stage| stage.iter().next());
        let (name, body) = only.ok_or_else(|| {
            InventoryError::NotUnderstood(format!("pipeline[{index}]: expected an object with one stage"))
        })?;
        Ok(Self { index, name, body })
    }

    fn bad(&self, what: &str) -> InventoryError {
        InventoryError::NotUnderstood(format!("pipeline[{}].{}: {what}", self.index, self.name))
    }

    fn object(&self) -> Result<&'a Document, InventoryError> {
        self.body.as_document().ok_or_else(|| self.bad("expected an object"))
    }
}

fn step(catalog: &Catalog, stage: &Stage<'_>) -> Result<Step, InventoryError> {
    match stage.name {
        "$match" => Matcher::compile(stage.object()?).map(Step::Match).map_err(|error| stage.bad(&error.to_string())),
        "$lookup" => lookup(catalog, stage).map(Step::Join),
        "$unwind" => unwind(stage).map(Step::Unwind),
        "$limit" => limit(stage).map(Step::Limit),
        _ => Err(stage.bad("only $match, $lookup, $unwind and $limit are served here")),
    }
}

fn lookup(catalog: &Catalog, stage: &Stage<'_>) -> Result<Join, InventoryError> {
    let body = stage.object()?;
    let text = |key: &str| body.get_str(key).map_err(|_| stage.bad(&format!("expected a text {key}")));
    if body.len() != 4 {
        return Err(stage.bad("expected from, localField, foreignField and as, and nothing else"));
    }
    let foreign = text("foreignField")?.to_owned();
    let partners = match catalog.open(text("from")?) {
        Ok(dataset) => {
            dataset.index(&foreign)?;
            Some(dataset.reader()?)
        }
        Err(InventoryError::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(Join { partners, local: Path::new(text("localField")?), foreign, name: root_field(stage, text("as")?)? })
}

fn unwind(stage: &Stage<'_>) -> Result<Unwind, InventoryError> {
    let (path, keep_empty) = match stage.body.as_str() {
        Some(path) => (path, false),
        None => {
            let body = stage.object()?;
            if body.keys().any(|key| key != "path" && key != "preserveNullAndEmptyArrays") {
                return Err(stage.bad("expected path and preserveNullAndEmptyArrays, and nothing else"));
            }
            let path = body.get_str("path").map_err(|_| stage.bad("expected a text path"))?;
            let keep = body.get("preserveNullAndEmptyArrays").map_or(Some(false), Bson::as_bool);
            (path, keep.ok_or_else(|| stage.bad("expected preserveNullAndEmptyArrays to be true or false"))?)
        }
    };
    let name = path.strip_prefix('$').ok_or_else(|| stage.bad("expected a path that begins with $"))?;
    Ok(Unwind { name: root_field(stage, name)?, keep_empty })
}

fn limit(stage: &Stage<'_>) -> Result<u64, InventoryError> {
    let limit = stage.body.as_i64().or_else(|| stage.body.as_i32().map(i64::from));
    let limit = limit.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
    limit.ok_or_else(|| stage.bad("expected a whole number above 0"))
}

fn root_field(stage: &Stage<'_>, name: &str) -> Result<CString, InventoryError> {
    let name = Some(name).filter(|name| !name.is_empty() && !name.contains(['.', '$']));
    name.and_then(|name| name.try_into().ok()).ok_or_else(|| stage.bad("expected a field at the root of the row"))
}
