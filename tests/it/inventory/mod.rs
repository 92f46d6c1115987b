//! The inventory: its matcher against a MongoDB server, and the built program over folders of files.

mod aggregate;
mod files;
mod find;
mod matcher;
mod reports;

use crate::support::program::Program;
use actix_web::web::Bytes;
use awc::http::Method;
use maestro_reports::{auth, config};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const OWNER: &str = "5c0000000000000000000001";

/// A running inventory over a folder of its own.
struct Inventory {
    folder: TempDir,
    /// Where the program puts its private files, so that they go although it is killed.
    private: TempDir,
    program: Program,
}

impl Inventory {
    /// Over these files.
    fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self::start(folder, &[])
    }

    /// Over a sample of so many servers.
    fn sample(servers: u32) -> Self {
        Self::start(tempfile::tempdir().unwrap(), &["--sample", &servers.to_string()])
    }

    fn start(folder: TempDir, more: &[&str]) -> Self {
        let private = tempfile::tempdir().unwrap();
        let (dir, temp) = (folder.path().to_str().unwrap(), private.path().to_str().unwrap());
        let args = [&["inventory", "--dir", dir, "--port", "0"], more].concat();
        let program = Program::listening(&args, &[("TMPDIR", temp)]);
        Self { folder, private, program }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a request with a good token: the status and the body.
    fn call(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        self.call_as(&good_token(), method, path, body)
    }

    fn call_as(&self, authorization: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let (status, bytes) = self.bytes(authorization, method, path, body);
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn bytes(&self, authorization: &str, method: Method, path: &str, body: &Value) -> (u16, Bytes) {
        let url = format!("{}{path}", self.program.url());
        actix_web::rt::System::new().block_on(async {
            let client = awc::Client::builder().timeout(Duration::from_secs(60)).finish();
            let request = client.request(method, url).insert_header(("Authorization", authorization));
            let mut answer = request.send_json(body).await.unwrap();
            (answer.status().as_u16(), answer.body().limit(256 << 20).await.unwrap())
        })
    }

    /// A page of a component: the whole answer.
    fn find(&self, component: &str, query: &Value, limit: u32, page: u32) -> Value {
        let body = json!({"query": query.to_string(), "limit": limit, "page": page});
        let (status, answer) = self.call(Method::POST, &format!("/{component}"), &body);
        assert_eq!(status, 200, "{query}: {answer}");
        answer
    }

    /// The names of the documents that a query selects, in order.
    fn names(&self, component: &str, query: &Value) -> Vec<String> {
        let answer = self.find(component, query, 1000, 1);
        answer["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The message of a query that is refused with this status.
    fn refused(&self, status: u16, path: &str, body: &Value) -> String {
        let (got, answer) = self.call(Method::POST, path, body);
        assert_eq!(got, status, "{body}: {answer}");
        answer["error"]["msg"].as_str().unwrap().to_owned()
    }

    fn aggregate(&self, entity: &str, pipeline: &Value) -> Vec<Value> {
        let body = json!({"entity": entity, "pipeline": pipeline.to_string()});
        let (status, mut answer) = self.call(Method::POST, "/aggregate", &body);
        assert_eq!(status, 200, "{pipeline}: {answer}");
        serde_json::from_value(answer["items"].take()).unwrap()
    }
}

/// The header of a token that is let in.
fn good_token() -> String {
    format!("JWT {}", token("defaultSecretNoAuthToken"))
}

/// A token with the default key.
fn token(noauth: &str) -> String {
    auth::sign(&config::Auth::new("defaultSecretKeyPrivate", noauth)).unwrap()
}
