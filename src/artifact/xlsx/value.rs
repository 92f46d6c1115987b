//! What stands in a cell of a sheet.

use crate::artifact::Cell;
use bson::raw::RawBsonRef;
use chrono::{NaiveDate, NaiveDateTime};
use std::borrow::Cow;

/// Excel keeps and shows 15 digits of a number; a longer one stays whole as a text.
const MAX_DIGITS: usize = 15;
/// From so many digits on Excel would show a whole number as 1.23E+11.
const WHOLE: u64 = 100_000_000_000;
/// UTF-16 units that Excel takes in one cell.
const MAX_UNITS: usize = 32_767;
/// Where a text is cut that is longer, so that there is room to say so.
const CUT_AT: usize = MAX_UNITS - 67;

/// A cell's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'r> {
    Empty,
    Number(f64),
    /// A number that would not be shown digit by digit.
    LongNumber(f64),
    Boolean(bool),
    /// In UTC.
    Date(NaiveDateTime),
    Text(Cow<'r, str>),
    /// A text that is longer than a cell takes: its beginning, and how long it is.
    Cut(String),
}

impl<'r> Value<'r> {
    pub(super) fn of(cell: &Cell<'r>) -> Self {
        let typed = if let Cell::Value(value) = cell { typed(*value) } else { None };
        typed.unwrap_or_else(|| text(cell.text()))
    }

    /// How the value is shown.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Number(number) | Self::LongNumber(number) => Cow::Owned(number.to_string()),
            Self::Boolean(value) => Cow::Borrowed(if *value { "TRUE" } else { "FALSE" }),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Cut(text) => Cow::Borrowed(text),
        }
    }
}

/// A text, with line ends as Excel has them, and cut where it is too long.
pub(super) fn text(text: Cow<'_, str>) -> Value<'_> {
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text };
    // A text has at least as many bytes as UTF-16 units.
    if text.is_empty() {
        Value::Empty
    } else if text.len() <= MAX_UNITS || text.encode_utf16().count() <= MAX_UNITS {
        Value::Text(text)
    } else {
        Value::Cut(cut(&text))
    }
}

fn cut(text: &str) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= CUT_AT
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push_str(&format!(" … (cut: {} characters in all)", text.chars().count()));
    cut
}

/// The value, unless it is best read as a text.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else is a text")]
fn typed<'r>(value: RawBsonRef<'r>) -> Option<Value<'r>> {
    let boolean = value.as_bool().map(Value::Boolean);
    let boolean_or_date = boolean.or_else(|| value.as_datetime().and_then(date));
    boolean_or_date.or_else(|| match value {
        RawBsonRef::Double(number) if number.is_nan() => Some(Value::Text("NaN".into())),
        RawBsonRef::Double(number) if number.is_infinite() => {
            Some(Value::Text(if number > 0.0 { "Infinity" } else { "-Infinity" }.into()))
        }
        RawBsonRef::Double(number) => Some(Value::Number(number)),
        RawBsonRef::Int32(number) => Some(whole(number.into())),
        RawBsonRef::Int64(number) if number.unsigned_abs().to_string().len() <= MAX_DIGITS => Some(whole(number)),
        RawBsonRef::Decimal128(number) => decimal(&number.to_string()),
        _ => None,
    })
}

/// A whole number of at most 15 digits.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn whole(number: i64) -> Value<'static> {
    let is_long = number.unsigned_abs() >= WHOLE;
    let number = number as f64;
    if is_long { Value::LongNumber(number) } else { Value::Number(number) }
}

/// A decimal number, where no digit of it is lost.
fn decimal(text: &str) -> Option<Value<'static>> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let number: f64 = text.parse().ok()?;
    (digits <= MAX_DIGITS && number.is_finite()).then_some(Value::Number(number))
}

/// A date that every reader shows alike: Excel has a 29 February 1900, so what is before differs between programs, and
/// nothing before 1900 or after 9999.
fn date(date: bson::DateTime) -> Option<Value<'static>> {
    let first = NaiveDate::from_ymd_opt(1900, 3, 1)?.and_hms_opt(0, 0, 0)?;
    let end = NaiveDate::from_ymd_opt(10_000, 1, 1)?.and_hms_opt(0, 0, 0)?;
    let date = date.to_chrono().naive_utc();
    (first..end).contains(&date).then_some(Value::Date(date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    fn value(of: impl Into<bson::raw::RawBson>) -> String {
        let row = rawdoc! {"x": of.into()};
        format!("{:?}", Value::of(&Cell::Value(row.get("x").unwrap().unwrap())))
    }

    #[test]
    fn numbers_are_numbers_as_long_as_no_digit_is_lost() {
        for (number, expected) in [
            (0, "Number(0.0)"),
            (-99_999_999_999, "Number(-99999999999.0)"),
            (100_000_000_000, "LongNumber(100000000000.0)"),
            (-999_999_999_999_999, "LongNumber(-999999999999999.0)"),
            (1_000_000_000_000_000, "Text(\"1000000000000000\")"),
            (9_007_199_254_740_993, "Text(\"9007199254740993\")"),
            (i64::MIN, "Text(\"-9223372036854775808\")"),
        ] {
            assert_eq!(value(number), expected);
        }
        assert_eq!((&*value(0.5), &*value(7_i32)), ("Number(0.5)", "Number(7.0)"));
        assert_eq!((&*value(f64::NAN), &*value(f64::NEG_INFINITY)), ("Text(\"NaN\")", "Text(\"-Infinity\")"));
        let decimal = |text: &str| value(text.parse::<bson::Decimal128>().unwrap());
        assert_eq!(decimal("1.10"), "Number(1.1)");
        assert_eq!(decimal("1.2345678901234567"), "Text(\"1.2345678901234567\")");
        assert_eq!((&*decimal("NaN"), &*decimal("1E6000")), ("Text(\"NaN\")", "Text(\"1E+6000\")"));
    }

    #[test]
    fn dates_are_dates_where_all_readers_agree_on_them() {
        let date = |text: &str| value(bson::DateTime::parse_rfc3339_str(text).unwrap());
        assert_eq!(date("1900-02-28T23:59:59.999Z"), "Text(\"1900-02-28T23:59:59.999Z\")");
        assert_eq!(date("1900-03-01T00:00:00Z"), "Date(1900-03-01T00:00:00)");
        assert_eq!(date("2018-11-28T23:59:59.999-03:00"), "Date(2018-11-29T02:59:59.999)");
        assert_eq!(date("9999-12-31T23:59:59.999Z"), "Date(9999-12-31T23:59:59.999)");
        assert_eq!(date("0001-01-01T00:00:00Z"), "Text(\"0001-01-01T00:00:00.000Z\")");
        assert!(value(bson::DateTime::MAX).starts_with("Text("));
    }

    #[test]
    fn a_text_that_is_too_long_says_so_in_its_cell() {
        let whole = "é".repeat(MAX_UNITS);
        assert_eq!(text(Cow::Borrowed(&whole)), Value::Text(Cow::Borrowed(&whole)));
        for long in [whole + "x", "𝄞".repeat(MAX_UNITS / 2 + 1), "a".repeat(1_000_000)] {
            let Value::Cut(cut) = text(Cow::Borrowed(&long)) else { panic!() };
            assert!(cut.encode_utf16().count() <= MAX_UNITS);
            let expected = format!(" … (cut: {} characters in all)", long.chars().count());
            assert!(long.starts_with(cut.strip_suffix(&expected).unwrap()));
        }
    }

    #[test]
    fn line_ends_are_excels_and_lists_read_well() {
        assert_eq!(value("a\r\nb\rc\n"), "Text(\"a\\nb\\nc\\n\")");
        assert_eq!(value(""), "Empty");
        assert_eq!(value(bson::rawdoc! {}.clone()), "Text(\"{}\")");
        let row = rawdoc! {"x": ["a", 1]};
        assert_eq!(Value::of(&Cell::Value(row.get("x").unwrap().unwrap())), Value::Text("a, 1".into()));
        assert_eq!(Value::of(&Cell::Empty), Value::Empty);
    }
}
