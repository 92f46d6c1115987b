//! *pivot*: clients, systems, applications and servers joined by an aggregation of the Data API.

use super::StageError;
use super::batcher::Batcher;
use super::upload::{Run, Shape, Source};
use crate::domain::Component;
use crate::filter::matcher::Matcher;
use crate::peers::Peers;
use bson::Document;
use serde_json::{Value, json};

/// Runs a pivot report. The owner rule goes in front here, whatever the task says; the joined components have theirs
/// in the pipeline (`filter::pivot`).
///
/// # Errors
/// See [`StageError`].
pub(super) async fn run(
    run: Run<'_>,
    entity: &Component,
    pipeline: &[Value],
    residual: Option<&Document>,
) -> Result<(), StageError> {
    let residual = residual.map(Matcher::compile).transpose()?;
    let joined: Vec<String> = pipeline.iter().filter_map(joined_as).collect();
    let rule = json!({"$match": {"roles._id": run.owner.to_string()}});
    let pipeline = std::iter::once(rule).chain(pipeline.iter().cloned()).collect();
    let shape = Shape { stage: "pivot", component: entity.path(), residual, joined: &joined };
    run.stream(shape, Aggregate { entity, pipeline }).await
}

fn joined_as(stage: &Value) -> Option<String> {
    stage.pointer("/$lookup/as")?.as_str().map(str::to_owned)
}

struct Aggregate<'a> {
    entity: &'a Component,
    pipeline: Vec<Value>,
}

impl Source for Aggregate<'_> {
    async fn read(self, peers: &Peers, batcher: Batcher) -> Result<(Batcher, u64), StageError> {
        Ok((peers.aggregate(self.entity, &self.pipeline, batcher).await?.taker, 1))
    }
}
