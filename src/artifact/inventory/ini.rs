//! `inventory`: INI for Ansible's parser, streamed.
//!
//! ```ini
//! [all]
//! web1 ansible_host=10.0.0.1 ansible_user=ubuntu
//!
//! [provider_aws]
//! web1
//! ```
//!
//! Sections may be opened again, so hosts come in parts of [`PART`], each followed by its groups; memory holds one part,
//! and what [`Seen`](super::seen::Seen) notes. A value is a Python literal in single quotes of a shell where it is no plain
//! word: the parser splits lines like a shell and evaluates values like Python. There is no way to keep a value from
//! being a template, so one that could be is left out with a comment.

use super::groups::Groups;
use super::{Host, Model, head, literal};
use crate::artifact::{About, Format, Options, Render, RenderError};
use crate::domain::Row;
use std::fmt::Write;

pub(in crate::artifact) const FORMAT: Format = Format {
    name: "inventory",
    title: "Ansible inventory (INI)",
    media: "text/inventory",
    content_type: "text/inventory; charset=utf-8",
    extension: "ini",
    bound: None,
    needs_layout: false,
    is_compressed: false,
    render: |about, options| Box::new(Ini::new(about, options)),
};

/// Hosts between which groups are written.
const PART: usize = 5000;

struct Ini {
    head: [String; 2],
    model: Model,
    groups: Groups,
    /// Whether the section `[all]` is open.
    in_all: bool,
    /// What is written of a row.
    lines: String,
}

impl Ini {
    fn new(about: About, options: &Options) -> Self {
        let head = head(&about);
        let model = Model::new(about.layout, options);
        Self { head, model, groups: Groups::default(), in_all: true, lines: String::new() }
    }

    fn write_groups(&mut self, out: &mut Vec<u8>) {
        self.groups.drain(|group, hosts| {
            out.extend(format!("\n[{group}]\n").as_bytes());
            for host in hosts {
                out.extend(host.as_bytes());
                out.push(b'\n');
            }
        });
        self.in_all = false;
    }
}

impl Render for Ini {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let [first, second] = &self.head;
        out.extend(format!("# {first}\n# {second}\n\n[all]\n").as_bytes());
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let Self { model, groups, in_all, lines, .. } = self;
        if !*in_all {
            out.extend(b"\n[all]\n");
            *in_all = true;
        }
        lines.clear();
        for host in model.hosts(row) {
            append(&host, lines);
            if let Some(name) = &host.name {
                groups.add(name, host.variables.is_none(), &host.groups);
            }
        }
        out.extend(lines.as_bytes());
        if groups.hosts() >= PART {
            self.write_groups(out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        self.write_groups(out);
        Ok(())
    }
}

/// The notes and the line of a host.
fn append(host: &Host<'_>, lines: &mut String) {
    // Writing into a text does not fail.
    for note in &host.notes {
        let _ = writeln!(lines, "# {note}");
    }
    let (Some(name), Some(variables)) = (&host.name, &host.variables) else { return };
    let (templates, values): (Vec<_>, Vec<_>) = variables.iter().partition(|(_, cell)| literal::has_template(cell));
    for (variable, _) in templates {
        let _ = writeln!(lines, "# {name}: {variable} is left out, as Ansible would evaluate it as a template");
    }
    lines.push_str(name);
    for (variable, cell) in values {
        let _ = write!(lines, " {variable}=");
        literal::append_ini(cell, lines);
    }
    lines.push('\n');
}
