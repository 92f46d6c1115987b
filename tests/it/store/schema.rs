//! Migrations.

use super::*;
use maestro_reports::store::Schema;

const SQLITE: &[&str] =
    &["0001_reports", "0002_runs", "0003_retention", "0004_endpoints", "0005_artifacts", "0006_schedules"];
const MONGODB: &[&str] = &["0001_reports", "0002_runs"];

async fn migrations_are_applied_once(store: Arc<dyn Store>, names: &[&str]) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(store.schema().await.unwrap(), Schema { missing: names.clone(), ..Schema::default() });
    assert_eq!(store.migrate().await.unwrap(), names);
    store.request(&request("task-1"), now()).await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), Vec::<String>::new());
    assert_eq!(store.schema().await.unwrap(), Schema { applied: names, ..Schema::default() });
    assert!(store.report(&table()).await.unwrap().is_some());
}

#[test]
fn migrations_are_applied_once_to_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let settings = embedded_settings(&folder.path().join("new/folder"));
    run(async { migrations_are_applied_once(store::connect(&settings, QUERY_TIMEOUT).await.unwrap(), SQLITE).await });
}

#[test]
fn migrations_are_applied_once_to_mongodb() {
    let Some(database) = mongo::database() else { return };
    let store = async { store::connect(&database.config(), QUERY_TIMEOUT).await.unwrap() };
    run(async { migrations_are_applied_once(store.await, MONGODB).await });
}

#[test]
fn a_newer_sqlite_schema_is_told() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = migrated(&embedded_settings(folder.path())).await;
        let file = rusqlite::Connection::open(folder.path().join("reports.sqlite3")).unwrap();
        file.execute("INSERT INTO migrations VALUES ('0999_later', 0)", []).unwrap();
        assert_eq!(store.schema().await.unwrap().unknown, ["0999_later"]);
        assert!(store.migrate().await.unwrap().is_empty());
    });
}

#[test]
fn a_newer_mongodb_schema_is_told() {
    let Some(database) = mongo::database() else { return };
    run(async {
        let store = migrated(&database.config()).await;
        let client = mongodb::Client::with_uri_str(&database.uri).await.unwrap();
        let migrations = client.database(&database.name).collection("maestro_migrations");
        migrations.insert_one(doc! { "_id": "0999_later" }).await.unwrap();
        assert_eq!(store.schema().await.unwrap().unknown, ["0999_later"]);
    });
}

#[test]
fn several_processes_open_and_migrate_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let settings = embedded_settings(folder.path());
            std::thread::spawn(move || {
                run(async { store::connect(&settings, QUERY_TIMEOUT).await.unwrap().migrate().await.unwrap().len() })
            })
        })
        .collect();
    let applied: usize = openers.into_iter().map(|opener| opener.join().unwrap()).sum();
    assert_eq!(applied, SQLITE.len());
}

#[test]
fn reports_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let settings = embedded_settings(folder.path());
    run(async { fill(&*migrated(&settings).await, &table(), numbered(0..10)).await });
    run(async {
        let store = migrated(&settings).await;
        assert_eq!(all(&*store).await, numbered(0..10));
        // What a process that died has staged goes with the next run.
        let staging = store.begin(&table(), "run", now()).await.unwrap();
        store.stage(&staging, numbered(0..3)).await.unwrap();
    });
    run(async {
        let store = migrated(&settings).await;
        fill(&*store, &table(), numbered(20..22)).await;
        let file = rusqlite::Connection::open(folder.path().join("reports.sqlite3")).unwrap();
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE 'rows_%'";
        assert_eq!(file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    });
}

#[test]
fn old_generations_are_cleared_from_mongodb() {
    let Some(database) = mongo::database() else { return };
    run(async {
        let store = migrated(&database.config()).await;
        for start in 0..4 {
            let abandoned = store.begin(&table(), "run", now()).await.unwrap();
            store.stage(&abandoned, numbered(0..2)).await.unwrap();
            fill(&*store, &table(), numbered(start..start + 3)).await;
        }
        let client = mongodb::Client::with_uri_str(&database.uri).await.unwrap();
        let collections = client.database(&database.name).list_collection_names().await.unwrap();
        let generations = collections.iter().filter(|name| name.starts_with(&table().to_string())).count();
        assert_eq!(generations, 2, "the readable one and the one before: {collections:?}");
        assert!(store.drop_table(&table()).await.unwrap());
        let collections = client.database(&database.name).list_collection_names().await.unwrap();
        assert!(!collections.iter().any(|name| name.starts_with(&table().to_string())), "{collections:?}");
    });
}

#[test]
fn tables_of_the_python_service_are_adopted() {
    let Some(database) = mongo::database() else { return };
    run(async {
        let client = mongodb::Client::with_uri_str(&database.uri).await.unwrap();
        let old = client.database(&database.name).collection::<Document>(&table().to_string());
        old.clone_with_type::<Row>().insert_many(numbered(0..70)).await.unwrap();
        let store = store::connect(&database.config(), QUERY_TIMEOUT).await.unwrap();
        assert_eq!(store.schema().await.unwrap().missing, MONGODB);
        store.migrate().await.unwrap();
        let report = store.report(&table()).await.unwrap().unwrap();
        assert_eq!((report.status, report.rows, report.generation), (Status::Finished, 70, Some(0)));
        assert_eq!((report.owner, &report.columns), (None, &vec!["_id".to_owned(), "n".to_owned()]));
        assert_eq!(all(&*store).await, numbered(0..70));
        assert_eq!(store.reports(5).await.unwrap().len(), 1);
        // Written while both services run: it is there after the next migration, and the one before is as it was.
        let later: TableName = "5c00000000000000000000b2_general".parse().unwrap();
        let written = client.database(&database.name).collection::<Row>(&later.to_string());
        written.insert_many(numbered(0..3)).await.unwrap();
        assert!(store.report(&later).await.unwrap().is_none());
        assert!(store.migrate().await.unwrap().is_empty());
        assert_eq!(store.report(&later).await.unwrap().unwrap().rows, 3);
        assert_eq!(store.report(&table()).await.unwrap().unwrap(), report);
        assert!(store.drop_table(&later).await.unwrap());
        // It is replaced like any other, and gone with the run after.
        fill(&*store, &table(), numbered(0..5)).await;
        assert_eq!(all(&*store).await, numbered(0..5));
        fill(&*store, &table(), numbered(0..6)).await;
        assert_eq!(old.count_documents(doc! {}).await.unwrap(), 0);
    });
}
