//! Reading rows: filters, order, pages and streams.

use super::*;
use bson::{Bson, Regex};
use futures_util::StreamExt;
use maestro_reports::store::Direction::{self, Ascending, Descending};
use maestro_reports::store::StoreError;

over_every_store!(
    filters_select_rows_as_mongodb_does,
    rows_sort_by_type_and_value_in_both_directions,
    equal_rows_follow_in_id_order_of_the_same_direction,
    lists_sort_by_their_smallest_or_largest_element,
    without_an_order_rows_come_as_they_were_written,
    a_table_without_rows_is_told_from_one_without_a_record,
    a_long_stream_takes_no_memory,
    a_reader_in_the_middle_of_a_stream_survives_a_commit,
    a_stream_can_be_left_early,
);

fn host(number: u32, fields: Document) -> Row {
    let mut host = doc! { "_id": oid(number) };
    host.extend(fields);
    row(host)
}

fn date(text: &str) -> bson::DateTime {
    bson::DateTime::parse_rfc3339_str(text).unwrap()
}

/// The last bytes of the rows' ids, in the order read.
fn ids(rows: &[Row]) -> Vec<u8> {
    rows.iter().map(|row| row.get_object_id("_id").unwrap().bytes()[11]).collect()
}

async fn filters_select_rows_as_mongodb_does(store: Arc<dyn Store>) {
    let rows = vec![
        host(
            1,
            doc! { "name": "web-1", "cpu": 4, "os": { "base": "Linux" }, "updated_at": date("2026-01-01T00:00:00Z"), "disks": [{ "size": 10, "t": "a" }, { "size": 40, "t": "b" }] },
        ),
        host(
            2,
            doc! { "name": "WEB-2", "cpu": 8.0, "os": { "base": "Windows" }, "updated_at": date("2026-02-01T00:00:00Z"), "clients": [{ "_id": oid(77) }] },
        ),
        host(
            3,
            doc! { "name": "db.1", "cpu": 16_i64, "os": { "base": "Linux" }, "updated_at": date("2026-03-01T00:00:00Z"), "disks": [{ "size": 20, "t": "a" }] },
        ),
        host(4, doc! { "name": Bson::Null, "tags": ["a", "b"] }),
    ];
    fill(&*store, &table(), rows).await;
    let regex =
        Bson::RegularExpression(Regex { pattern: "^web".try_into().unwrap(), options: "i".try_into().unwrap() });
    let cases = [
        (doc! {}, vec![1, 2, 3, 4]),
        (doc! { "name": "web-1" }, vec![1]),
        (doc! { "name": Bson::Null }, vec![4]),
        (doc! { "cpu": { "$gte": 8 } }, vec![2, 3]),
        (doc! { "cpu": { "$gt": 4, "$lt": 16.0 } }, vec![2]),
        (doc! { "cpu": { "$in": [4, 16] } }, vec![1, 3]),
        (doc! { "name": { "$in": ["web-1", "db.1", "none"] } }, vec![1, 3]),
        (doc! { "name": { "$regex": "^web", "$options": "i" } }, vec![1, 2]),
        (doc! { "name": regex }, vec![1, 2]),
        (doc! { "name": { "$not": { "$regex": "^web", "$options": "i" } } }, vec![3, 4]),
        (doc! { "name": { "$regex": "b.1" } }, vec![1, 3]),
        (doc! { "os.base": "Linux", "cpu": { "$ne": 4 } }, vec![3]),
        (doc! { "updated_at": { "$gte": date("2026-02-01T00:00:00Z") } }, vec![2, 3]),
        (doc! { "_id": oid(3) }, vec![3]),
        (doc! { "_id": { "$in": [oid(1), oid(4), oid(9)] } }, vec![1, 4]),
        (doc! { "clients._id": oid(77) }, vec![2]),
        (doc! { "disks.size": 20 }, vec![3]),
        (doc! { "disks.size": { "$gte": 40 } }, vec![1]),
        (doc! { "disks": { "$elemMatch": { "size": { "$gte": 20 }, "t": "a" } } }, vec![3]),
        (doc! { "tags": "b" }, vec![4]),
        (doc! { "tags": { "$exists": true } }, vec![4]),
        (doc! { "$or": [{ "cpu": 4 }, { "tags": "a" }] }, vec![1, 4]),
        (doc! { "$and": [{ "os.base": "Linux" }, { "$or": [{ "cpu": 16 }, { "cpu": 8 }] }] }, vec![3]),
        (doc! { "cpu": { "$not": { "$gte": 8 } } }, vec![1, 4]),
        (doc! { "os.base": { "$nin": ["Linux"] } }, vec![2, 4]),
        (doc! { "none": "x" }, vec![]),
    ];
    for (filter, expected) in cases {
        let query = RowQuery { filter: filter.clone(), sort: Some(("_id".into(), Ascending)), ..RowQuery::default() };
        assert_eq!(ids(&read(&*store, query).await), expected, "{filter}");
        assert_eq!(count(&*store, filter.clone()).await, Some(expected.len() as u64), "{filter}");
    }
}

async fn sorted(store: &dyn Store, path: &str, direction: Direction) -> Vec<u8> {
    ids(&read(store, RowQuery { sort: Some((path.into(), direction)), ..RowQuery::default() }).await)
}

async fn rows_sort_by_type_and_value_in_both_directions(store: Arc<dyn Store>) {
    let values: Vec<Option<Bson>> = vec![
        Some(true.into()),
        Some(date("2026-01-01T00:00:00Z").into()),
        Some("b".into()),
        Some(7_i64.into()),
        None,
        Some("B".into()),
        Some((-1.5).into()),
        Some(oid(1).into()),
        Some(doc! { "x": 1 }.into()),
        Some(7.5.into()),
        Some(false.into()),
    ];
    let rows = values
        .into_iter()
        .zip(1..)
        .map(|(value, number)| host(number, value.map(|value| doc! { "v": { "w": value } }).unwrap_or_default()));
    fill(&*store, &table(), rows.collect()).await;
    let ascending = [5, 7, 4, 10, 6, 3, 9, 8, 11, 1, 2];
    assert_eq!(sorted(&*store, "v.w", Ascending).await, ascending);
    let descending: Vec<u8> = ascending.into_iter().rev().collect();
    assert_eq!(sorted(&*store, "v.w", Descending).await, descending);
}

async fn equal_rows_follow_in_id_order_of_the_same_direction(store: Arc<dyn Store>) {
    let day = |n: u32| date(if n.is_multiple_of(2) { "2026-01-01T00:00:00Z" } else { "2026-02-01T00:00:00Z" });
    // Written in the opposite order, some without a date.
    let rows = (1..=9).rev().map(|n| {
        host(
            n,
            if n < 8 {
                doc! { "updated_at": day(n) }
            } else {
                doc! {}
            },
        )
    });
    fill(&*store, &table(), rows.collect()).await;
    let newest_first = [7, 5, 3, 1, 6, 4, 2, 9, 8];
    assert_eq!(sorted(&*store, "updated_at", Descending).await, newest_first);
    assert_eq!(sorted(&*store, "updated_at", Ascending).await, [8, 9, 2, 4, 6, 1, 3, 5, 7]);
    assert_eq!(sorted(&*store, "_id", Descending).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let mut paged = Vec::new();
    for page in 0..4 {
        let query = RowQuery {
            sort: Some(("updated_at".into(), Descending)),
            skip: page * 4,
            limit: Some(4),
            ..RowQuery::default()
        };
        paged.extend(ids(&read(&*store, query).await));
    }
    assert_eq!(paged, newest_first);
    assert!(read(&*store, RowQuery { limit: Some(0), ..RowQuery::default() }).await.is_empty());
}

async fn lists_sort_by_their_smallest_or_largest_element(store: Arc<dyn Store>) {
    let rows = vec![
        host(1, doc! { "disks": [{ "size": 5 }, { "size": 50 }] }),
        host(2, doc! { "disks": [{ "size": 10 }] }),
        host(3, doc! { "disks": [{ "size": 1 }, { "size": 7 }] }),
    ];
    fill(&*store, &table(), rows).await;
    assert_eq!(sorted(&*store, "disks.size", Ascending).await, [3, 1, 2]);
    assert_eq!(sorted(&*store, "disks.size", Descending).await, [1, 2, 3]);
}

async fn without_an_order_rows_come_as_they_were_written(store: Arc<dyn Store>) {
    fill(&*store, &table(), vec![host(9, doc! {}), host(1, doc! {}), host(5, doc! {})]).await;
    assert_eq!(ids(&read(&*store, RowQuery::default()).await), [9, 1, 5]);
}

async fn a_table_without_rows_is_told_from_one_without_a_record(store: Arc<dyn Store>) {
    assert_eq!(count(&*store, doc! {}).await, None);
    assert!(all(&*store).await.is_empty());
    store.request(&request("task-1"), now()).await.unwrap();
    assert_eq!(count(&*store, doc! {}).await, Some(0));
    fill(&*store, &table(), Vec::new()).await;
    assert_eq!(count(&*store, doc! { "a": 1 }).await, Some(0));
    assert!(all(&*store).await.is_empty());
}

async fn a_long_stream_takes_no_memory(store: Arc<dyn Store>) {
    const ROWS: u32 = 50_000;
    let staging = store.begin(&table(), "run", now()).await.unwrap();
    let text = "x".repeat(1_000);
    for start in (0..ROWS).step_by(2_500) {
        let batch = (start..start + 2_500)
            .map(|n| row(doc! { "_id": oid(n), "updated_at": date("2026-01-01T00:00:00Z"), "text": &text }));
        store.stage(&staging, batch.collect()).await.unwrap();
    }
    store.commit(&staging, &outcome(u64::from(ROWS))).await.unwrap();
    let before = resident_bytes();
    let query = RowQuery { sort: Some(("updated_at".into(), Descending)), ..RowQuery::default() };
    let mut rows = store.rows(&table(), query).await.unwrap();
    let (mut read, mut samples) = (0, Vec::new());
    while let Some(row) = rows.next().await {
        read += 1;
        assert_eq!(row.unwrap().get_object_id("_id").unwrap(), oid(ROWS - read));
        if read % 1_000 == 0 {
            samples.push(resident_bytes());
        }
    }
    assert_eq!(read, ROWS);
    // The median: other tests come and go in this process.
    samples.sort_unstable();
    let more = samples[samples.len() / 2].saturating_sub(before);
    assert!(more < 25_000_000, "{more} bytes more while reading 50 MB");
}

/// The memory that this process holds.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn a_reader_in_the_middle_of_a_stream_survives_a_commit(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..3_000)).await;
    let query = RowQuery { sort: Some(("_id".into(), Ascending)), ..RowQuery::default() };
    let mut rows = store.rows(&table(), query).await.unwrap();
    let first = rows.next().await.unwrap().unwrap();
    fill(&*store, &table(), numbered(5_000..5_010)).await;
    let mut seen = vec![first];
    seen.extend(rows.try_collect::<Vec<_>>().await.unwrap());
    assert_eq!(seen, numbered(0..3_000));
    assert_eq!(all(&*store).await, numbered(5_000..5_010));
}

async fn a_stream_can_be_left_early(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..3_000)).await;
    for _ in 0..50 {
        let mut rows = store.rows(&table(), RowQuery::default()).await.unwrap();
        rows.next().await.unwrap().unwrap();
    }
    assert_eq!(count(&*store, doc! {}).await, Some(3_000));
}

/// The MongoDB test server does not stop a query in time.
#[test]
fn a_query_over_its_time_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let settings = embedded_settings(folder.path());
        let patient = migrated(&settings).await;
        fill(&*patient, &table(), numbered(0..5_000)).await;
        let hasty = store::connect(&settings, Duration::ZERO).await.unwrap();
        let error = hasty.count(&table(), &doc! { "n": { "$gte": 0 } }).await.unwrap_err();
        assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
        let query = RowQuery { sort: Some(("n".into(), Descending)), ..RowQuery::default() };
        let error = hasty.rows(&table(), query).await.err().unwrap();
        assert!(matches!(error, StoreError::TimedOut { .. }), "{error}");
    });
}
