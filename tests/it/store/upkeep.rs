//! Which tables stay, and what is removed with them.

use super::*;
use maestro_reports::store::{Absence, TableState, Taken, Taker};

over_every_store!(
    tables_are_listed_by_name_a_page_at_a_time,
    an_absence_is_kept_until_it_is_taken_back,
    a_table_is_retired_once_and_leaves_nothing,
    a_table_that_changed_since_it_was_seen_stays,
    a_table_that_a_run_has_or_waits_for_stays,
    a_table_that_is_used_begins_its_time_anew,
    what_a_run_has_staged_and_left_is_cleared_when_it_is_idle,
    rows_that_are_read_are_read_to_their_end,
);

const TTL: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn named(number: u32) -> TableName {
    format!("5c{number:022x}_pivot").parse().unwrap()
}

async fn state(store: &dyn Store) -> Option<TableState> {
    store.tables(None, 1000).await.unwrap().into_iter().find(|state| state.table == table())
}

async fn seen(store: &dyn Store) -> TableState {
    state(store).await.unwrap()
}

/// The last sign of a run by `fill`.
fn filled_at() -> DateTime<Utc> {
    outcome(0).ended_at
}

async fn tables_are_listed_by_name_a_page_at_a_time(store: Arc<dyn Store>) {
    assert!(store.tables(None, 10).await.unwrap().is_empty());
    for number in [3, 1, 2] {
        fill(&*store, &named(number), numbered(0..number)).await;
    }
    let first = store.tables(None, 2).await.unwrap();
    let expected = |number, rows| TableState {
        table: named(number),
        status: Status::Finished,
        rows: Some(rows),
        last_sign: filled_at(),
        held_until: None,
        absence: None,
    };
    assert_eq!(first, [expected(1, 1), expected(2, 2)]);
    assert_eq!(store.tables(Some(&named(2)), 2).await.unwrap(), [expected(3, 3)]);
    assert!(store.tables(Some(&named(3)), 2).await.unwrap().is_empty());
    // A failed first run has no rows; rows that come later are a sign too.
    store.end(&table(), "task", &end(Status::Error, "no")).await.unwrap();
    let failed = seen(&*store).await;
    assert_eq!((failed.status, failed.rows, failed.last_sign), (Status::Error, None, end(Status::Error, "").at));
    store.append(&table(), numbered(0..2)).await.unwrap();
    let appended = seen(&*store).await;
    assert_eq!(appended.rows, Some(2));
    assert!(Utc::now() - appended.last_sign < chrono::TimeDelta::minutes(1), "{appended:?}");
}

async fn an_absence_is_kept_until_it_is_taken_back(store: Arc<dyn Store>) {
    let absence = Absence { since: now(), last: now() + DAY, looks: 3 };
    store.note_absence(&table(), Some(&absence)).await.unwrap();
    assert_eq!(state(&*store).await, None, "noting makes no record");
    fill(&*store, &table(), numbered(0..1)).await;
    store.note_absence(&table(), Some(&absence)).await.unwrap();
    assert_eq!(seen(&*store).await.absence, Some(absence));
    // Another run changes nothing about it.
    fill(&*store, &table(), numbered(0..2)).await;
    assert_eq!(seen(&*store).await.absence, Some(absence));
    store.note_absence(&table(), None).await.unwrap();
    assert_eq!(seen(&*store).await.absence, None);
}

async fn a_table_is_retired_once_and_leaves_nothing(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..5)).await;
    fill(&*store, &named(7), numbered(0..5)).await;
    store.begin(&table(), "lost", now()).await.unwrap();
    store.end(&table(), "lost", &end(Status::Error, "lost")).await.unwrap();
    let seen = seen(&*store).await;
    let retire = || {
        let (store, seen) = (Arc::clone(&store), seen.clone());
        tokio::spawn(async move { store.retire(&seen, now() + DAY).await.unwrap() })
    };
    let mut retired = 0;
    for one in [retire(), retire(), retire(), retire()] {
        retired += usize::from(one.await.unwrap());
    }
    assert_eq!(retired, 1);
    assert_eq!(store.report(&table()).await.unwrap(), None);
    assert_eq!(count(&*store, doc! {}).await, None);
    assert_eq!(store.tables(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.clear_leftovers(now() + DAY, now() + DAY).await.unwrap(), 0);
    assert_eq!(store.count(&named(7), &doc! {}).await.unwrap(), Some(5), "the others stay");
    fill(&*store, &table(), numbered(0..3)).await;
    assert_eq!(all(&*store).await, numbered(0..3), "the report can be made again");
}

async fn a_table_that_changed_since_it_was_seen_stays(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..5)).await;
    let later = now() + DAY * 9;
    let before = seen(&*store).await;
    // The platform knows its report after all, or has missed it for another time.
    let absence = Absence::seen_again(None, now() + DAY);
    store.note_absence(&table(), Some(&absence)).await.unwrap();
    assert!(!store.retire(&before, later).await.unwrap());
    let absent = seen(&*store).await;
    store.note_absence(&table(), None).await.unwrap();
    assert!(!store.retire(&absent, later).await.unwrap());
    // It was filled again.
    store.append(&table(), numbered(9..10)).await.unwrap();
    assert!(!store.retire(&before, later).await.unwrap());
    assert_eq!(count(&*store, doc! {}).await, Some(6));
    let now_seen = seen(&*store).await;
    assert!(store.retire(&now_seen, Utc::now() + DAY).await.unwrap());
}

async fn a_table_that_a_run_has_or_waits_for_stays(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..5)).await;
    let taker = Taker { task_id: "task".into(), holder: "w/1".into(), requested_at: None };
    // Taken a moment ago, not yet begun: the status is still that of the run before.
    assert!(matches!(store.take(&table(), &taker, TTL, now() + DAY).await.unwrap(), Taken::Held { .. }));
    let held = seen(&*store).await;
    assert_eq!((held.status, held.held_until), (Status::Finished, Some(now() + DAY + TTL)));
    assert!(!store.retire(&held, now() + DAY).await.unwrap());
    assert_eq!(store.clear_leftovers(now() + DAY * 2, now() + DAY).await.unwrap(), 0);
    store.leave(&table(), "w/1", now() + DAY).await.unwrap();
    // Requested, not yet taken.
    store.request(&request("task-2"), now() + DAY).await.unwrap();
    assert!(!store.retire(&seen(&*store).await, now() + DAY * 9).await.unwrap());
    assert_eq!(count(&*store, doc! {}).await, Some(5));
}

async fn a_table_that_is_used_begins_its_time_anew(store: Arc<dyn Store>) {
    store.note_use(&table(), now()).await.unwrap();
    assert_eq!(state(&*store).await, None, "noting makes no record");
    fill(&*store, &table(), numbered(0..5)).await;
    let before = seen(&*store).await;
    store.note_use(&table(), now() + DAY).await.unwrap();
    store.note_use(&table(), now()).await.unwrap();
    assert_eq!(seen(&*store).await.last_sign, now() + DAY);
    assert!(!store.retire(&before, now() + DAY * 9).await.unwrap());
    // Whoever reads the old rows says nothing about the run that makes new ones.
    store.request(&request("task"), now() + DAY).await.unwrap();
    store.note_use(&table(), now() + DAY * 2).await.unwrap();
    assert_eq!(store.silent(now() + DAY, now() + DAY * 9).await.unwrap().len(), 1);
}

async fn what_a_run_has_staged_and_left_is_cleared_when_it_is_idle(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..5)).await;
    let lost = store.begin(&table(), "lost", now() + DAY).await.unwrap();
    store.stage(&lost, numbered(0..3)).await.unwrap();
    let clear = async |before, at| store.clear_leftovers(before, at).await.unwrap();
    assert_eq!(clear(now() + DAY * 9, now() + DAY * 9).await, 0, "it runs");
    let ended = End { at: now() + DAY, ..end(Status::Error, "lost") };
    store.end(&table(), "lost", &ended).await.unwrap();
    assert_eq!(clear(now(), now() + DAY * 2).await, 0, "it ended a moment ago");
    assert_eq!(clear(now() + DAY, now() + DAY * 2).await, 1);
    assert_eq!(clear(now() + DAY, now() + DAY * 2).await, 0);
    assert_eq!(all(&*store).await, numbered(0..5));
    assert!(store.stage(&lost, numbered(3..4)).await.is_err(), "its run is void");
    assert!(store.commit(&lost, &outcome(3)).await.is_err());
    fill(&*store, &table(), numbered(0..6)).await;
    assert_eq!(all(&*store).await, numbered(0..6));
}

async fn rows_that_are_read_are_read_to_their_end(store: Arc<dyn Store>) {
    fill(&*store, &named(8), numbered(0..1)).await;
    fill(&*store, &table(), numbered(0..100)).await;
    let query = RowQuery { limit: Some(100), ..RowQuery::default() };
    let mut rows = store.rows(&table(), query).await.unwrap();
    assert!(rows.try_next().await.unwrap().is_some());
    let seen = seen(&*store).await;
    assert!(store.retire(&seen, now() + DAY).await.unwrap());
    assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 99);
}

/// Rows of about 2 KB.
fn large(numbers: std::ops::Range<u32>) -> Vec<Row> {
    numbers.map(|n| row(doc! { "_id": oid(n), "n": n, "text": "x".repeat(2000) })).collect()
}

#[test]
fn the_embedded_store_gives_space_back_while_it_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = migrated(&embedded_settings(folder.path())).await;
        let bytes = || std::fs::metadata(folder.path().join("reports.sqlite3")).unwrap().len();
        for number in [1, 2] {
            let staging = store.begin(&named(number), "run", now()).await.unwrap();
            for start in (0..20_000).step_by(1000) {
                store.stage(&staging, large(start..start + 1000)).await.unwrap();
            }
            store.commit(&staging, &outcome(20_000)).await.unwrap();
        }
        let states = store.tables(None, 10).await.unwrap();
        assert!(store.retire(&states[0], now() + DAY).await.unwrap());
        let full = bytes();
        let (other, new, nothing) = (named(2), table(), doc! { "text": "y" });
        let (read, written) = (store.count(&other, &nothing), fill(&*store, &new, numbered(0..100)));
        let (given, read, _) = futures_util::join!(store.give_back_space(), read, written);
        let given = given.unwrap();
        assert_eq!(read.unwrap(), Some(0));
        assert!(given > 20_000_000, "{given} bytes given back");
        // The end of the last reading lets the file be cut.
        store.give_back_space().await.unwrap();
        fill(&*store, &table(), numbered(0..100)).await;
        assert_eq!(store.give_back_space().await.unwrap(), 0, "the rest is kept for the next rows");
        assert!(bytes() < full - 15_000_000, "{} of {full} bytes", bytes());
        assert_eq!(store.count(&named(2), &doc! {}).await.unwrap(), Some(20_000));
        assert_eq!(all(&*store).await, numbered(0..100));
    });
}
