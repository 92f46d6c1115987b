//! Rows cut into batches of JSON, bounded in rows and in bytes.
//!
//! Where the cuts fall follows from the rows and the bounds alone: whoever goes on after some batches cuts the rest alike.

use super::DeliveryError;
use crate::domain::JsonRow;
use crate::store::RowStream;
use futures_util::stream::Fuse;
use futures_util::{StreamExt, TryStreamExt};

/// Cuts a stream of rows.
pub(super) struct Cutter {
    rows: Fuse<RowStream>,
    most_rows: u64,
    most_bytes: u64,
    /// A row that did not fit into the last batch.
    held: Vec<u8>,
}

/// A batch.
#[derive(Debug, PartialEq)]
pub(super) struct Cut {
    /// Its rows as JSON objects with commas between.
    pub(super) json: Vec<u8>,
    /// How many.
    pub(super) count: u64,
}

impl Cutter {
    /// Batches of at most so many rows and bytes; a row with more bytes is a batch of its own.
    pub(super) fn new(rows: RowStream, most_rows: u64, most_bytes: u64) -> Self {
        Self { rows: rows.fuse(), most_rows, most_bytes, held: Vec::new() }
    }

    /// The next batch; `None` after the last row.
    pub(super) async fn next(&mut self) -> Result<Option<Cut>, DeliveryError> {
        let mut json = std::mem::take(&mut self.held);
        let mut count = u64::from(!json.is_empty());
        while count < self.most_rows {
            let Some(row) = self.rows.try_next().await? else { break };
            let end = json.len();
            if count > 0 {
                json.push(b',');
            }
            let start = json.len();
            serde_json::to_writer(&mut json, &JsonRow(&row))?;
            if count > 0 && json.len() as u64 > self.most_bytes {
                self.held = json.split_off(start);
                json.truncate(end);
                break;
            }
            count += 1;
        }
        Ok((count > 0).then_some(Cut { json, count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Row;
    use bson::doc;
    use futures_util::stream;

    /// As the stores' streams, this one must not be asked again after its end.
    fn rows(sizes: &[usize]) -> RowStream {
        let row = |size| Ok(Row::try_from(doc! {"a": "x".repeat(size)}).unwrap());
        let rows = sizes.iter().copied().map(row).collect::<Vec<_>>().into_iter();
        stream::unfold(rows, |mut rows| async move { Some((rows.next()?, rows)) }).boxed()
    }

    async fn cuts(sizes: &[usize], most_rows: u64, most_bytes: u64) -> Vec<u64> {
        let mut cutter = Cutter::new(rows(sizes), most_rows, most_bytes);
        let mut counts = Vec::new();
        let mut all = Vec::new();
        while let Some(cut) = cutter.next().await.unwrap() {
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&[b"[", &*cut.json, b"]"].concat()).unwrap();
            assert_eq!(rows.len() as u64, cut.count);
            assert!(cut.count == 1 || cut.json.len() as u64 <= most_bytes);
            all.extend(rows.iter().map(|row| row["a"].as_str().unwrap().len()));
            counts.push(cut.count);
        }
        assert_eq!(all, sizes, "every row once, in order");
        counts
    }

    #[actix_rt::test]
    async fn batches_end_at_rows_or_bytes_and_hold_every_row_once() {
        assert_eq!(cuts(&[1; 7], 3, 10_000).await, [3, 3, 1]);
        assert_eq!(cuts(&[1; 6], 3, 10_000).await, [3, 3]);
        assert!(cuts(&[], 3, 10_000).await.is_empty());
        // {"a":"…"} is the text and 8 bytes more, with a comma between two.
        assert_eq!(cuts(&[92; 5], 100, 201).await, [2, 2, 1]);
        assert_eq!(cuts(&[92; 4], 100, 200).await, [1, 1, 1, 1]);
        assert_eq!(cuts(&[5, 900, 900, 5, 5], 100, 100).await, [1, 1, 1, 2]);
        assert_eq!(cuts(&[5, 5, 5], 1, 100).await, [1, 1, 1]);
    }
}
