//! Which run may write a table, and reports that nobody works on.

use super::*;
use maestro_reports::store::{Kept, Silent, Taken, Taker};

over_every_store!(
    a_table_has_one_holder_until_it_gives_no_sign_of_life,
    one_of_many_takers_gets_the_table,
    attempts_that_never_end_are_counted,
    a_newer_request_replaces_those_that_wait,
    a_sign_of_life_tells_of_a_loss,
    an_older_run_leaves_the_status_to_the_newer_request,
    a_silent_report_is_given_up_once_and_leaves_no_staging,
    only_reports_that_nobody_works_on_are_silent,
);

const TTL: Duration = Duration::from_secs(15);

fn taker(task_id: &str, holder: &str) -> Taker {
    Taker { task_id: task_id.into(), holder: holder.into(), requested_at: None }
}

async fn take(store: &dyn Store, taker: &Taker, at: DateTime<Utc>) -> Taken {
    store.take(&table(), taker, TTL, at).await.unwrap()
}

async fn keep(store: &dyn Store, holder: &str, at: DateTime<Utc>) -> Kept {
    store.keep(&table(), holder, TTL, at).await.unwrap()
}

async fn silent(store: &dyn Store, before: DateTime<Utc>, at: DateTime<Utc>) -> Vec<Silent> {
    store.silent(before, at).await.unwrap()
}

const FIRST: Taken = Taken::Held { attempt: 1 };

async fn a_table_has_one_holder_until_it_gives_no_sign_of_life(store: Arc<dyn Store>) {
    let (a, b) = (taker("task-a", "a"), taker("task-b", "b"));
    assert_eq!(take(&*store, &a, now()).await, FIRST);
    let busy = |until| Taken::Busy { since: now(), until };
    assert_eq!(take(&*store, &b, now() + TTL / 2).await, busy(now() + TTL));
    assert_eq!(keep(&*store, "a", now() + TTL / 2).await, Kept::Held);
    assert_eq!(take(&*store, &b, now() + TTL).await, busy(now() + TTL / 2 + TTL));
    assert_eq!(take(&*store, &b, now() + TTL * 2).await, FIRST, "its time is over");
    assert_eq!(keep(&*store, "a", now() + TTL * 2).await, Kept::Lost);
    store.leave(&table(), "a", now()).await.unwrap();
    assert!(matches!(take(&*store, &a, now() + TTL * 2).await, Taken::Busy { .. }), "only its holder leaves it");
    store.leave(&table(), "b", now()).await.unwrap();
    assert_eq!(take(&*store, &a, now() + TTL * 2).await, FIRST);
}

async fn one_of_many_takers_gets_the_table(store: Arc<dyn Store>) {
    let takers = (0..8).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { take(&*store, &taker("task", &format!("holder-{n}")), now()).await })
    });
    let mut won = 0;
    for taken in takers.collect::<Vec<_>>() {
        won += usize::from(matches!(taken.await.unwrap(), Taken::Held { .. }));
    }
    assert_eq!(won, 1);
}

async fn attempts_that_never_end_are_counted(store: Arc<dyn Store>) {
    for attempt in 1..=4 {
        let at = now() + TTL * attempt;
        let again = taker("task", &format!("holder-{attempt}"));
        assert_eq!(take(&*store, &again, at).await, Taken::Held { attempt });
        assert_eq!(take(&*store, &again, at).await, Taken::Held { attempt }, "the same attempt");
        store.begin(&table(), "task", at).await.unwrap();
    }
    let later = now() + TTL * 9;
    assert_eq!(take(&*store, &taker("other", "o"), later).await, FIRST, "another task");
    assert_eq!(take(&*store, &taker("task", "a"), later + TTL).await, FIRST);
    assert_eq!(take(&*store, &taker("task", "b"), later + TTL * 2).await, Taken::Held { attempt: 2 });
    store.leave(&table(), "b", later).await.unwrap();
    assert_eq!(take(&*store, &taker("task", "c"), later).await, FIRST, "the one before ended in order");
}

async fn a_newer_request_replaces_those_that_wait(store: Arc<dyn Store>) {
    let requested = |task: &str, after: u64| Taker {
        requested_at: Some(now() + Duration::from_millis(after)),
        ..taker(task, task)
    };
    assert_eq!(take(&*store, &requested("alone", 0), now()).await, FIRST, "there is no record");
    store.leave(&table(), "alone", now()).await.unwrap();
    store.request(&request("task-1"), now() + Duration::from_millis(1)).await.unwrap();
    store.request(&request("task-2"), now() + Duration::from_millis(2)).await.unwrap();
    assert_eq!(take(&*store, &requested("task-2", 2), now()).await, FIRST);
    // It is replaced whether the newer one runs, has ended or still waits.
    assert_eq!(take(&*store, &requested("task-1", 1), now()).await, Taken::Replaced);
    store.leave(&table(), "task-2", now()).await.unwrap();
    assert_eq!(take(&*store, &requested("task-1", 1), now()).await, Taken::Replaced);
    // Nobody requested these here.
    assert_eq!(take(&*store, &taker("python", "p"), now()).await, FIRST);
    store.begin(&table(), "python", now()).await.unwrap();
    store.leave(&table(), "p", now()).await.unwrap();
    assert_eq!(take(&*store, &requested("task-2", 2), now()).await, FIRST, "the newest request still runs");
}

async fn a_sign_of_life_tells_of_a_loss(store: Arc<dyn Store>) {
    assert_eq!(keep(&*store, "a", now()).await, Kept::Gone);
    take(&*store, &taker("task", "a"), now()).await;
    assert_eq!(keep(&*store, "a", now() + TTL * 3).await, Kept::Held, "late, but nobody else wanted it");
    assert_eq!(keep(&*store, "b", now()).await, Kept::Lost);
    store.drop_table(&table()).await.unwrap();
    assert_eq!(keep(&*store, "a", now()).await, Kept::Gone);
}

async fn an_older_run_leaves_the_status_to_the_newer_request(store: Arc<dyn Store>) {
    store.request(&request("task-1"), now()).await.unwrap();
    let older = store.begin(&table(), "task-1", now()).await.unwrap();
    store.stage(&older, numbered(0..3)).await.unwrap();
    store.request(&request("task-2"), now() + TTL).await.unwrap();
    store.commit(&older, &outcome(3)).await.unwrap();
    let report = store.report(&table()).await.unwrap().unwrap();
    assert_eq!((report.status, report.task_id.as_str(), report.ended_at), (Status::Process, "task-2", None));
    assert_eq!((report.rows, report.columns, report.aggr), (3, outcome(3).columns, outcome(3).aggr));
    assert_eq!(all(&*store).await, numbered(0..3));
    let newer = store.begin(&table(), "task-2", now()).await.unwrap();
    store.stage(&newer, numbered(5..6)).await.unwrap();
    store.commit(&newer, &outcome(1)).await.unwrap();
    assert_eq!(store.report(&table()).await.unwrap().unwrap().status, Status::Finished);
}

async fn a_silent_report_is_given_up_once_and_leaves_no_staging(store: Arc<dyn Store>) {
    store.request(&request("task"), now()).await.unwrap();
    take(&*store, &taker("task", "w/1"), now()).await;
    let staging = store.begin(&table(), "task", now()).await.unwrap();
    store.stage(&staging, numbered(0..3)).await.unwrap();
    keep(&*store, "w/1", now() + TTL).await;
    let (last, later) = (now() + TTL, now() + TTL * 9);
    let found = silent(&*store, last, later).await;
    let owner = Some(request("task").owner);
    let expected = Silent { table: table(), task_id: "task".into(), owner, holder: Some("w/1".into()), alive_at: last };
    assert_eq!(found, [expected]);
    let lost = end(Status::Error, "lost");
    assert!(store.give_up(&found[0], &lost, later).await.unwrap());
    assert!(!store.give_up(&found[0], &lost, later).await.unwrap());
    let report = store.report(&table()).await.unwrap().unwrap();
    assert_eq!((report.status, report.message.as_str(), report.ended_at), (Status::Error, "lost", Some(lost.at)));
    assert_eq!(store.staging(&table(), "task").await.unwrap(), None);
    assert!(silent(&*store, later, later).await.is_empty());
    // The task comes after all.
    assert_eq!(take(&*store, &taker("task", "w/2"), later).await, Taken::Held { attempt: 2 });
    store.begin(&table(), "task", later).await.unwrap();
    assert_eq!(store.report(&table()).await.unwrap().unwrap().status, Status::Process);
    assert!(!store.give_up(&found[0], &lost, later).await.unwrap(), "somebody works on it");
}

async fn only_reports_that_nobody_works_on_are_silent(store: Arc<dyn Store>) {
    store.request(&request("task"), now()).await.unwrap();
    let later = now() + TTL * 9;
    assert!(silent(&*store, now() - TTL, later).await.is_empty(), "requested since");
    let waiting = silent(&*store, now(), later).await;
    assert_eq!((waiting.len(), waiting[0].holder.as_deref()), (1, None));
    take(&*store, &taker("task", "a"), later).await;
    assert!(silent(&*store, later, later).await.is_empty(), "held");
    assert!(!store.give_up(&waiting[0], &end(Status::Error, "late"), later).await.unwrap(), "taken meanwhile");
    store.leave(&table(), "a", later + TTL).await.unwrap();
    assert!(silent(&*store, later, later + TTL / 2).await.is_empty(), "its next attempt is not yet due");
    assert_eq!(silent(&*store, later + TTL, later + TTL).await.len(), 1);
    store.end(&table(), "task", &end(Status::Warning, "")).await.unwrap();
    assert!(silent(&*store, later + TTL, later + TTL).await.is_empty(), "ended");
}
