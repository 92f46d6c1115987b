//! What was found, for people and for machines.

use super::{Finding, State};
use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

/// How it is written for people.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether the terminal shows colours.
    pub colour: bool,
}

/// Below this width what was found stands under the name of its check.
const NARROW: usize = 72;
/// Wider lines are hard to read.
const WIDEST: usize = 110;
/// Columns of state and name.
const STATE: usize = 9;
const NAME: usize = 19;

/// A line for each finding, and one that counts them.
#[must_use]
pub fn text(findings: &[Finding], look: Look) -> String {
    let mut text = format!("maestro-reports {}\n\n", env!("CARGO_PKG_VERSION"));
    for finding in findings {
        line(finding, look, &mut text);
    }
    text.push('\n');
    text.push_str(&summary(findings));
    text.push('\n');
    text
}

/// The same as JSON: `{"version", "state", "checks": [{"check", "state", "found", "advice"}]}`.
#[must_use]
pub fn json(findings: &[Finding]) -> Value {
    let checks = findings.iter().map(|finding| {
        json!({
            "check": finding.check, "state": finding.state.as_str(), "found": finding.found, "advice": finding.advice,
        })
    });
    let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    json!({
        "version": env!("CARGO_PKG_VERSION"), "state": worst.as_str(), "checks": checks.collect::<Vec<_>>(),
    })
}

fn line(finding: &Finding, look: Look, text: &mut String) {
    let Finding { check, state, found, advice } = finding;
    let style = style(*state, look);
    let state = format!("{style}{:STATE$}{style:#}", state.as_str());
    let width = look.width.min(WIDEST);
    let indent = if width < NARROW { 4 } else { STATE + NAME };
    let room = width.saturating_sub(indent).max(20);
    if width < NARROW {
        text.push_str(&format!("{state}{check}\n{:indent$}", ""));
    } else {
        text.push_str(&format!("{state}{check:NAME$}"));
    }
    push_wrapped(found, room, indent, text);
    if !advice.is_empty() {
        text.push_str(&format!("{:indent$}", ""));
        push_wrapped(&format!("→ {advice}"), room, indent, text);
    }
}

/// Words, as many on a line as there is room for; further lines are indented. A long word stays whole, and so does a
/// command in backticks, so that paths, addresses and commands can be copied.
fn push_wrapped(words: &str, room: usize, indent: usize, text: &mut String) {
    let mut used = 0;
    for word in whole_words(words) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            text.push_str(&format!("\n{:indent$}", ""));
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text.push('\n');
}

/// The words between spaces, but what begins with a backtick ends after the next one.
fn whole_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let quoted = rest.strip_prefix('`').and_then(|inner| inner.find('`')).map_or(0, |end| end + 2);
        let end = rest[quoted..].find(char::is_whitespace).map_or(rest.len(), |space| quoted + space);
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        Some(word)
    })
}

fn style(state: State, look: Look) -> Style {
    if !look.colour {
        return Style::new();
    }
    match state {
        State::Ok => AnsiColor::Green.on_default(),
        State::Warning => AnsiColor::Yellow.on_default(),
        State::Failed => AnsiColor::Red.on_default().bold(),
    }
}

fn summary(findings: &[Finding]) -> String {
    let counted = [State::Ok, State::Warning, State::Failed].map(|state| {
        let count = findings.iter().filter(|finding| finding.state == state).count();
        let plural = if state == State::Warning && count != 1 { "s" } else { "" };
        (count > 0).then(|| format!("{count} {}{plural}", state.as_str()))
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> [Finding; 3] {
        [
            Finding::ok("configuration", "41 settings, 3 of them your own"),
            Finding::warning(
                "secrets",
                "published defaults: MAESTRO_SECRETJWT_PRIVATE, MAESTRO_NOAUTH, MAESTRO_WEBSOCKET_SECRET",
                "set secrets of your own, the same in all services of the platform; `openssl rand -hex 32` makes one",
            ),
            Finding::failed("broker", "the broker cannot be reached: connecting to rabbitmq:5672", "start RabbitMQ"),
        ]
    }

    #[test]
    fn it_reads_well_in_a_wide_and_in_a_narrow_terminal() {
        insta::assert_snapshot!("wide", text(&findings(), Look { width: 200, colour: false }));
        insta::assert_snapshot!("narrow", text(&findings(), Look { width: 44, colour: false }));
    }

    #[test]
    fn colours_are_for_terminals_only() {
        let coloured = text(&findings(), Look { width: 100, colour: true });
        assert!(coloured.contains("\u{1b}[33mwarning  \u{1b}[0msecrets"), "{coloured:?}");
        assert!(!text(&findings(), Look { width: 100, colour: false }).contains('\u{1b}'));
    }

    #[test]
    fn machines_read_the_worst_state_first() {
        let json = json(&findings());
        assert_eq!((&json["state"], &json["checks"][1]["state"]), (&"failed".into(), &"warning".into()));
    }
}
