//! The demo's reports: a dozen questions that people who run fleets ask.

use crate::domain::{ReportType, Status};
use serde_json::{Value, json};

/// A report of the demo and how it should end.
pub(super) struct DemoReport {
    /// What it shows.
    pub(super) name: &'static str,
    /// General or pivot.
    pub(super) kind: ReportType,
    /// The component, for a general report.
    pub(super) component: Option<&'static str>,
    /// The filters as the web client sends them.
    pub(super) filters: Value,
    /// How it should end.
    pub(super) status: Status,
}

fn general(name: &'static str, component: &'static str, filters: Value) -> DemoReport {
    DemoReport { name, kind: ReportType::General, component: Some(component), filters, status: Status::Finished }
}

fn pivot(name: &'static str, filters: Value) -> DemoReport {
    DemoReport { name, kind: ReportType::Pivot, component: None, filters, status: Status::Finished }
}

fn equal(field: &str, typ: &str, value: &str) -> Value {
    json!({"field": field, "typ": typ, "comparer": "equal", "filter": value})
}

fn within(field: &str, typ: &str, subfield: &str, value: &str) -> Value {
    json!({"field": field, "typ": typ, "comparer": "equal", "subfield": subfield, "subfilter": value})
}

fn on(filters: Value) -> Value {
    json!({"enabled": true, "filters": filters})
}

/// The reports, the largest first.
pub(super) fn all() -> Vec<DemoReport> {
    let active = || equal("active", "boolean", "true");
    vec![
        general("Every server", "Servers", json!([])),
        general(
            "Linux in production",
            "Servers",
            json!([active(), equal("environment", "select", "production"), within("os", "object", "base", "Linux")]),
        ),
        general(
            "Large machines",
            "Servers",
            json!([
                {"field": "cpu", "typ": "number", "comparer": "greater", "filter": "8"},
                {"field": "memory", "typ": "number", "comparer": "greater", "filter": "32"},
            ]),
        ),
        general(
            "Web hosts",
            "Servers",
            json!([{"field": "hostname", "typ": "string", "comparer": "contain", "filter": "web"}]),
        ),
        general("Servers at AWS", "Servers", json!([within("datacenters", "object", "provider", "AWS")])),
        general(
            "Unchanged since mid-2025",
            "Servers",
            json!([{"field": "updated_at", "typ": "date", "comparer": "before", "filter": "2025-06-30T00:00:00.000Z"}]),
        ),
        general("Databases", "Applications", json!([equal("family", "select", "Database")])),
        general("Systems", "Systems", json!([active()])),
        general("Data centers", "Datacenters", json!([])),
        pivot("Servers of each application", json!({"applications": on(json!([])), "servers": on(json!([active()]))})),
        pivot(
            "Clients to production servers",
            json!({
                "clients": on(json!([])), "systems": on(json!([])), "applications": on(json!([])),
                "servers": on(json!([equal("environment", "select", "production")])),
            }),
        ),
        DemoReport {
            status: Status::Warning,
            ..general("Nothing to find", "Servers", json!([equal("hostname", "string", "no-such-host")]))
        },
    ]
}
