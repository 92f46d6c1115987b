//! Regular expressions: MongoDB's are PCRE's, ours are those of the `regex` crate, which needs no more time than the
//! text is long. Look-around and back-references are refused.

use super::Pattern;
use regex::RegexBuilder;

/// Compiled size in bytes; a pattern such as `a{1000}{1000}` goes beyond.
const MAX_BYTES: usize = 1 << 20;

/// Compiles a pattern with MongoDB's options (`i`, `m`, `s`, `x`).
///
/// # Errors
/// Says for people what is wrong with the pattern or its options.
pub(super) fn compile(source: &str, options: &str) -> Result<Pattern, String> {
    if let Some(odd) = options.chars().find(|option| !"imsx".contains(*option)) {
        return Err(format!("expected options of i, m, s and x, got {odd:?}"));
    }
    let has = |option| options.contains(option);
    let regex = RegexBuilder::new(&translate(source, has('m')))
        .case_insensitive(has('i'))
        .multi_line(has('m'))
        .dot_matches_new_line(has('s'))
        .ignore_whitespace(has('x'))
        .size_limit(MAX_BYTES)
        .nest_limit(50)
        .build()
        .map_err(|error| explain(&error))?;
    Ok(Pattern { regex, source: source.to_owned(), options: options.to_owned() })
}

fn explain(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(_) = error {
        return "expected a smaller regular expression".to_owned();
    }
    format!("expected a regular expression: {}", error.to_string().lines().last().unwrap_or_default())
}

/// Writes out what means something else in PCRE: its classes and word borders are ASCII, `$` also matches before a last
/// line break, and a bracket's content knows neither nesting nor set operations.
fn translate(source: &str, multi_line: bool) -> String {
    let mut out = String::with_capacity(source.len() + 16);
    let mut chars = source.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) => escape(escaped, in_class, &mut out),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                out.extend(chars.next_if_eq(&'^'));
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            '[' if chars.peek() != Some(&':') => out.push_str("\\["),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', c]),
            '$' if !in_class && !multi_line => out.push_str("(?:\\n?\\z)"),
            other => out.push(other),
        }
    }
    out
}

fn escape(escaped: char, in_class: bool, out: &mut String) {
    match escaped {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[ \\t-\\r]"),
        'S' => out.push_str("[^ \\t-\\r]"),
        'b' if in_class => out.push_str("\\x08"),
        'b' => out.push_str("(?-u:\\b)"),
        'B' => out.push_str("(?-u:\\B)"),
        '<' | '>' => out.push(escaped),
        other => out.extend(['\\', other]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(source: &str, options: &str, text: &str) -> bool {
        compile(source, options).unwrap().regex.is_match(text)
    }

    #[test]
    fn classes_and_word_borders_are_ascii() {
        assert!(is_match(r"^\d\w\s$", "", "1a\t"));
        assert!(!is_match(r"\d", "", "٣"));
        assert!(!is_match(r"\w", "", "é"));
        assert!(is_match(r"\bweb\b", "", "éwebé"));
        assert!(is_match(r"w\Beb", "", "web"));
        assert!(is_match(r"[^\d\s]", "", "1 a"));
    }

    #[test]
    fn the_end_is_also_before_a_last_line_break() {
        assert!(is_match("web$", "", "web\n"));
        assert!(!is_match("web$", "", "web\nx"));
        assert!(is_match("web$", "m", "web\nx"));
        assert!(is_match("[$]", "", "a$b"));
    }

    #[test]
    fn brackets_hold_no_sets() {
        assert!(is_match("^[[a]$", "", "["));
        assert!(is_match("^[]a]$", "", "]"));
        assert!(is_match("^[a&&b]$", "", "&"));
        assert!(is_match("^[[:alpha:]]$", "", "x"));
    }

    #[test]
    fn options_do_what_they_do_in_mongodb() {
        assert!(is_match("WEB", "i", "a web b"));
        assert!(is_match("a.b", "s", "a\nb"));
        assert!(!is_match("a.b", "", "a\nb"));
        assert!(is_match("a b # note", "x", "ab"));
        assert!(compile("a", "g").is_err());
    }

    #[test]
    fn huge_or_unknown_patterns_are_refused() {
        assert!(compile("(a{500}){500}", "").unwrap_err().contains("smaller"));
        for bad in ["(", r"(?=a)", r"(a)\1", "a\\", "[a"] {
            assert!(compile(bad, "").is_err(), "{bad}");
        }
    }
}
