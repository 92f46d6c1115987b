//! Writing the batches of a run, as many at once as the sink makes use of, and learning from them on the way: here and
//! not on the reading thread, which has the parsing to do.

use super::StageError;
use super::aggregation::Timed;
use super::progress::{self, Found, Mark};
use super::webhook::Sink;
use crate::domain::Row;
use crate::store::Staged;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::time::Instant;
use tokio::sync::mpsc;

/// What was written.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Written {
    /// Batches.
    pub(super) batches: u64,
    /// Rows that were new.
    pub(super) rows: u64,
    /// Rows that were not, and were left out.
    pub(super) again: u64,
    /// Seconds that the batches took, those of batches written at once added up.
    pub(super) seconds: f64,
}

/// Writes batches until there are no more; `tally` learns from each.
///
/// # Errors
/// The first failure. No batch is being written any more then, so what is written can be removed.
pub(super) async fn all(
    sink: &dyn Sink,
    mut batches: mpsc::Receiver<Vec<Row>>,
    found: &Found,
    tally: &mut Timed,
) -> Result<Written, StageError> {
    let mut written = Written::default();
    let mut failure = None;
    let mut writing = FuturesUnordered::new();
    // Counted while others are being written, and to be written next.
    let mut counted = None;
    let mut more = true;
    loop {
        if let Some(rows) = counted.take_if(|_| writing.len() < sink.at_once()) {
            writing.push(one(sink, written.batches, rows));
            written.batches += 1;
        }
        tokio::select! {
            // A batch begins to be written when it is asked for, so first of all.
            biased;
            Some((outcome, seconds)) = writing.next() => {
                written.seconds += seconds;
                match outcome {
                    Ok((staged, count)) => {
                        written.rows += staged.new;
                        written.again += count - staged.new.min(count);
                        tally.remove(&staged.again);
                        progress::tell(Mark::Rows { written: written.rows, found: found.get() });
                    }
                    Err(error) => {
                        failure.get_or_insert(error);
                        more = false;
                        counted = None;
                        // The source stops as soon as it has another batch.
                        batches.close();
                    }
                }
            }
            batch = batches.recv(), if more && counted.is_none() => match batch {
                Some(rows) => {
                    tally.add(&rows);
                    counted = Some(rows);
                }
                None => more = false,
            },
            else => break,
        }
    }
    failure.map_or(Ok(written), Err)
}

/// Writes one batch; what became of its rows and how many they were, and the seconds that it took.
async fn one(sink: &dyn Sink, number: u64, rows: Vec<Row>) -> (Result<(Staged, u64), StageError>, f64) {
    let (start, count) = (Instant::now(), rows.len() as u64);
    let outcome = sink.write(number, rows).await.map(|staged| (staged, count));
    (outcome, start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Outcome;
    use async_trait::async_trait;
    use bson::rawdoc;
    use std::cell::{Cell, RefCell};
    use tokio::sync::Notify;

    /// A sink whose writes end when they are let go on, the later ones first.
    #[derive(Default)]
    struct Held {
        at_once: usize,
        fails: Option<u64>,
        begun: RefCell<Vec<u64>>,
        ended: Cell<u64>,
        go_on: Notify,
    }

    #[async_trait(?Send)]
    impl Sink for Held {
        fn at_once(&self) -> usize {
            self.at_once
        }

        async fn write(&self, number: u64, mut rows: Vec<Row>) -> Result<Staged, StageError> {
            self.begun.borrow_mut().push(number);
            if self.fails == Some(number) {
                return Err(StageError::Interrupted);
            }
            self.go_on.notified().await;
            self.ended.set(self.ended.get() + 1);
            let again = rows.split_off(1);
            Ok(Staged { new: 1, again })
        }

        async fn commit(&self, _: u64, _: &Outcome) -> Result<(), StageError> {
            Ok(())
        }

        async fn abort(&self) -> Result<(), StageError> {
            Ok(())
        }
    }

    fn batches(sizes: &[usize]) -> mpsc::Receiver<Vec<Row>> {
        let (sender, batches) = mpsc::channel(sizes.len());
        for size in sizes {
            sender.try_send((0..*size).map(|_| rawdoc! {"_id": 1, "active": true}.into()).collect()).unwrap();
        }
        batches
    }

    async fn until(reached: impl Fn() -> bool) {
        while !reached() {
            tokio::task::yield_now().await;
        }
    }

    #[actix_rt::test]
    async fn only_so_many_batches_are_written_at_once_and_each_counts() {
        let sink = Held { at_once: 2, ..Held::default() };
        let mut tally = Timed::new("servers");
        let watch = async {
            for (begun, ended) in [(2, 0), (3, 1), (4, 2), (4, 3), (4, 4)] {
                until(|| sink.begun.borrow().len() == begun && sink.ended.get() == ended).await;
                sink.go_on.notify_one();
            }
        };
        let found = Found::default();
        let (written, ()) = futures_util::join!(all(&sink, batches(&[3, 1, 5, 2]), &found, &mut tally), watch);
        let written = written.unwrap();
        assert_eq!((written.batches, written.rows, written.again), (4, 4, 7));
        assert_eq!(*sink.begun.borrow(), [0, 1, 2, 3]);
        let learnt = tally.finish();
        assert_eq!((&learnt.columns, &learnt.paths), (&vec!["active".to_owned(), "_id".to_owned()], &learnt.columns));
        assert_eq!(
            learnt.aggr["active"]["aggr"]["data"],
            serde_json::json!([4]),
            "a row that is left out is not counted"
        );
    }

    #[actix_rt::test]
    async fn after_a_failure_nothing_more_is_begun_and_what_was_begun_ends() {
        let sink = Held { at_once: 2, fails: Some(1), ..Held::default() };
        let mut tally = Timed::new("servers");
        let found = Found::default();
        let mut writing = Box::pin(all(&sink, batches(&[1, 1, 1, 1]), &found, &mut tally));
        let early = tokio::select! {
            outcome = &mut writing => Some(outcome),
            () = until(|| sink.begun.borrow().len() == 2) => None,
        };
        assert!(early.is_none(), "the first batch is still being written");
        sink.go_on.notify_one();
        assert!(matches!(writing.await, Err(StageError::Interrupted)));
        assert_eq!((sink.begun.borrow().len(), sink.ended.get()), (2, 1));
    }
}
