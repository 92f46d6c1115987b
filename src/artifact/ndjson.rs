//! Newline-delimited JSON: a row a line (github.com/ndjson/ndjson-spec).

use super::{Format, Projection, Render, RenderError, json};
use crate::domain::Row;

pub(super) const FORMAT: Format = Format {
    name: "ndjson",
    title: "JSON, a row a line",
    media: "application/x-ndjson",
    content_type: "application/x-ndjson",
    extension: "ndjson",
    bound: None,
    needs_layout: false,
    is_compressed: false,
    render: |_, options| Box::new(Ndjson(Projection::of(&options.columns))),
};

struct Ndjson(Option<Projection>);

impl Render for Ndjson {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        json::write(row, self.0.as_ref(), out)?;
        out.push(b'\n');
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }
}
