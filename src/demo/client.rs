//! The demo as a client of its own API.

use super::reports::DemoReport;
use crate::auth;
use crate::config::Auth;
use crate::domain::{ReportId, TableName};
use anyhow::{Context, bail};
use bson::oid::ObjectId;
use serde_json::{Value, json};

/// A client with a service token.
pub(super) struct Client {
    http: awc::Client,
    address: String,
}

impl Client {
    /// A client of the API at `address`.
    pub(super) fn new(address: &str, auth: &Auth) -> anyhow::Result<Self> {
        let token = format!("JWT {}", auth::sign(auth)?);
        let http = awc::Client::builder().add_default_header(("Authorization", token)).finish();
        Ok(Self { http, address: address.to_owned() })
    }

    /// Requests a report; the table that it will fill.
    pub(super) async fn request(&self, demo: &DemoReport, owner: &str) -> anyhow::Result<TableName> {
        let id: ReportId = ObjectId::new().to_hex().parse()?;
        let body = json!({
            "report_id": id, "owner_user": owner, "name": demo.name, "component": demo.component,
            // A text of JSON, as the platform's front API sends it.
            "filters": demo.filters.to_string(),
        });
        let url = format!("{}/reports/{}", self.address, demo.kind);
        let sent = self.http.post(url).send_json(&body).await;
        let mut response = sent.map_err(|error| anyhow::anyhow!("the API cannot be reached: {error}"))?;
        let answer: Value = response.json().await.context("the answer of the API is no JSON")?;
        if !response.status().is_success() {
            bail!("the API answered {}: {answer}", response.status());
        }
        Ok(TableName::new(id, demo.kind))
    }
}
