//! Texts made fit for a page: characters that can be printed, lines of a width, and no more lines than a bound.

use super::font::{REPLACEMENT, Typeface};
use crate::artifact::about::grouped;
use genpdf::style::Style;

/// Characters of a text that are looked at; no cell shows more.
const MAX_CHARS: usize = 2_000;

/// A text that can be printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// Its beginning, at most 2,000 characters.
    pub(super) shown: String,
    /// How many more characters it has.
    pub(super) more: usize,
}

impl Text {
    /// Characters that the typeface lacks become [`REPLACEMENT`]; those that show nothing (marks of direction, joiners,
    /// soft hyphens) are left out; a tab becomes a space, and a line end of any kind a line feed.
    pub(super) fn new(typeface: &Typeface, text: &str) -> Self {
        let mut chars = text.chars();
        let head: String = chars.by_ref().take(MAX_CHARS).collect();
        let head = head.replace("\r\n", "\n");
        let shown = head.chars().filter(|c| !is_silent(*c)).map(|c| match c {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => ' ',
            c if c.is_control() || !typeface.has(c) => REPLACEMENT,
            c => c,
        });
        Self { shown: shown.collect(), more: chars.count() }
    }

    /// The lines of this width in points. Where they are more than `max`, the last of these say how many characters
    /// there are more.
    pub(super) fn lines(&self, typeface: &Typeface, style: Style, width: f32, max: usize) -> Vec<String> {
        let advance = |c| typeface.advance(style, c);
        let lines: Vec<String> =
            Wrapped { rest: &self.shown, width, advance }.take(max + 1).map(str::to_owned).collect();
        if lines.len() <= max && self.more == 0 {
            return lines;
        }
        let note = |rest: &str| {
            let more = rest.chars().count() + self.more;
            let note = format!("… {} more characters", grouped(more as u64));
            Wrapped { rest: &note, width, advance }.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut cut = Wrapped { rest: &self.shown, width, advance };
        let room = max.saturating_sub(note(&self.shown).len()).max(1);
        let mut lines: Vec<String> = cut.by_ref().take(room).map(str::to_owned).collect();
        lines.extend(note(cut.rest));
        lines
    }
}

/// Characters that print nothing by themselves.
fn is_silent(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// A text cut into lines: at spaces, else after a mark within a name (`eu-west-1`, `os.base`), else anywhere.
struct Wrapped<'t, F> {
    rest: &'t str,
    width: f32,
    advance: F,
}

impl<'t, F: Fn(char) -> f32> Iterator for Wrapped<'t, F> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.end();
        let (line, rest) = self.rest.split_at(end);
        self.rest = match rest.strip_prefix('\n') {
            Some(rest) => rest,
            None => rest.trim_start_matches(' '),
        };
        Some(line.trim_end_matches(' '))
    }
}

impl<F: Fn(char) -> f32> Wrapped<'_, F> {
    /// Where the next line ends, in bytes: after one character at least.
    fn end(&self) -> usize {
        let (mut width, mut good, mut before) = (0.0, None, None);
        for (at, c) in self.rest.char_indices() {
            let advance = (self.advance)(c);
            width += advance;
            if c == '\n' {
                return at;
            }
            if c == ' ' {
                good = Some(at);
                continue;
            }
            // A mark that has no width of its own stays with its letter.
            if width > self.width && at > 0 && advance > 0.0 {
                return good.unwrap_or(at);
            }
            if before.is_some_and(may_end_a_line) && !may_end_a_line(c) {
                good = Some(at);
            }
            before = Some(c);
        }
        self.rest.len()
    }
}

/// Marks after which a name may go on in the next line.
pub(super) fn may_end_a_line(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | ',' | ';' | ':' | '/' | '\\' | '|' | '@' | '&' | '=' | '?' | ')' | ']' | '}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str, width: f32, max: usize) -> Vec<String> {
        let typeface = Typeface::get().unwrap();
        Text::new(typeface, text).lines(typeface, Style::new().with_font_size(10), width, max)
    }

    #[test]
    fn lines_end_at_spaces_then_within_names_then_anywhere() {
        assert_eq!(lines("two words", 500.0, 9), ["two words"]);
        assert_eq!(lines("two words", 35.0, 9), ["two", "words"]);
        assert_eq!(lines("ec2-3-8.eu-west-1.example", 60.0, 9), ["ec2-3-8.eu-", "west-1.", "example"]);
        assert_eq!(lines("iiiiiiiiiiiiiiii", 13.0, 9), ["iiiii", "iiiii", "iiiii", "i"]);
        assert_eq!(lines("a\r\nb\n\nc\td", 500.0, 9), ["a", "b", "", "c d"]);
        assert_eq!(lines("ü", 0.1, 9), ["ü"]);
        assert!(lines("", 10.0, 9).is_empty());
    }

    #[test]
    fn a_cell_that_is_too_long_says_how_much_is_left_out() {
        assert_eq!(lines(&"i".repeat(20), 13.0, 4).len(), 4);
        assert_eq!(lines(&"i".repeat(60), 260.0, 1), ["i".repeat(60)]);
        let shortened = lines(&"i".repeat(1_000_000), 145.0, 3);
        assert_eq!(shortened, ["i".repeat(56), "i".repeat(56), "… 999,888 more characters".to_owned()]);
        let narrow = lines(&"i".repeat(1_000_000), 40.0, 3);
        assert_eq!(narrow[1..].concat().replace(' ', ""), "…999,985morecharacters");
    }

    #[test]
    fn what_cannot_be_printed_is_replaced_and_what_is_not_seen_goes() {
        let typeface = Typeface::get().unwrap();
        assert_eq!(Text::new(typeface, "a中文😀\u{202e}b\u{7}\u{ad}c").shown, "a\u{fffd}\u{fffd}\u{fffd}b\u{fffd}c");
    }

    proptest! {
        #[test]
        fn no_character_is_lost_and_no_line_is_too_wide(text in "[a-zäЖ.\\-_ \n]{0,200}", width in 8.0f32..200.0) {
            let typeface = Typeface::get().unwrap();
            let lines = lines(&text, width, usize::MAX - 1);
            let bare = |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\n')).collect::<String>();
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
            for line in lines.iter().filter(|line| line.chars().count() > 1) {
                prop_assert!(typeface.width(Style::new().with_font_size(10), line) <= width + 0.01);
            }
        }
    }
}
