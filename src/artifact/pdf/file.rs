//! The file: pages, fonts and drawings put together, with the document's title, author and date.

use super::embed::RESOURCES;
use super::page::picture_name;
use super::picture::Picture;
use super::press::Sheets;
use crate::artifact::RenderError;
use chrono::{DateTime, Datelike, Timelike, Utc};
use pdf_writer::{Date, Filter, Finish, Name, Pdf, Rect, Ref, TextStr};
use sha2::{Digest, Sha256};

/// What a document tells of itself.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) title: String,
    pub(super) author: String,
    pub(super) subject: String,
    pub(super) date: DateTime<Utc>,
}

/// The bytes of the file. The same pages and record give the same bytes.
///
/// # Errors
/// Where a font cannot be written.
pub(super) fn write(record: &Record, sheets: &Sheets, pictures: &[Picture]) -> Result<Vec<u8>, RenderError> {
    let mut pdf = Pdf::new();
    let mut next = Ref::new(1);
    let [catalog, tree, info, resources] = std::array::from_fn(|_| next.bump());
    write_catalog(&mut pdf, catalog, tree);
    write_record(&mut pdf, info, record);
    let fonts = sheets.used.write(&mut pdf, &mut next)?;
    let forms: Vec<Ref> =
        pictures.iter().map(|picture| picture.write(&mut pdf, &mut next)).collect::<Result<_, _>>()?;
    let mut dictionary = pdf.indirect(resources).start::<pdf_writer::writers::Resources<'_>>();
    let mut names = dictionary.fonts();
    RESOURCES.into_iter().zip(fonts).for_each(|(name, font)| {
        names.pair(Name(name.as_bytes()), font);
    });
    names.finish();
    let mut names = dictionary.x_objects();
    for (number, form) in forms.into_iter().enumerate() {
        names.pair(Name(picture_name(number).as_bytes()), form);
    }
    names.finish();
    dictionary.finish();
    let pages: Vec<Ref> = sheets.pages.iter().map(|page| write_page(&mut pdf, &mut next, tree, page)).collect();
    let mut parent = pdf.pages(tree);
    let count = i32::try_from(pages.len()).map_err(RenderError::of("there are too many pages"))?;
    parent.count(count).kids(pages).pair(Name(b"Resources"), resources);
    parent.media_box(Rect::new(0.0, 0.0, sheets.paper.width, sheets.paper.height));
    parent.finish();
    let id = id_of(record, sheets);
    pdf.set_file_id((id.clone(), id));
    Ok(pdf.finish())
}

fn write_catalog(pdf: &mut Pdf, catalog: Ref, tree: Ref) {
    let mut catalog = pdf.catalog(catalog);
    catalog.pages(tree).lang(TextStr("en"));
    catalog.viewer_preferences().display_doc_title(true);
}

fn write_record(pdf: &mut Pdf, info: Ref, record: &Record) {
    let mut info = pdf.document_info(info);
    info.title(TextStr(&record.title)).creation_date(date(record.date)).modified_date(date(record.date));
    if !record.author.is_empty() {
        info.author(TextStr(&record.author));
    }
    if !record.subject.is_empty() {
        info.subject(TextStr(&record.subject));
    }
    info.creator(TextStr(concat!("maestro-reports ", env!("CARGO_PKG_VERSION"))));
}

fn write_page(pdf: &mut Pdf, next: &mut Ref, tree: Ref, streams: &[Vec<u8>; 2]) -> Ref {
    let [page, content, footer] = std::array::from_fn(|_| next.bump());
    pdf.page(page).parent(tree).contents_array([content, footer]);
    for (place, stream) in [content, footer].into_iter().zip(streams) {
        pdf.stream(place, stream).filter(Filter::FlateDecode);
    }
    page
}

/// A date as PDF writes it. What lies beyond its years is left out.
fn date(at: DateTime<Utc>) -> Date {
    let small = |number: u32| u8::try_from(number).unwrap_or(0);
    Date::new(u16::try_from(at.year()).unwrap_or(0))
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
}

/// Tells one document from another.
fn id_of(record: &Record, sheets: &Sheets) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(format!("{record:?}"));
    sheets.pages.iter().flatten().for_each(|stream| hash.update(stream));
    hash.finalize().iter().take(16).copied().collect()
}
