//! A MongoDB server that is killed and comes back.

use super::*;
use crate::support::mongo::DurableServer;
use maestro_reports::store::StoreError;

#[test]
fn what_was_confirmed_outlives_a_kill_of_the_server() {
    let Some(server) = DurableServer::start() else { return };
    let settings = config::Store {
        mongo_uri: Some(config::Secret::new(server.uri())),
        mongo_database: "reports".to_owned(),
        data_dir: Default::default(),
    };
    run(async {
        let store = migrated(&settings).await;
        fill(&*store, &table(), numbered(0..500)).await;
        let staging = store.begin(&table(), "run-2", now()).await.unwrap();
        assert_eq!(store.stage(&staging, numbered(0..300)).await.unwrap().new, 300);
        server.kill();
        let away = store.stage(&staging, numbered(300..400)).await.unwrap_err();
        assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
        server.start_again();
        assert_eq!(all(&*store).await, numbered(0..500));
        assert_eq!(store.stage(&staging, numbered(200..400)).await.unwrap().new, 100);
        store.commit(&staging, &outcome(400)).await.unwrap();
        assert_eq!(all(&*store).await, numbered(0..400));
    });
}
