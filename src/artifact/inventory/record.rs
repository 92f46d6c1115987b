//! The fields of a row, or of a server in it, that matter to an inventory.

use super::groups::Kind;
use super::names;
use crate::artifact::Cell;
use bson::RawDocument;
use bson::raw::RawBsonRef;

type Value<'r> = Option<RawBsonRef<'r>>;

/// A row, or a server in it (contract §3 and §7). What cannot be read of a broken row is left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Record<'r> {
    pub(super) hostname: Option<&'r str>,
    id: Value<'r>,
    name: Value<'r>,
    dns_internal: Option<&'r str>,
    ipv4_private: Option<&'r str>,
    ipv4_public: Option<&'r str>,
    ansible: Value<'r>,
    auth: Value<'r>,
    datacenters: Value<'r>,
    environment: Value<'r>,
    role: Value<'r>,
    applications: Value<'r>,
    system: Value<'r>,
    systems: Value<'r>,
    servers: Value<'r>,
}

impl<'r> Record<'r> {
    pub(super) fn read(document: &'r RawDocument) -> Self {
        let mut record = Self::default();
        for element in document.iter_elements().map_while(Result::ok) {
            let value = || element.value().ok().filter(|value| *value != RawBsonRef::Null);
            let text = || value().and_then(|value| value.as_str()).filter(|text| !text.is_empty());
            match element.key().as_str() {
                "_id" => record.id = value(),
                "name" => record.name = value(),
                "hostname" => record.hostname = text(),
                "dns_internal" => record.dns_internal = text(),
                "ipv4_private" => record.ipv4_private = text(),
                "ipv4_public" => record.ipv4_public = text(),
                "ansible" => record.ansible = value(),
                "auth" => record.auth = value(),
                "datacenters" => record.datacenters = value(),
                "environment" => record.environment = value(),
                "role" => record.role = value(),
                "applications" => record.applications = value(),
                "system" => record.system = value(),
                "systems" => record.systems = value(),
                "servers" => record.servers = value(),
                _ => {}
            }
        }
        record
    }

    /// The servers that the row tells of: itself, or those in `servers`.
    pub(super) fn servers(&self) -> Vec<Self> {
        if self.hostname.is_some() {
            return vec![self.clone()];
        }
        let mut servers = Vec::new();
        each_object(self.servers, &mut |server| servers.push(Self::read(server)));
        if servers.is_empty() { vec![self.clone()] } else { servers }
    }

    /// The `_id` as text; empty where there is none.
    pub(super) fn id(&self) -> String {
        self.id.map(|id| Cell::Value(id).plain().into_owned()).unwrap_or_default()
    }

    /// Where Ansible connects to: the first of contract §3 that can be an address.
    pub(super) fn address(&self) -> Option<&'r str> {
        let all = [self.dns_internal, self.ipv4_private, self.ipv4_public, self.hostname];
        all.into_iter().flatten().find(|address| names::is_host(address))
    }

    pub(super) fn user(&self) -> Option<&'r str> {
        text_in(self.ansible, "user").or_else(|| text_in(self.auth, "username"))
    }

    pub(super) fn key(&self) -> Option<&'r str> {
        text_in(self.ansible, "key")
    }

    /// The port; where it is none, the text that is in its place.
    pub(super) fn port(&self) -> Option<Result<u16, String>> {
        let port = self.ansible?.as_document()?.get("port").ok()??;
        let text = Cell::Value(port).plain();
        if text.is_empty() || port == RawBsonRef::Null {
            return None;
        }
        Some(text.parse().ok().filter(|port| *port > 0).ok_or_else(|| text.into_owned()))
    }

    /// The values that put a server of this row into groups; `server` may be the row itself.
    pub(super) fn groups(&self, server: &Self) -> Vec<(Kind, &'r str)> {
        let mut groups = Vec::new();
        let mut put = |kind, name: &'r str| {
            if !name.is_empty() && !groups.contains(&(kind, name)) {
                groups.push((kind, name));
            }
        };
        each_object(server.datacenters, &mut |datacenter| {
            each_text(datacenter.get("provider").ok().flatten(), &mut |text| put(Kind::Provider, text));
            each_text(datacenter.get("region").ok().flatten(), &mut |text| put(Kind::Region, text));
        });
        each_text(server.environment, &mut |text| put(Kind::Environment, text));
        each_text(server.role, &mut |text| put(Kind::Role, text));
        each_name(server.applications, &mut |text| put(Kind::Application, text));
        for systems in [server.system, server.systems] {
            each_name(systems, &mut |text| put(Kind::System, text));
        }
        if self.hostname.is_none() {
            self.groups_of_chain(&mut put);
        }
        groups
    }

    /// A pivot's row is the first component of clients, systems, applications and servers, with those after it beside
    /// its own fields (contract §5): the row is a system where it has applications but no systems, an application where it
    /// has servers alone.
    fn groups_of_chain(&self, put: &mut dyn FnMut(Kind, &'r str)) {
        each_name(self.applications, &mut |text| put(Kind::Application, text));
        each_object(self.applications, &mut |application| {
            each_name(application.get("system").ok().flatten(), &mut |text| put(Kind::System, text));
        });
        for systems in [self.system, self.systems] {
            each_name(systems, &mut |text| put(Kind::System, text));
        }
        match (self.systems, self.applications) {
            (None, Some(_)) => each_name(self.name, &mut |text| put(Kind::System, text)),
            (None, None) => each_name(self.name, &mut |text| put(Kind::Application, text)),
            (Some(_), _) => {}
        }
    }
}

/// The text of this name in an object, or in the first object of a list.
fn text_in<'r>(value: Value<'r>, name: &str) -> Option<&'r str> {
    let value = value?;
    let object = value.as_document().or_else(|| value.as_array()?.get_document(0).ok())?;
    object.get_str(name).ok().filter(|text| !text.is_empty())
}

/// An object, or the objects of a list.
fn each_object<'r>(value: Value<'r>, visit: &mut dyn FnMut(&'r RawDocument)) {
    each(value, &mut |value| {
        if let Some(document) = value.as_document() {
            visit(document);
        }
    });
}

/// A text, or the texts of a list.
fn each_text<'r>(value: Value<'r>, visit: &mut dyn FnMut(&'r str)) {
    each(value, &mut |value| {
        if let Some(text) = value.as_str() {
            visit(text);
        }
    });
}

/// The names of objects, or texts.
fn each_name<'r>(value: Value<'r>, visit: &mut dyn FnMut(&'r str)) {
    each(value, &mut |value| {
        let name = value.as_document().and_then(|document| document.get_str("name").ok());
        if let Some(name) = name.or_else(|| value.as_str()) {
            visit(name);
        }
    });
}

fn each<'r>(value: Value<'r>, visit: &mut dyn FnMut(RawBsonRef<'r>)) {
    match value {
        Some(RawBsonRef::Array(items)) => items.into_iter().map_while(Result::ok).for_each(visit),
        Some(value) => visit(value),
        None => {}
    }
}
