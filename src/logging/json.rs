//! One JSON object a line: `time` (RFC 3339, UTC), `level`, `target`, `message`, and every field under its own name.

use super::context;
use chrono::{DateTime, SecondsFormat, Utc};
use log::Record;
use log::kv::{Error, Key, Value as Field, VisitSource, VisitValue};
use serde_json::{Map, Value};
use std::io::{self, Write};

/// Writes a record.
pub(super) fn write(out: &mut dyn Write, record: &Record<'_>, at: DateTime<Utc>) -> io::Result<()> {
    let mut line = Map::from_iter([
        ("time".to_owned(), at.to_rfc3339_opts(SecondsFormat::Millis, true).into()),
        ("level".to_owned(), record.level().as_str().into()),
        ("target".to_owned(), record.target().into()),
        ("message".to_owned(), record.args().to_string().into()),
    ]);
    record.key_values().visit(&mut Fields(&mut line)).map_err(io::Error::other)?;
    if let Some((key, id)) = context::current() {
        line.entry(key).or_insert_with(|| id.into());
    }
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// Adds fields to a line; what stands there already stays.
struct Fields<'a>(&'a mut Map<String, Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, field: Field<'kvs>) -> Result<(), Error> {
        let mut value = Value::Null;
        field.visit(Json(&mut value))?;
        // A task without a report has no report.id.
        if !value.is_null() {
            self.0.entry(key.as_str()).or_insert(value);
        }
        Ok(())
    }
}

/// A field as JSON: numbers and truth values as such, everything else as text.
struct Json<'a>(&'a mut Value);

impl VisitValue<'_> for Json<'_> {
    fn visit_any(&mut self, field: Field<'_>) -> Result<(), Error> {
        *self.0 = field.to_string().into();
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_u64(&mut self, number: u64) -> Result<(), Error> {
        *self.0 = number.into();
        Ok(())
    }

    fn visit_i64(&mut self, number: i64) -> Result<(), Error> {
        *self.0 = number.into();
        Ok(())
    }

    fn visit_f64(&mut self, number: f64) -> Result<(), Error> {
        *self.0 = number.into();
        Ok(())
    }

    fn visit_bool(&mut self, truth: bool) -> Result<(), Error> {
        *self.0 = truth.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::{TASK_ID, about};
    use log::Level;

    fn line(fields: &[(&str, Field<'_>)]) -> String {
        let mut out = Vec::new();
        let at = "2026-11-24T04:05:06.007Z".parse().unwrap();
        let mut record = Record::builder();
        record.level(Level::Warn).target("maestro_reports::worker").key_values(&fields);
        write(&mut out, &record.args(format_args!("two\n\"lines\"")).build(), at).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_is_one_object_on_one_line() {
        insta::assert_snapshot!(
            line(&[
                ("task.id", "abc".into()),
                ("attempt", 2_u32.into()),
                ("seconds", 0.25.into()),
                ("retried", true.into()),
                ("level", "not mine".into()),
            ]),
            @r#"{"time":"2026-11-24T04:05:06.007Z","level":"WARN","target":"maestro_reports::worker","message":"two\n\"lines\"","task.id":"abc","attempt":2,"seconds":0.25,"retried":true}"#
        );
    }

    #[actix_rt::test]
    async fn a_line_carries_the_id_of_the_work_around_it_unless_it_names_its_own() {
        let (around, own) = about(TASK_ID, "outer", async { (line(&[]), line(&[("task.id", "inner".into())])) }).await;
        assert!(around.contains(r#""task.id":"outer""#), "{around}");
        assert!(own.contains(r#""task.id":"inner""#) && !own.contains("outer"), "{own}");
        assert!(!line(&[]).contains("task.id"));
    }
}
