//! Made-up clients, systems and applications, each referring to the one before.

use super::people::{Kind, is_others, partner, sign, tags};
use super::places;
use serde_json::{Value, json};

const COMPANIES: [&str; 16] = [
    "Acme",
    "Globex",
    "Initech",
    "Umbrella",
    "Hooli",
    "Stark",
    "Wayne",
    "Tyrell",
    "Cyberdyne",
    "Soylent",
    "Vandelay",
    "Wonka",
    "Duff",
    "Oceanic",
    "Gringotts",
    "Monarch",
];
const TRADES: [&str; 8] = ["Retail", "Bank", "Logistics", "Foods", "Energy", "Media", "Health", "Travel"];
const BUSINESS: [&str; 14] = [
    "Billing",
    "Checkout",
    "Catalog",
    "Search",
    "Shipping",
    "Payments",
    "Identity",
    "Loyalty",
    "Pricing",
    "Inventory",
    "Reporting",
    "Messaging",
    "Support",
    "Fraud",
];
/// Name, family and language of the parts that systems are made of.
const PARTS: [(&str, &str, &str); 12] = [
    ("api", "Application", "Java"),
    ("web", "Application", "JavaScript"),
    ("worker", "Application", "Python"),
    ("db", "Database", "PostgreSQL"),
    ("cache", "Cache", "Redis"),
    ("broker", "Broker", "RabbitMQ"),
    ("lb", "Loadbalance", "Nginx"),
    ("gateway", "ApiGateway", "Kong"),
    ("etl", "ETL", "Spark"),
    ("logs", "Logs", "Elastic"),
    ("monitor", "Monitoring", "Prometheus"),
    ("auth", "Auth", "Go"),
];
const ENVIRONMENTS: [&str; 20] = [
    "production",
    "production",
    "production",
    "production",
    "production",
    "production",
    "production",
    "production",
    "production",
    "production",
    "production",
    "staging",
    "staging",
    "staging",
    "staging",
    "development",
    "development",
    "uta",
    "training",
    "sandbox",
];

/// How many records there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) clients: u64,
    pub(super) systems: u64,
    pub(super) applications: u64,
    pub(super) servers: u64,
}

impl Counts {
    pub(super) fn of(servers: u64) -> Self {
        let share = |of: u64| servers.div_ceil(of);
        Self { clients: share(200), systems: share(40), applications: share(8), servers }
    }
}

pub(super) fn client(_: Counts, index: u64) -> Value {
    let mut random = Kind::Client.random(index);
    let name = client_name(index);
    let host = name.to_lowercase().replace(' ', "-");
    let mut contacts = vec![json!({"channel": "email", "value": format!("it@{host}.example")})];
    if random.percent(50) {
        contacts.push(json!({"channel": "phone", "value": format!("+55 11 5550-{:04}", random.below(10_000))}));
    }
    if random.percent(30) {
        contacts.push(json!({"channel": "chat", "value": format!("https://chat.{host}.example/it")}));
    }
    let mut record =
        json!({"_id": Kind::Client.id(index), "name": name, "contacts": contacts, "tags": tags(&mut random)});
    sign(&mut record, &mut random, index);
    record
}

pub(super) fn system(counts: Counts, index: u64) -> Value {
    let mut random = Kind::System.random(index);
    let mut clients: Vec<u64> = (0..1 + u64::from(random.percent(25)))
        .map(|_| partner(&mut random, counts.clients, is_others(index)))
        .collect();
    clients.dedup();
    let clients: Vec<Value> = clients
        .into_iter()
        .map(|client| json!({"_id": Kind::Client.id(client), "name": client_name(client)}))
        .collect();
    let name = system_name(index);
    let endpoint = format!("https://status.example/{}", name.to_lowercase().replace(' ', "-"));
    let mut record = json!({
        "_id": Kind::System.id(index), "name": name, "clients": clients,
        "check": [{"type": random.one(&["http", "tcp"]), "endpoint": endpoint}], "tags": tags(&mut random),
    });
    sign(&mut record, &mut random, index);
    record
}

pub(super) fn application(counts: Counts, index: u64) -> Value {
    let mut random = Kind::Application.random(index);
    let (part, family, language) = part(index);
    let name = application_name(index);
    let mut systems: Vec<u64> = (0..1 + u64::from(random.percent(15)))
        .map(|_| partner(&mut random, counts.systems, is_others(index)))
        .collect();
    systems.dedup();
    let systems: Vec<Value> = systems
        .into_iter()
        .map(|system| json!({"_id": Kind::System.id(system), "name": system_name(system)}))
        .collect();
    let place = places::place(&mut random);
    let mut record = json!({
        "_id": Kind::Application.id(index), "name": name, "family": family, "language": language,
        "environment": random.one(&ENVIRONMENTS), "provider": place.provider, "cluster": 1 + random.below(5),
        "role": {"role": part, "endpoint": format!("https://{name}.example"), "path": format!("/opt/{name}"), "command": "run"},
        "deploy": [{"type": random.one(&["docker", "ansible", "helm", "jenkins"]), "provider": place.provider}],
        "system": systems, "datacenters": place.to_json(), "tags": tags(&mut random),
    });
    if index > 0 && random.percent(60) {
        let other = random.below(index);
        record["deps"] = json!([{"_id": Kind::Application.id(other), "name": application_name(other)}]);
    }
    sign(&mut record, &mut random, index);
    record
}

/// An environment as likely as in a real inventory.
pub(super) fn environment(random: &mut super::random::Random) -> &'static str {
    random.one(&ENVIRONMENTS)
}

/// Name, family and language of the part that an application is.
pub(super) fn part(application: u64) -> (&'static str, &'static str, &'static str) {
    pick(&PARTS, application)
}

pub(super) fn application_name(index: u64) -> String {
    let parts = PARTS.len() as u64;
    numbered(
        format!("{}-{}", pick(&BUSINESS, index / parts).to_lowercase(), part(index).0),
        index,
        parts * BUSINESS.len() as u64,
    )
}

fn system_name(index: u64) -> String {
    numbered(pick(&BUSINESS, index).to_owned(), index, BUSINESS.len() as u64)
}

fn client_name(index: u64) -> String {
    let companies = COMPANIES.len() as u64;
    let name = format!("{} {}", pick(&COMPANIES, index), pick(&TRADES, index / companies));
    numbered(name, index, companies * TRADES.len() as u64)
}

fn pick<T: Copy, const N: usize>(items: &[T; N], index: u64) -> T {
    const { assert!(N > 0, "there must be something to choose from") };
    items[usize::try_from(index % N as u64).unwrap_or_default()]
}

/// Names that come round again get a number.
fn numbered(name: String, index: u64, names: u64) -> String {
    match index / names {
        0 => name,
        round => format!("{name} {}", round + 1),
    }
}
