//! Writing rows: appending, and rows that a store does not take.

use super::*;
use bson::Bson;
use maestro_reports::store::{Appended, StoreError};

over_every_store!(
    appended_rows_replace_those_of_the_same_id,
    appending_to_nothing_makes_a_finished_table,
    appended_rows_join_a_committed_table_and_are_gone_with_the_next_run,
    a_key_with_a_dot_or_a_dollar_is_stored_or_refused_by_name,
    an_appended_row_is_never_taken_for_an_update,
    a_row_without_id_is_refused,
    a_row_that_is_too_large_is_refused_by_its_id,
    ids_of_any_type_are_kept_apart_by_value,
);

async fn appended_rows_replace_those_of_the_same_id(store: Arc<dyn Store>) {
    let rows = [doc! { "_id": oid(1), "n": 1 }, doc! { "n": "no id" }, doc! { "_id": oid(2), "n": 2 }].map(row).into();
    let done = store.append(&table(), rows).await.unwrap();
    assert_eq!(done, Appended { upserted: 2, matched: 0, skipped: 1 });
    let rows = [doc! { "_id": oid(2), "m": 22 }, doc! { "_id": oid(3), "n": 3 }].map(row).into();
    let done = store.append(&table(), rows).await.unwrap();
    assert_eq!(done, Appended { upserted: 1, matched: 1, skipped: 0 });
    let expected = [doc! { "_id": oid(1), "n": 1 }, doc! { "_id": oid(2), "m": 22 }, doc! { "_id": oid(3), "n": 3 }];
    assert_eq!(all(&*store).await, expected.map(row));
}

async fn appending_to_nothing_makes_a_finished_table(store: Arc<dyn Store>) {
    assert_eq!(store.append(&table(), Vec::new()).await.unwrap(), Appended::default());
    assert_eq!(count(&*store, doc! {}).await, Some(0));
    store.append(&table(), numbered(0..4)).await.unwrap();
    let report = store.report(&table()).await.unwrap().unwrap();
    assert_eq!((report.status, report.rows, report.columns), (Status::Finished, 4, vec!["_id".into(), "n".into()]));
    assert!(report.generation.is_some());
}

async fn appended_rows_join_a_committed_table_and_are_gone_with_the_next_run(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..2)).await;
    store.append(&table(), numbered(1..4)).await.unwrap();
    assert_eq!(all(&*store).await, numbered(0..4));
    assert_eq!(store.report(&table()).await.unwrap().unwrap().rows, 4);
    fill(&*store, &table(), numbered(7..8)).await;
    assert_eq!(all(&*store).await, numbered(7..8));
}

async fn a_key_with_a_dot_or_a_dollar_is_stored_or_refused_by_name(store: Arc<dyn Store>) {
    for odd in [
        doc! { "_id": oid(1), "tags": { "aws.name": "x" } },
        doc! { "_id": oid(2), "tags": [{ "$cost": 3 }] },
        doc! { "_id": oid(3), "a.b": 1 },
        doc! { "_id": oid(4), "$where": "sleep(1)" },
    ] {
        let staging = store.begin(&table(), "run", now()).await.unwrap();
        match store.stage(&staging, vec![row(odd.clone())]).await {
            Ok(staged) => {
                assert_eq!(staged.new, 1);
                store.commit(&staging, &outcome(1)).await.unwrap();
                assert_eq!(all(&*store).await, [row(odd)]);
            }
            Err(StoreError::Refused { what, .. }) => {
                let named = ["aws.name", "$cost", "a.b", "$where"].iter().any(|key| what.contains(key));
                assert!(named, "{odd}: {what}");
            }
            Err(other) => panic!("{odd}: {other}"),
        }
    }
}

async fn an_appended_row_is_never_taken_for_an_update(store: Arc<dyn Store>) {
    store.append(&table(), vec![row(doc! { "_id": oid(1), "n": 1 })]).await.unwrap();
    let hostile = doc! { "_id": oid(1), "$set": { "n": "changed" } };
    match store.append(&table(), vec![row(hostile.clone())]).await {
        Ok(_) => assert_eq!(all(&*store).await, [row(hostile)]),
        Err(StoreError::Refused { what, .. }) => {
            assert!(what.contains("$set"), "{what}");
            assert_eq!(all(&*store).await, [row(doc! { "_id": oid(1), "n": 1 })]);
        }
        Err(other) => panic!("{other}"),
    }
}

async fn a_row_without_id_is_refused(store: Arc<dyn Store>) {
    let staging = store.begin(&table(), "run", now()).await.unwrap();
    for bad in [doc! { "n": 1 }, doc! { "_id": [1, 2] }] {
        let error = store.stage(&staging, vec![row(bad)]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused { what, .. } if what.contains("_id")), "{error}");
    }
}

async fn a_row_that_is_too_large_is_refused_by_its_id(store: Arc<dyn Store>) {
    let staging = store.begin(&table(), "run", now()).await.unwrap();
    let large = doc! { "_id": "big-one", "text": "x".repeat(17 * 1024 * 1024) };
    let error = store.stage(&staging, vec![row(large)]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused { what, .. } if what.contains("big-one")), "{error}");
    assert!(error.to_string().len() < 300, "the row itself is not in the message");
}

async fn ids_of_any_type_are_kept_apart_by_value(store: Arc<dyn Store>) {
    let ids: Vec<Bson> = vec![1.into(), "1".into(), "a\0b".into(), "a".into(), doc! { "x": 1 }.into(), oid(1).into()];
    let rows: Vec<Row> = ids.iter().map(|id| row(doc! { "_id": id })).collect();
    fill(&*store, &table(), rows).await;
    for id in &ids {
        assert_eq!(count(&*store, doc! { "_id": id }).await, Some(1), "{id}");
    }
    let done = store.append(&table(), vec![row(doc! { "_id": 1_i64, "same": true })]).await.unwrap();
    assert_eq!(done.matched, 1, "1 and 1 as another type of number are one id");
}
