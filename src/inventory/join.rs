//! A pipeline run row by row: each row goes through all steps before the next is read, so memory stays flat.

use super::body::{self, Sink};
use super::dataset::{Flow, keys_at};
use super::error::InventoryError;
use super::pipeline::{Join, Pipeline, Step, Unwind};
use super::render;
use actix_web::HttpResponse;
use bson::raw::{CStr, RawArrayBuf, RawBsonRef};
use bson::{RawDocument, RawDocumentBuf};
use std::io::Write;
use std::ops::ControlFlow::{Break, Continue};

/// The answer: `items`.
pub(super) fn answer(pipeline: Pipeline) -> HttpResponse {
    body::json(move |sink| {
        let not_sent = || InventoryError::io("the answer was not sent");
        sink.write_all(br#"{"items":["#).map_err(not_sent())?;
        run(&pipeline, sink)?;
        sink.write_all(b"]}").map_err(not_sent())
    })
}

fn run(pipeline: &Pipeline, sink: &mut Sink) -> Result<(), InventoryError> {
    let mut run = Run { steps: &pipeline.steps, passed: vec![0; pipeline.steps.len()], written: 0, sink };
    pipeline.entity.reader()?.scan(0, &mut |_, row| run.row(0, row))
}

/// A pipeline under way.
struct Run<'a> {
    steps: &'a [Step],
    /// Rows that each step let pass; only limits count.
    passed: Vec<u64>,
    written: u64,
    sink: &'a mut Sink,
}

impl Run<'_> {
    /// Takes a row through the steps from `at` on. `Break` means that no further row is wanted.
    fn row(&mut self, at: usize, row: &RawDocument) -> Flow {
        match self.steps.get(at) {
            None => self.write(row),
            Some(Step::Match(matcher)) if !matcher.matches(row) => Ok(Continue(())),
            Some(Step::Match(_)) => self.row(at + 1, row),
            Some(Step::Join(join)) => self.join(at, join, row),
            Some(Step::JoinEach(join, unwind)) => self.join_each(at, join, unwind, row),
            Some(Step::Unwind(unwind)) => self.unwind(at, unwind, row),
            Some(Step::Limit(limit)) => self.limit(at, *limit, row),
        }
    }

    fn write(&mut self, row: &RawDocument) -> Flow {
        let not_sent = || InventoryError::io("the answer was not sent");
        if self.written > 0 {
            self.sink.write_all(b",").map_err(not_sent())?;
        }
        self.written += 1;
        render::document(row, self.sink).map_err(not_sent())?;
        Ok(Continue(()))
    }

    fn join(&mut self, at: usize, join: &Join, row: &RawDocument) -> Flow {
        let mut partners = RawArrayBuf::new();
        // Nothing stops this: every partner is taken.
        let (Continue(()) | Break(())) = join.partners_of(row, &mut |partner| {
            partners.push(partner.to_owned());
            Ok(Continue(()))
        })?;
        self.row(at + 1, &with(row, &join.name, Some(RawBsonRef::Array(&partners)))?)
    }

    fn join_each(&mut self, at: usize, join: &Join, unwind: &Unwind, row: &RawDocument) -> Flow {
        let mut alone = true;
        let flow = join.partners_of(row, &mut |partner| {
            alone = false;
            self.row(at + 1, &with(row, &join.name, Some(RawBsonRef::Document(partner)))?)
        })?;
        if alone && unwind.keep_empty {
            return self.row(at + 1, &with(row, &join.name, None)?);
        }
        Ok(flow)
    }

    fn unwind(&mut self, at: usize, unwind: &Unwind, row: &RawDocument) -> Flow {
        let value = row.get(unwind.name.as_str())?;
        let Some(items) = value.and_then(RawBsonRef::as_array) else {
            let empty = matches!(value, None | Some(RawBsonRef::Null | RawBsonRef::Undefined));
            return if empty && !unwind.keep_empty { Ok(Continue(())) } else { self.row(at + 1, row) };
        };
        if items.is_empty() && unwind.keep_empty {
            return self.row(at + 1, &with(row, &unwind.name, None)?);
        }
        for item in items {
            if self.row(at + 1, &with(row, &unwind.name, Some(item?))?)?.is_break() {
                return Ok(Break(()));
            }
        }
        Ok(Continue(()))
    }

    fn limit(&mut self, at: usize, limit: u64, row: &RawDocument) -> Flow {
        if let Some(passed) = self.passed.get_mut(at) {
            *passed += 1;
            let last = *passed >= limit;
            let flow = self.row(at + 1, row)?;
            return Ok(if last { Break(()) } else { flow });
        }
        Ok(Break(()))
    }
}

impl Join {
    /// Hands over the partners of a row in natural order: those with an equal value, where an array on either side
    /// stands for its elements and a missing value for null.
    fn partners_of(&self, row: &RawDocument, each: &mut dyn FnMut(&RawDocument) -> Flow) -> Flow {
        let Some(partners) = &self.partners else { return Ok(Continue(())) };
        for place in partners.find(&self.foreign, &keys_at(&self.local, row))? {
            if each(&partners.get(place)?)?.is_break() {
                return Ok(Break(()));
            }
        }
        Ok(Continue(()))
    }
}

/// The row with a field set (or left out), in place of one of that name or at the end.
fn with(row: &RawDocument, name: &CStr, value: Option<RawBsonRef<'_>>) -> Result<RawDocumentBuf, InventoryError> {
    let mut out = RawDocumentBuf::new();
    let mut left = value;
    for element in row {
        let (key, old) = element?;
        if key != name {
            out.append(key, old);
        } else if let Some(value) = left.take() {
            out.append(name, value);
        }
    }
    if let Some(value) = left {
        out.append(name, value);
    }
    Ok(out)
}
