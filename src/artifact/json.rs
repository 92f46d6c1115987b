//! JSON: the page object of the API, `{"found", "total_pages", "page", "limit", "items": […]}` (contract §3).

use super::{Format, Place, Projection, Render, RenderError};
use crate::domain::{JsonRow, Row};

pub(super) const FORMAT: Format = Format {
    name: "json",
    title: "JSON, the page object of the API",
    media: "application/json",
    content_type: "application/json",
    extension: "json",
    bound: None,
    needs_layout: false,
    is_compressed: false,
    render: |about, options| {
        Box::new(Json {
            place: (!options.bare).then_some(about.place),
            projection: Projection::of(&options.columns),
            begun: false,
        })
    },
};

struct Json {
    /// `None`: a bare list, a row a line.
    place: Option<Place>,
    projection: Option<Projection>,
    begun: bool,
}

impl Render for Json {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        if let Some(Place { found, total_pages, page, limit }) = self.place {
            let head =
                format!(r#"{{"found":{found},"total_pages":{total_pages},"page":{page},"limit":{limit},"items":"#);
            out.extend(head.as_bytes());
        }
        out.push(b'[');
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        if self.begun {
            out.extend(if self.place.is_some() { b",".as_slice() } else { b",\n" });
        }
        self.begun = true;
        write(row, self.projection.as_ref(), out)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        out.extend(if self.place.is_some() { b"]}".as_slice() } else { b"]\n" });
        Ok(())
    }
}

/// One row as a JSON object.
pub(super) fn write(row: &Row, projection: Option<&Projection>, out: &mut Vec<u8>) -> Result<(), RenderError> {
    let written = match projection {
        Some(projection) => serde_json::to_writer(out, &JsonRow(&projection.apply(row))),
        None => serde_json::to_writer(out, &JsonRow(row)),
    };
    written.map_err(RenderError::of("a row cannot be written as JSON"))
}
