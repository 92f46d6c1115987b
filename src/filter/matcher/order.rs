//! MongoDB's order of values: by kind first, then by value.

use bson::raw::{RawBsonRef, RawIter};
use std::cmp::Ordering;

/// The kind of a value; kinds follow each other in this order, and only values of one kind compare in a query.
pub(super) fn bracket(value: RawBsonRef<'_>) -> u8 {
    match value {
        RawBsonRef::MinKey => 0,
        RawBsonRef::Undefined => 1,
        RawBsonRef::Null => 2,
        RawBsonRef::Int32(_) | RawBsonRef::Int64(_) | RawBsonRef::Double(_) | RawBsonRef::Decimal128(_) => 3,
        RawBsonRef::String(_) | RawBsonRef::Symbol(_) => 4,
        RawBsonRef::Document(_) => 5,
        RawBsonRef::Array(_) => 6,
        RawBsonRef::Binary(_) => 7,
        RawBsonRef::ObjectId(_) => 8,
        RawBsonRef::Boolean(_) => 9,
        RawBsonRef::DateTime(_) => 10,
        RawBsonRef::Timestamp(_) => 11,
        RawBsonRef::RegularExpression(_) => 12,
        RawBsonRef::DbPointer(_) => 13,
        RawBsonRef::JavaScriptCode(_) => 14,
        RawBsonRef::JavaScriptCodeWithScope(_) => 15,
        RawBsonRef::MaxKey => 16,
    }
}

pub(super) fn is_nan(value: RawBsonRef<'_>) -> bool {
    matches!(Number::of(value), Some(Number::Float(number)) if number.is_nan())
}

/// Compares two values; two of a kind that no condition may hold (code, database pointers) count as equal.
pub(super) fn compare(a: RawBsonRef<'_>, b: RawBsonRef<'_>) -> Ordering {
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return a.compare(b);
    }
    match (a, b) {
        (RawBsonRef::String(a) | RawBsonRef::Symbol(a), RawBsonRef::String(b) | RawBsonRef::Symbol(b)) => a.cmp(b),
        (RawBsonRef::Document(a), RawBsonRef::Document(b)) => compare_elements(a.iter_elements(), b.iter_elements()),
        (RawBsonRef::Array(a), RawBsonRef::Array(b)) => compare_elements(a.iter_elements(), b.iter_elements()),
        (RawBsonRef::Binary(a), RawBsonRef::Binary(b)) => {
            (a.bytes.len(), u8::from(a.subtype), a.bytes).cmp(&(b.bytes.len(), u8::from(b.subtype), b.bytes))
        }
        (RawBsonRef::ObjectId(a), RawBsonRef::ObjectId(b)) => a.cmp(&b),
        (RawBsonRef::Boolean(a), RawBsonRef::Boolean(b)) => a.cmp(&b),
        (RawBsonRef::DateTime(a), RawBsonRef::DateTime(b)) => a.cmp(&b),
        (RawBsonRef::Timestamp(a), RawBsonRef::Timestamp(b)) => a.cmp(&b),
        (RawBsonRef::RegularExpression(a), RawBsonRef::RegularExpression(b)) => {
            (a.pattern, a.options).cmp(&(b.pattern, b.options))
        }
        _ => bracket(a).cmp(&bracket(b)),
    }
}

/// Element by element: kind, then name, then value; the longer one is greater where all else is equal.
fn compare_elements(mut a: RawIter<'_>, mut b: RawIter<'_>) -> Ordering {
    loop {
        let (left, right) = match (a.next(), b.next()) {
            (Some(Ok(left)), Some(Ok(right))) => (left, right),
            (left, right) => return left.is_some().cmp(&right.is_some()),
        };
        let (Ok(left_value), Ok(right_value)) = (left.value(), right.value()) else { return Ordering::Less };
        let ordering = bracket(left_value)
            .cmp(&bracket(right_value))
            .then_with(|| left.key().cmp(right.key()))
            .then_with(|| compare(left_value, right_value));
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// A number of any width. Decimals compare as their nearest double.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    fn of(value: RawBsonRef<'_>) -> Option<Self> {
        if let RawBsonRef::Decimal128(decimal) = value {
            return decimal.to_string().parse().ok().map(Self::Float);
        }
        let integer = value.as_i32().map(i64::from).or_else(|| value.as_i64()).map(Self::Integer);
        integer.or_else(|| value.as_f64().map(Self::Float))
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(&b),
            (Self::Integer(a), Self::Float(b)) => integer_and_float(a, b),
            (Self::Float(a), Self::Integer(b)) => integer_and_float(b, a).reverse(),
            // Not-a-number is below every number and equal to itself.
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
        }
    }
}

/// Exact even where the integer has no double of its own (beyond 2^53).
fn integer_and_float(integer: i64, float: f64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() || float < -TWO_TO_63 {
        return Ordering::Greater;
    }
    if float >= TWO_TO_63 {
        return Ordering::Less;
    }
    let whole = float.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "between -2^63 and 2^63, and whole")]
    let ordering = integer.cmp(&(whole as i64));
    ordering.then_with(|| 0.0_f64.total_cmp(&(float - whole + 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(a: Number, b: Number) -> Ordering {
        a.compare(b)
    }

    #[test]
    fn integers_and_doubles_compare_exactly() {
        let big = (1_i64 << 53) + 1;
        assert_eq!(numbers(Number::Integer(big), Number::Float((1_i64 << 53) as f64)), Ordering::Greater);
        assert_eq!(numbers(Number::Integer(i64::MAX), Number::Float(9.3e18)), Ordering::Less);
        assert_eq!(numbers(Number::Integer(i64::MIN), Number::Float(f64::NEG_INFINITY)), Ordering::Greater);
        assert_eq!(numbers(Number::Float(-0.5), Number::Integer(0)), Ordering::Less);
        assert_eq!(numbers(Number::Float(-0.0), Number::Integer(0)), Ordering::Equal);
        assert_eq!(numbers(Number::Float(4.0), Number::Integer(4)), Ordering::Equal);
    }

    #[test]
    fn not_a_number_is_below_every_number() {
        assert_eq!(numbers(Number::Float(f64::NAN), Number::Float(f64::NEG_INFINITY)), Ordering::Less);
        assert_eq!(numbers(Number::Float(f64::NAN), Number::Float(f64::NAN)), Ordering::Equal);
        assert_eq!(numbers(Number::Integer(0), Number::Float(f64::NAN)), Ordering::Greater);
    }
}
