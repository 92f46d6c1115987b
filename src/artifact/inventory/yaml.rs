//! `inventory-yaml`: YAML for Ansible's parser, with the same hosts, variables and groups as the INI format.
//!
//! ```yaml
//! all:
//!   hosts:
//!     "web1":
//!       ansible_host: "10.0.0.1"
//!   children:
//!     provider_aws:
//!       hosts:
//!         "web1":
//! ```
//!
//! A key stands only once, so the groups of all hosts are kept until the end, and the format is bounded. Texts are in
//! double quotes, which leaves nothing to a parser's guess; a text that could be a template is marked `!unsafe`.

use super::groups::Groups;
use super::literal::{self, Style};
use super::{Host, Model, head};
use crate::artifact::{About, Bound, Format, Options, Render, RenderError};
use crate::domain::Row;
use std::fmt::Write;

pub(in crate::artifact) const FORMAT: Format = Format {
    name: "inventory-yaml",
    title: "Ansible inventory (YAML)",
    // RFC 9512; it has no parameter for the character set, which is UTF-8.
    media: "application/yaml",
    content_type: "application/yaml",
    extension: "yml",
    bound: Some(Bound::Yaml),
    needs_layout: false,
    is_compressed: false,
    render: |about, options| Box::new(Yaml::new(about, options)),
};

struct Yaml {
    head: [String; 2],
    model: Model,
    groups: Groups,
    /// What is written of a row.
    lines: String,
}

impl Yaml {
    fn new(about: About, options: &Options) -> Self {
        let head = head(&about);
        let model = Model::new(about.layout, options);
        Self { head, model, groups: Groups::default(), lines: String::new() }
    }
}

impl Render for Yaml {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let [first, second] = &self.head;
        out.extend(format!("# {first}\n# {second}\nall:\n").as_bytes());
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let Self { model, groups, lines, .. } = self;
        lines.clear();
        for host in model.hosts(row) {
            if host.name.is_some() && groups.hosts() == 0 {
                lines.push_str("  hosts:\n");
            }
            append(&host, lines);
            if let Some(name) = &host.name {
                groups.add(name, host.variables.is_none(), &host.groups);
            }
        }
        out.extend(lines.as_bytes());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        if self.groups.hosts() == 0 {
            out.extend(b"  hosts: {}\n");
        }
        if !self.groups.has_none() {
            out.extend(b"  children:\n");
        }
        let lines = &mut self.lines;
        self.groups.drain(|group, hosts| {
            out.extend(format!("    {group}:\n      hosts:\n").as_bytes());
            for host in hosts {
                lines.clear();
                lines.push_str("        ");
                literal::append_text(host, Style::Yaml, lines);
                lines.push_str(":\n");
                out.extend(lines.as_bytes());
            }
        });
        Ok(())
    }
}

/// The notes and the lines of a host.
fn append(host: &Host<'_>, lines: &mut String) {
    for note in &host.notes {
        // Writing into a text does not fail.
        let _ = writeln!(lines, "    # {note}");
    }
    let (Some(name), Some(variables)) = (&host.name, &host.variables) else { return };
    lines.push_str("    ");
    literal::append_text(name, Style::Yaml, lines);
    lines.push_str(":\n");
    for (variable, cell) in variables {
        lines.push_str("      ");
        // None of the words that YAML takes for something else has an underscore.
        if variable.contains('_') {
            lines.push_str(variable);
        } else {
            literal::append_text(variable, Style::Yaml, lines);
        }
        lines.push_str(": ");
        literal::append(cell, Style::Yaml, lines);
        lines.push('\n');
    }
}
