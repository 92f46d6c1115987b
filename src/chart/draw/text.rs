//! Texts of a drawing: what may stand in XML, how wide it is, how numbers are written.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Counts from here on are written with an exponent: they would push everything else aside.
const MANY: u64 = 10_000_000_000;

/// The text on one line without characters that XML 1.0 (section 2.2) does not allow; those become U+FFFD.
pub(super) fn clean(text: &str) -> String {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    let text: String = text.chars().map(allowed).collect();
    if text.trim().is_empty() { "(empty)".to_owned() } else { text }
}

/// Its width at a font size, in the same unit; rather too much than too little.
pub(super) fn width(text: &str, size: f64) -> f64 {
    size * text.graphemes(true).map(em).sum::<f64>()
}

/// The width of a character as the reader sees it, by the widths of DejaVu Sans; few fonts without serifs are wider.
fn em(grapheme: &str) -> f64 {
    let Some(first) = grapheme.chars().next() else { return 0.0 };
    match first {
        'i' | 'j' | 'l' | 'f' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '/' | '\\' | '-' => 0.37,
        't' | 'r' | '!' | '(' | ')' | '[' | ']' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | 'ж' | 'ш' | 'щ' | 'ю' | 'ф' | 'љ' | 'њ' => 1.0,
        'a'..='z' | '0'..='9' => 0.64,
        '\0'..='\x7f' => 0.84,
        _ if grapheme.width() > 1 => 1.3,
        _ if grapheme.width() == 0 => 0.0,
        _ if first.is_lowercase() => 0.84,
        _ => 1.1,
    }
}

/// The text, cut with an ellipsis where it is wider than `room`.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room - width("…", size);
    let kept = text.graphemes(true).take_while(|grapheme| {
        left -= width(grapheme, size);
        left >= 0.0
    });
    let kept: String = kept.collect();
    format!("{}…", kept.trim_end())
}

/// A count with its thousands apart: `12,345`.
pub(super) fn count(number: u64) -> String {
    if number >= MANY {
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        return format!("{:.2e}", number as f64);
    }
    indicatif::HumanCount(number).to_string()
}

/// A part of the whole in per cent, with one decimal; never 0 or 100 where it is not.
#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
pub(super) fn share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    match percent {
        _ if part == whole => "100%".to_owned(),
        small if small < 0.1 => "<0.1%".to_owned(),
        large if large > 99.9 => ">99.9%".to_owned(),
        percent => format!("{percent:.1}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_does_not_allow_is_replaced() {
        assert_eq!(clean("a\u{0}b\u{fffe}c\nd\u{85}"), "a\u{fffd}b\u{fffd}c d\u{fffd}");
        assert_eq!(clean("<a> & \"b\""), "<a> & \"b\"");
        assert_eq!((clean(""), clean(" \n")), ("(empty)".to_owned(), "(empty)".to_owned()));
    }

    #[test]
    fn a_text_is_cut_between_what_a_reader_sees_as_characters() {
        assert_eq!(fitted("short", 10.0, 100.0), "short");
        assert_eq!(fitted("a longer text", 10.0, 60.0), "a longer…");
        assert_eq!(fitted("e\u{301}e\u{301}e\u{301}", 10.0, 18.0), "e\u{301}…");
        assert_eq!(fitted("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 10.0, 30.0), "👩‍👩‍👧…");
        assert_eq!(fitted("text", 10.0, 0.0), "…");
        for text in ["Ελληνικά και άλλα", "Щука жила в реке", "قاعدة البيانات الرئيسية", "数据库服务器集群"]
        {
            assert!(width(&fitted(text, 12.0, 80.0), 12.0) <= 80.0, "{text}");
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([MANY - 1, u64::MAX].map(count), ["9,999,999,999", "1.84e19"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_all() {
        assert_eq!([1, 2, 3].map(|part| share(part, 3)), ["33.3%", "66.7%", "100%"]);
        assert_eq!([1, 9_999].map(|part| share(part, 10_000)), ["<0.1%", ">99.9%"]);
    }
}
