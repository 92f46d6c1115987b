//! Indexes, pages and counts: however rows are found, the answer is the same.

use super::*;
use bson::Bson;
use maestro_reports::store::Direction::{Ascending, Descending};

over_every_store!(
    an_index_changes_no_order,
    a_page_is_a_piece_of_the_whole,
    what_is_counted_and_what_is_read_are_one_state,
    rows_appended_to_an_indexed_table_are_in_their_place,
);

/// Enough rows for indexes.
const ROWS: u32 = 2_200;

/// A few values of many types, so that most rows are equal to others in them.
fn value(number: u32) -> Option<Bson> {
    Some(match number % 11 {
        0 => return None,
        1 => Bson::Null,
        2 => (f64::from(number % 3) / 2.0).into(),
        3 => (number % 3).into(),
        4 => i64::from(number % 3).into(),
        5 => Bson::Boolean(number.is_multiple_of(2)),
        6 => bson::DateTime::from_millis(i64::from(number % 5) - 2).into(),
        7 => oid(number % 7).into(),
        8 => doc! { "x": number % 2 }.into(),
        9 => "".into(),
        _ => format!("web-{}", number % 40).into(),
    })
}

/// A row with the same value in columns with an index and without; `name` has lists in some rows.
fn mixed(number: u32) -> Row {
    let mut fields = doc! { "_id": oid(number), "n": number % 100 };
    if let Some(value) = value(number) {
        fields.extend(["hostname", "updated_at", "other"].map(|column| (column.to_owned(), value.clone())));
    }
    let list = if number.is_multiple_of(50) { Bson::from(vec![number % 9, 4]) } else { (number % 9).into() };
    fields.extend(["name", "list"].map(|column| (column.to_owned(), list.clone())));
    row(fields)
}

/// A table of mixed rows, written in an order of their own.
async fn fill_mixed(store: &dyn Store) {
    let staging = store.begin(&table(), "run", now()).await.unwrap();
    let numbers: Vec<u32> = (0..ROWS).map(|n| n * 7 % ROWS).collect();
    for batch in numbers.chunks(500) {
        store.stage(&staging, batch.iter().copied().map(mixed).collect()).await.unwrap();
    }
    let columns = ["_id", "name", "hostname", "other", "list", "updated_at"].map(str::to_owned).to_vec();
    store.commit(&staging, &Outcome { columns, ..outcome(u64::from(ROWS)) }).await.unwrap();
    for _ in 0..2 {
        store.index(&table()).await.unwrap();
    }
}

fn by(path: &str, direction: store::Direction) -> RowQuery {
    RowQuery { sort: Some((path.to_owned(), direction)), ..RowQuery::default() }
}

async fn ids(store: &dyn Store, query: RowQuery) -> Vec<ObjectId> {
    read(store, query).await.iter().map(|row| row.get_object_id("_id").unwrap()).collect()
}

async fn an_index_changes_no_order(store: Arc<dyn Store>) {
    fill_mixed(&*store).await;
    for (indexed, plain) in [("hostname", "other"), ("updated_at", "other"), ("name", "list")] {
        for direction in [Ascending, Descending] {
            let expected = ids(&*store, by(plain, direction)).await;
            assert_eq!(expected.len(), ROWS as usize);
            assert_eq!(ids(&*store, by(indexed, direction)).await, expected, "{indexed} {direction:?}");
            for skip in [0, 50, 1_999, u64::from(ROWS)] {
                let page = RowQuery { skip, limit: Some(50), ..by(indexed, direction) };
                let piece: Vec<_> = expected.iter().skip(skip as usize).take(50).copied().collect();
                assert_eq!(ids(&*store, page).await, piece, "{indexed} {direction:?} from {skip}");
            }
        }
    }
    let reversed: Vec<_> = ids(&*store, by("hostname", Descending)).await.into_iter().rev().collect();
    assert_eq!(ids(&*store, by("hostname", Ascending)).await, reversed, "one order is the reverse of the other");
}

async fn a_page_is_a_piece_of_the_whole(store: Arc<dyn Store>) {
    fill_mixed(&*store).await;
    let filters =
        [doc! { "n": { "$lt": 40 } }, doc! { "hostname": { "$regex": "WEB-1", "$options": "i" } }, doc! { "n": -1 }];
    for filter in filters {
        for sort in [None, Some(("_id", Descending)), Some(("hostname", Ascending)), Some(("list", Descending))] {
            let sort = sort.map(|(path, direction)| (path.to_owned(), direction));
            let all = RowQuery { filter: filter.clone(), sort, ..RowQuery::default() };
            let whole = ids(&*store, all.clone()).await;
            for (skip, limit) in [(0, 7), (3, 50), (800, 100), (5_000, 10), (0, 0)] {
                let page = RowQuery { skip, limit: Some(limit), ..all.clone() };
                let found = store.find(&table(), page.clone()).await.unwrap().unwrap();
                assert_eq!(found.count, whole.len() as u64, "{page:?}");
                let piece: Vec<_> = whole.iter().skip(skip as usize).take(limit as usize).copied().collect();
                assert_eq!(ids(&*store, page.clone()).await, piece, "{page:?}");
            }
        }
    }
}

async fn what_is_counted_and_what_is_read_are_one_state(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..5)).await;
    for round in 0..40 {
        let rows = if round % 2 == 0 { 25 } else { 5 };
        let commit = async { fill(&*store, &table(), numbered(0..rows)).await };
        let reading = async {
            for filter in [doc! {}, doc! { "n": { "$gte": 0 } }] {
                let query = RowQuery { filter, limit: Some(100), ..by("n", Descending) };
                let found = store.find(&table(), query).await.unwrap().unwrap();
                let rows: Vec<Row> = found.rows.try_collect().await.unwrap();
                assert_eq!(rows.len() as u64, found.count);
            }
        };
        futures_util::join!(commit, reading);
    }
}

async fn rows_appended_to_an_indexed_table_are_in_their_place(store: Arc<dyn Store>) {
    fill_mixed(&*store).await;
    let more = vec![
        row(doc! { "_id": oid(ROWS), "hostname": "zzz", "other": "zzz" }),
        row(doc! { "_id": oid(3), "hostname": ["aaa", oid(9)], "other": ["aaa", oid(9)] }),
    ];
    store.append(&table(), more).await.unwrap();
    for direction in [Ascending, Descending] {
        let expected = ids(&*store, by("other", direction)).await;
        assert_eq!(expected.len(), ROWS as usize + 1);
        assert_eq!(ids(&*store, by("hostname", direction)).await, expected, "{direction:?}");
    }
    assert_eq!(count(&*store, doc! {}).await, Some(u64::from(ROWS) + 1));
}

#[test]
fn a_large_table_has_indexes_on_its_usual_columns() {
    let folder = tempfile::tempdir().unwrap();
    run(async { fill_mixed(&*migrated(&embedded_settings(folder.path())).await).await });
    let file = rusqlite::Connection::open(folder.path().join("reports.sqlite3")).unwrap();
    let sql = "SELECT group_concat(name, ' ' ORDER BY name) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'rows_1_by_%'";
    let names: String = file.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(names, "rows_1_by_hostname rows_1_by_name rows_1_by_updated_at");
}
