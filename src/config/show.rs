//! The settings in force as a table for people, without secrets.

use super::layers::Setting;
use comfy_table::{Table, presets};

/// An aligned table of variable, value and origin; secrets are `***`, passwords in addresses hidden, empty values `-`.
#[must_use]
pub fn table(settings: &[Setting]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["variable", "value", "from"]);
    for Setting { var, text, origin } in settings {
        let shown = if text.is_empty() { "-".to_owned() } else { var.kind.shown(text) };
        table.add_row([var.name.to_owned(), shown, origin.to_string()]);
    }
    table.trim_fmt() + "\n"
}
