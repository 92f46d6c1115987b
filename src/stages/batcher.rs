//! Cuts the rows of a run into batches on the thread that reads them.

use super::progress::Found;
use super::upload::Shape;
use crate::domain::Row;
use crate::filter::matcher::Matcher;
use crate::peers::TakeRow;
use bson::oid::ObjectId;
use bson::{Bson, RawDocument};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

/// A batch ends with the row that reaches this many bytes, however few rows it has: memory stays flat for large rows too,
/// and a batch fits into one message of MongoDB.
pub const BATCH_BYTES: usize = 1024 * 1024;

/// Takes rows, and sends them on in batches.
pub(super) struct Batcher {
    residual: Option<Matcher>,
    joined: Vec<String>,
    batch: Vec<Row>,
    /// Bytes of the rows in `batch`.
    bytes: usize,
    batch_rows: usize,
    found: Found,
    sender: mpsc::Sender<Vec<Row>>,
}

impl Batcher {
    /// Nothing taken yet; batches of `batch_rows` rows go to `sender`, and `found` hears how many there are.
    pub(super) fn new(shape: Shape<'_>, batch_rows: usize, found: Found, sender: mpsc::Sender<Vec<Row>>) -> Self {
        let batch = Vec::with_capacity(batch_rows);
        Self { residual: shape.residual, joined: shape.joined.to_vec(), batch, bytes: 0, batch_rows, found, sender }
    }

    /// Sends the last batch.
    pub(super) async fn finish(mut self) {
        let last = self.cut();
        if !last.is_empty() {
            // Nobody takes it where the sink has failed, and then that error is told.
            let _ = self.sender.send(last).await;
        }
    }

    fn cut(&mut self) -> Vec<Row> {
        self.bytes = 0;
        std::mem::replace(&mut self.batch, Vec::with_capacity(self.batch_rows))
    }
}

impl TakeRow for Batcher {
    fn announced(&mut self, found: u64) {
        self.found.set(found);
    }

    fn take(&mut self, mut row: Row) -> bool {
        if !self.residual.as_ref().is_none_or(|residual| residual.matches(&row)) {
            return true;
        }
        if !self.joined.is_empty() {
            row = row.with_id(joined_id(&row, &self.joined));
        }
        self.bytes += row.as_bytes().len();
        self.batch.push(row);
        if self.batch.len() < self.batch_rows && self.bytes < BATCH_BYTES {
            return true;
        }
        let batch = self.cut();
        self.sender.blocking_send(batch).is_ok()
    }
}

/// The id of a joined row: the same for the same ids joined, different for any others.
fn joined_id(row: &RawDocument, joined: &[String]) -> ObjectId {
    let id = |document: &RawDocument| {
        let id = document.get("_id").ok().flatten()?;
        Bson::try_from(id).ok().map(|id| id.to_string())
    };
    let others = joined.iter().map(|name| row.get_document(name).ok().and_then(id));
    let mut hash = Sha256::new();
    for id in std::iter::once(id(row)).chain(others) {
        hash.update(id.as_deref().unwrap_or("-"));
        hash.update("/");
    }
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&hash.finalize()[..12]);
    ObjectId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn a_joined_row_has_the_id_of_its_parts() {
        let joined = ["systems".to_owned(), "servers".to_owned()];
        let row = |system: i32| rawdoc! {"_id": 1, "systems": {"_id": system}, "servers": {"_id": 3}};
        assert_eq!(joined_id(&row(2), &joined), joined_id(&row(2), &joined));
        assert_ne!(joined_id(&row(2), &joined), joined_id(&row(4), &joined));
        assert_ne!(joined_id(&rawdoc! {"_id": 1, "systems": {"_id": 2}}, &joined), joined_id(&row(2), &joined));
    }

    #[actix_rt::test]
    async fn a_batch_ends_by_its_rows_or_by_its_bytes() {
        let (sender, mut batches) = mpsc::channel(10);
        let shape = Shape { stage: "general", component: "servers".to_owned(), residual: None, joined: &[] };
        let batcher = Batcher::new(shape, 3, Found::default(), sender);
        let large = "x".repeat(BATCH_BYTES / 2);
        let texts = ["", "", "", &large, &large, "", &large, "", ""].map(str::to_owned);
        let take = move || {
            let mut batcher = batcher;
            assert!(texts.into_iter().all(|text| batcher.take(rawdoc! {"_id": 1, "text": text}.into())));
            batcher
        };
        tokio::task::spawn_blocking(take).await.unwrap().finish().await;
        let mut sizes = Vec::new();
        while let Some(batch) = batches.recv().await {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [3, 2, 3, 1]);
    }
}
