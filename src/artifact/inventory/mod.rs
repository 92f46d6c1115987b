//! Inventories for Ansible: the hosts that the rows tell of, in groups.
//!
//! ```text
//! record    the fields of a row that matter here
//! names     names of hosts, groups and variables that Ansible takes
//! seen      which server has which host name
//! groups    the groups of some hosts
//! literal   values as Ansible reads them
//! ini       the format `inventory`
//! yaml      the format `inventory-yaml`
//! ```
//!
//! A row tells of a host by its `hostname`, or of those in `servers` (pivot reports). Its variables are `ansible_host`,
//! `ansible_user`, `ansible_ssh_private_key_file` and `ansible_port` (contract §3), and the columns that were asked for.
//! A server in several rows is one host, in the groups of all of them.
//!
//! Whoever may write to the inventory must not be able to make Ansible do anything: what is no plain host name, user or
//! file is left out with a comment, and Ansible never evaluates a template of theirs.

mod groups;
pub(super) mod ini;
mod literal;
mod names;
mod record;
mod seen;
pub(super) mod yaml;

use super::{About, Cell, Layout, Options, escape};
use crate::domain::Row;
use bson::raw::RawBsonRef;
use groups::Kind;
use record::Record;
use seen::{Seen, Verdict};
use std::borrow::Cow;

/// The most characters of a text in a comment.
const NOTE_CHARS: usize = 60;

/// Reads rows as hosts.
struct Model {
    layout: Layout,
    /// The names of the layout's columns as variables; empty where none were asked for.
    variables: Vec<String>,
    seen: Seen,
}

/// What a row tells of one host.
struct Host<'r> {
    /// Its name; `None`: it has none that Ansible could use, and the notes say so.
    name: Option<Cow<'r, str>>,
    /// Lines for comments: one line each, without anything that means something to a parser.
    notes: Vec<String>,
    /// Its variables; `None` where an earlier row had them.
    variables: Option<Vec<(&'r str, Cell<'r>)>>,
    /// Values that make groups.
    groups: Vec<(Kind, &'r str)>,
}

impl Model {
    fn new(layout: Layout, options: &Options) -> Self {
        let wanted = if options.columns.is_empty() { &[] } else { layout.headings() };
        Self { variables: names::variables(wanted), layout, seen: Seen::default() }
    }

    fn hosts<'r>(&'r mut self, row: &'r Row) -> Vec<Host<'r>> {
        let record = Record::read(row);
        let servers = record.servers();
        let Self { layout, variables, seen } = self;
        let columns = || if variables.is_empty() { Vec::new() } else { layout.cells(row) };
        servers.into_iter().map(|server| host(&record, &server, seen, variables, &columns)).collect()
    }
}

fn host<'r>(
    row: &Record<'r>,
    server: &Record<'r>,
    seen: &mut Seen,
    variables: &'r [String],
    columns: &dyn Fn() -> Vec<Cell<'r>>,
) -> Host<'r> {
    let mut host = Host { name: None, notes: Vec::new(), variables: None, groups: Vec::new() };
    let id = server.id();
    let Some(hostname) = server.hostname.filter(|name| names::is_host(name)) else {
        host.notes.push(nameless(server, &id));
        return host;
    };
    let (name, verdict) = named(hostname, &id, seen);
    match verdict {
        Verdict::Taken => {
            host.notes.push(format!("no host name: _id {}, both {hostname} and {name} are other hosts'", shown(&id)));
            return host;
        }
        Verdict::Known => {}
        Verdict::New => {
            if *name != *hostname {
                let whose = if names::is_reserved(hostname) { "Ansible's own" } else { "another server's" };
                host.notes.push(format!("{name}: its host name, {hostname}, is {whose}"));
            }
            let mut all: Vec<(&'r str, Cell<'r>)> = connection(server, &name, &mut host.notes);
            all.extend(variables.iter().map(String::as_str).zip(columns()).filter(|(_, cell)| !cell.is_empty()));
            host.variables = Some(all);
        }
    }
    host.groups = row.groups(server);
    host.name = Some(name);
    host
}

/// The host's name: its own, or with the server's id behind it where that is another server's.
fn named<'r>(hostname: &'r str, id: &str, seen: &mut Seen) -> (Cow<'r, str>, Verdict) {
    // A server without an id is known by its name.
    let known_by = if id.is_empty() { hostname } else { id };
    let verdict = if names::is_reserved(hostname) { Verdict::Taken } else { seen.see(hostname, known_by) };
    if verdict != Verdict::Taken {
        return (Cow::Borrowed(hostname), verdict);
    }
    let other = names::with_id(hostname, known_by);
    let verdict = seen.see(&other, known_by);
    (Cow::Owned(other), verdict)
}

fn nameless(server: &Record<'_>, id: &str) -> String {
    let which = if id.is_empty() { "a row without _id".to_owned() } else { format!("_id {}", shown(id)) };
    match server.hostname {
        Some(name) => format!("no host name: {which}, its hostname is \"{}\"", shown(name)),
        None => format!("no host name: {which}"),
    }
}

/// How Ansible gets to a host: the variables of contract §3.
fn connection<'r>(server: &Record<'r>, name: &str, notes: &mut Vec<String>) -> Vec<(&'static str, Cell<'r>)> {
    let mut variables = Vec::new();
    if let Some(address) = server.address() {
        variables.push(("ansible_host", Cell::Value(RawBsonRef::String(address))));
    }
    for (variable, value) in [("ansible_user", server.user()), ("ansible_ssh_private_key_file", server.key())] {
        match value {
            Some(text) if names::is_argument(text) => variables.push((variable, Cell::Value(RawBsonRef::String(text)))),
            Some(text) => notes.push(format!("{name}: {variable} is left out: \"{}\"", shown(text))),
            None => {}
        }
    }
    match server.port() {
        Some(Ok(port)) => variables.push(("ansible_port", Cell::Value(RawBsonRef::Int32(port.into())))),
        Some(Err(text)) => notes.push(format!("{name}: ansible_port is left out: \"{}\"", shown(&text))),
        None => {}
    }
    variables
}

/// A text in a comment.
fn shown(text: &str) -> String {
    escape::one_line(text, NOTE_CHARS)
}

/// What every inventory says first, a line each.
fn head(about: &About) -> [String; 2] {
    let taken = about.taken_at.format("%Y-%m-%d %H:%M:%S UTC");
    [
        format!("{}: {}, {taken}", escape::one_line(&about.name, 200), about.count()),
        "Values that differ in capitals, or in what is neither letter nor digit, share a group.".to_owned(),
    ]
}

#[cfg(test)]
mod tests;
