//! The stores' conformance suite.

use crate::support::mongo;

#[test]
fn the_test_server_answers() {
    let Some(database) = mongo::database() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&database.uri).await.unwrap();
        let names = client.database(&database.name).list_collection_names().await.unwrap();
        assert!(names.is_empty());
    });
}
