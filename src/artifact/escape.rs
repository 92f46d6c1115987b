//! Characters that mean something where they are written, replaced.

use std::borrow::Cow;

/// Appends the text, with what `replace` gives in place of each special character.
pub(super) fn append(
    text: &str,
    is_special: impl Fn(char) -> bool,
    replace: impl Fn(char, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut rest = text;
    while let Some((at, special)) = rest.char_indices().find(|(_, c)| is_special(*c)) {
        let (plain, after) = rest.split_at(at);
        out.extend(plain.as_bytes());
        replace(special, out);
        rest = after.get(special.len_utf8()..).unwrap_or_default();
    }
    out.extend(rest.as_bytes());
}

/// Whether a character is not seen itself but does something to a terminal, a line or the direction of what follows:
/// control characters, line separators, bidirectional controls (Unicode TR 36), byte order marks and noncharacters.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The text on one line, with hidden characters as escapes such as `\u{1b}`, cut with `…` after so many characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let (start, cut) = match text.char_indices().nth(most) {
        Some((end, _)) => (text.get(..end).unwrap_or_default(), "…"),
        None => (text, ""),
    };
    format!("{}{cut}", visible(start))
}

/// The text with hidden characters as escapes.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if is_hidden(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible_and_long_texts_are_cut() {
        assert_eq!(visible("a\tb\u{1b}[31m\u{202e}é\u{85}"), r"a\tb\u{1b}[31m\u{202e}é\u{85}");
        assert_eq!(one_line("αβ\nγδ", 3), r"αβ\n…");
        assert_eq!(one_line("αβγ", 3), "αβγ");
    }
}
