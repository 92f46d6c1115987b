//! Objects of another document, written in the order in which they are reached and with sorted keys.
//!
//! svg2pdf keeps fonts and resources in hash maps, so it writes the same drawing in another order each time; here it
//! becomes the same bytes again.

use lopdf::{Dictionary, Document, Object, ObjectId};
use pdf_writer::{Dict, Finish, Name, Null, Obj, Pdf, Ref, Str};
use std::collections::{HashMap, VecDeque};

/// Which references the copied objects have, and which of them are still to be written.
struct Places<'n> {
    next: &'n mut Ref,
    known: HashMap<ObjectId, Ref>,
    queue: VecDeque<(ObjectId, Ref)>,
}

impl Places<'_> {
    fn of(&mut self, id: ObjectId) -> Ref {
        *self.known.entry(id).or_insert_with(|| {
            let place = self.next.bump();
            self.queue.push_back((id, place));
            place
        })
    }
}

/// Writes an object and all that it refers to, with references from `next` on; which one it has.
///
/// # Errors
/// Where an object is missing.
pub(super) fn copy(from: &Document, root: ObjectId, pdf: &mut Pdf, next: &mut Ref) -> Result<Ref, lopdf::Error> {
    let mut places = Places { next, known: HashMap::new(), queue: VecDeque::new() };
    let place = places.of(root);
    while let Some((id, place)) = places.queue.pop_front() {
        let object = from.get_object(id)?;
        match object.as_stream() {
            Ok(stream) => entries(&stream.dict, &mut pdf.stream(place, &stream.content), &mut places),
            Err(_) => value(object, pdf.indirect(place), &mut places),
        }
    }
    Ok(place)
}

#[expect(clippy::cast_possible_truncation, reason = "pdf-writer's numbers are of 32 bits, and it wrote these")]
fn value(object: &Object, to: Obj<'_>, places: &mut Places<'_>) {
    match object {
        // A stream stands by itself, never in another object.
        Object::Null | Object::Stream(_) => to.primitive(Null),
        Object::Boolean(value) => to.primitive(*value),
        Object::Integer(number) => to.primitive(*number as i32),
        Object::Real(number) => to.primitive(*number as f32),
        Object::Name(name) => to.primitive(Name(name)),
        Object::String(text, _) => to.primitive(Str(text)),
        Object::Reference(id) => to.primitive(places.of(*id)),
        Object::Dictionary(dictionary) => entries(dictionary, &mut to.dict(), places),
        Object::Array(items) => {
            let mut array = to.array();
            items.iter().for_each(|item| value(item, array.push(), places));
            array.finish();
        }
    }
}

/// All entries but the length of a stream, which pdf-writer writes by itself.
fn entries(from: &Dictionary, to: &mut Dict<'_>, places: &mut Places<'_>) {
    let mut entries: Vec<_> = from.iter().filter(|(key, _)| key.as_slice() != b"Length").collect();
    entries.sort_by_key(|(key, _)| *key);
    for (key, object) in entries {
        value(object, to.insert(Name(key)), places);
    }
}
