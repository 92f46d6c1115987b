//! Merges flags, environment, file and defaults, and remembers where each value came from.

use super::env::{self, VARS, Var};
use super::kind::Kind;
use super::mistake::{Mistake, Origin};
use config::{ConfigError as SourceError, File, FileFormat, Map, Source, Value, ValueKind};
use std::path::Path;

/// The defaults, and the reference text for people.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// A value given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The setting's key (`api.port`).
    pub key: &'static str,
    /// The flag as typed (`--port`).
    pub flag: &'static str,
    /// Its value.
    pub value: String,
}

/// A setting in force.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Which one.
    pub var: &'static Var,
    /// Its value as text.
    pub text: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// All settings in force, in the order of the table, and the tables of endpoints in the file.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) settings: Vec<Setting>,
    pub(super) endpoints: Option<serde_json::Value>,
}

/// Values under their keys, as a source for the `config` crate.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, SourceError> {
        Ok(self.0.clone())
    }
}

/// What a mistake of the file as a whole is about.
pub(super) const FILE: &str = "--config";
const ENVIRONMENT: &str = "environment";
/// Before the path of a file that an environment variable names.
const NAMED_FILE: &str = "environment: ";
pub(super) const SCHEDULE: &str = "schedule";
const ENDPOINT: &str = "endpoint";

/// Merges the layers. Mistakes of form (an unreadable file, an unknown key, a table where a value belongs) are added
/// to `mistakes`; what the values mean is checked later.
pub(super) fn merge(
    get: &dyn Fn(&str) -> Option<String>,
    file: Option<&Path>,
    flags: &[Flag],
    mistakes: &mut Vec<Mistake>,
) -> Merged {
    let in_file = file.map(|path| read(path, mistakes)).unwrap_or_default();
    let path = file.map(|path| path.display().to_string()).unwrap_or_default();
    unknown_keys("", &in_file, &path, mistakes);
    let endpoints = in_file.get(ENDPOINT).cloned().and_then(|value| value.try_deserialize().ok());
    let mut environment = Map::new();
    for var in VARS {
        if let Some(value) = named_file(var, get, mistakes).or_else(|| in_environment(var, get)) {
            environment.insert(var.key.to_owned(), value);
        }
    }
    let flags = flags.iter().map(|flag| (flag.key.to_owned(), Value::new(Some(&flag.flag.to_owned()), &*flag.value)));
    let built = config::Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(Layer(in_file))
        .add_source(Layer(environment))
        .add_source(Layer(flags.collect()))
        .build()
        .and_then(|built| built.collect());
    let values = built.unwrap_or_else(|error| {
        mistakes.push(Mistake { what: "settings".into(), origin: Origin::Default, message: error.to_string() });
        Map::new()
    });
    let settings = VARS.iter().filter_map(|var| setting(var, &values, &path)).collect();
    Merged { settings, endpoints }
}

fn in_environment(var: &Var, get: &dyn Fn(&str) -> Option<String>) -> Option<Value> {
    Some(Value::new(Some(&ENVIRONMENT.to_owned()), get(var.name)?))
}

/// The content of the file that `<NAME>_FILE` names, as container platforms hand out secrets; without the end of its
/// line, but for lists.
fn named_file(var: &Var, get: &dyn Fn(&str) -> Option<String>, mistakes: &mut Vec<Mistake>) -> Option<Value> {
    if !var.kind.is_secret() {
        return None;
    }
    let name = format!("{}_FILE", var.name);
    let path = get(&name).filter(|path| !path.is_empty())?;
    let refuse = |message: String| mistakes.push(Mistake { what: name, origin: Origin::Environment, message });
    if get(var.name).is_some() {
        refuse(format!("expected either this or {}, got both", var.name));
        return None;
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let is_list = matches!(var.kind, Kind::Secrets | Kind::SigningSecrets);
            let text = if is_list { &text } else { text.trim_end_matches(['\r', '\n']) };
            Some(Value::new(Some(&format!("{NAMED_FILE}{path}")), text))
        }
        Err(error) => {
            refuse(format!("expected a file that can be read, got {path:?}: {error}"));
            None
        }
    }
}

fn read(path: &Path, mistakes: &mut Vec<Mistake>) -> Map<String, Value> {
    tables(path).unwrap_or_else(|message| {
        mistakes.push(Mistake { what: FILE.into(), origin: Origin::File(path.display().to_string()), message });
        Map::new()
    })
}

/// What a file says, or why it cannot be read.
fn tables(path: &Path) -> Result<Map<String, Value>, String> {
    File::from(path).format(FileFormat::Toml).collect().map_err(|error| {
        if let SourceError::FileParse { cause, .. } = &error {
            without_source_lines(&cause.to_string())
        } else {
            error.to_string()
        }
    })
}

/// The keys of a file, with the value of `schedule`.
pub(super) fn schedules(path: &Path) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let tables = tables(path)?.into_iter().map(|(key, value)| {
        let value = if key == SCHEDULE { value.try_deserialize().unwrap_or_default() } else { serde_json::Value::Null };
        (key, value)
    });
    Ok(tables.collect())
}

/// The TOML parser quotes the line that it does not understand, which may hold a secret: place and reason are enough.
fn without_source_lines(message: &str) -> String {
    let lines: Vec<&str> = message.lines().filter(|line| !line.contains('|') && !line.trim().is_empty()).collect();
    lines.join(": ")
}

fn unknown_keys(prefix: &str, table: &Map<String, Value>, path: &str, mistakes: &mut Vec<Mistake>) {
    let mut keys: Vec<_> = table.iter().collect();
    keys.sort_by_key(|(key, _)| key.as_str());
    for (key, value) in keys {
        let full = format!("{prefix}{key}");
        let is_group = VARS.iter().any(|var| var.key.starts_with(&format!("{full}.")));
        if let (ValueKind::Table(inner), true) = (&value.kind, is_group) {
            unknown_keys(&format!("{full}."), inner, path, mistakes);
            continue;
        }
        let message = match env::find(&full) {
            _ if full == SCHEDULE || full == ENDPOINT => continue,
            Some(_) if text(value).is_some() => continue,
            Some(var) => format!("{} takes one value", var.name),
            None => "no such setting; `maestro-reports config` lists all".to_owned(),
        };
        mistakes.push(Mistake { what: full, origin: Origin::File(path.to_owned()), message });
    }
}

/// The setting as merged; `None` where the file holds no single value for it, which is noted already.
fn setting(var: &'static Var, values: &Map<String, Value>, path: &str) -> Option<Setting> {
    let (group, name) = var.key.split_once('.').unwrap_or(("", var.key));
    let value = match values.get(group).map(|value| &value.kind) {
        Some(ValueKind::Table(table)) => table.get(name),
        Some(_) | None => values.get(name),
    }?;
    let origin = match value.origin() {
        None => Origin::Default,
        Some(ENVIRONMENT) => Origin::Environment,
        Some(flag) if flag.starts_with('-') => Origin::Flag(flag.to_owned()),
        // The source names the file relative to the working folder; people see it as they typed it.
        Some(other) => Origin::File(other.strip_prefix(NAMED_FILE).unwrap_or(path).to_owned()),
    };
    Some(Setting { var, text: text(value)?, origin })
}

/// A value as text; a list as its items with commas between. `None` for anything nested.
fn text(value: &Value) -> Option<String> {
    let ValueKind::Array(items) = &value.kind else { return value.clone().into_string().ok() };
    let texts: Result<Vec<String>, _> = items.iter().map(|item| item.clone().into_string()).collect();
    texts.ok().map(|texts| texts.join(","))
}
