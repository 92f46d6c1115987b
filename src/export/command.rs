//! `export`: a table of the store in a file or on standard output.

use super::{Artifact, LOOKS, Order};
use crate::artifact::Place;
use crate::domain::TableName;
use crate::output::Output;
use crate::store::Store;
use anyhow::{Context, bail};
use futures_util::TryStreamExt;
use std::path::Path;

/// Writes the artifact; what is left out of it, in words, where something is.
///
/// # Errors
/// Where there is no such table or column, the store fails or the output cannot be written. No half file is left behind.
pub async fn run(store: &dyn Store, table: &TableName, order: Order, path: &Path) -> anyhow::Result<Option<String>> {
    let artifact = open(store, table, &order).await?;
    let (found, rows) = (artifact.found, artifact.rows);
    let mut output = Output::open(path)?;
    let mut pieces = artifact.pieces().await?;
    while let Some(piece) = pieces.try_next().await? {
        if !output.write(&piece).context("writing the output")? {
            break;
        }
    }
    output.finish()?;
    let is_cut = order.bound.is_some_and(|bound| bound == rows && rows < found);
    Ok(is_cut.then(|| order.format.left_out(rows, found)))
}

async fn open(store: &dyn Store, table: &TableName, order: &Order) -> anyhow::Result<Artifact> {
    for _ in 0..LOOKS {
        let Some(report) = store.report(table).await? else { bail!("there is no table {table}") };
        if let Some(artifact) = Artifact::open(store, report, order.clone(), Place::whole).await? {
            return Ok(artifact);
        }
    }
    bail!("the table {table} is being replaced again and again; try again")
}
