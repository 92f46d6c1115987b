//! The fonts as they stand in the file: only the glyphs that are used, and which characters these are, so that text can be
//! found and copied.

use super::font::{FILES, REPLACEMENT, Typeface};
use super::page::Line;
use super::press::deflate;
use crate::artifact::RenderError;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Filter, Finish, Name, Pdf, Rect, Ref, Str};
use std::collections::BTreeMap;
use subsetter::GlyphRemapper;

/// The names of both faces: six letters mark a font that is not whole (ISO 32000, 9.6.4).
const NAMES: [&str; 2] = ["MAESTR+NotoSans", "MAESTR+NotoSans-Bold"];
/// What printpdf calls the faces in a page's operators.
pub(super) const RESOURCES: [&str; 2] = ["F0", "F1"];

/// Glyphs that are used, regular and bold, and the character that each is.
#[derive(Debug, Default)]
pub(super) struct Used([BTreeMap<u16, Seen>; 2]);

#[derive(Debug, Clone, Copy)]
struct Seen {
    c: char,
    /// In thousandths of an em.
    width: f32,
}

impl Used {
    /// Notes the glyphs of a line.
    pub(super) fn add(&mut self, typeface: &Typeface, line: &Line) {
        let [regular, bold] = &mut self.0;
        let face = if line.style.is_bold() { bold } else { regular };
        for c in line.text.chars() {
            let glyph = typeface.glyph(line.style, c);
            face.entry(glyph.id).or_insert(Seen { c, width: glyph.advance * 1000.0 });
        }
    }

    /// Writes both fonts; which references they have.
    ///
    /// # Errors
    /// Where a font cannot be cut down to its used glyphs.
    pub(super) fn write(&self, pdf: &mut Pdf, next: &mut Ref) -> Result<[Ref; 2], RenderError> {
        let mut refs = [*next; 2];
        for ((place, file), (name, glyphs)) in refs.iter_mut().zip(FILES).zip(NAMES.into_iter().zip(&self.0)) {
            *place = write_font(pdf, next, file, Name(name.as_bytes()), glyphs)?;
        }
        Ok(refs)
    }
}

fn write_font(
    pdf: &mut Pdf,
    next: &mut Ref,
    file: &[u8],
    name: Name<'_>,
    glyphs: &BTreeMap<u16, Seen>,
) -> Result<Ref, RenderError> {
    let [font, cid, descriptor, data, cmap, map] = std::array::from_fn(|_| next.bump());
    let used: Vec<u16> = glyphs.keys().copied().collect();
    let mapper = GlyphRemapper::new_from_glyphs_sorted(&used);
    let subset = subsetter::subset(file, 0, &mapper).map_err(RenderError::of("a font cannot be cut down"))?;
    pdf.type0_font(font).base_font(name).encoding_predefined(Name(b"Identity-H")).descendant_font(cid).to_unicode(cmap);
    let mut cid_font = pdf.cid_font(cid);
    cid_font.subtype(CidFontType::Type2).base_font(name).system_info(IDENTITY).font_descriptor(descriptor);
    cid_font.cid_to_gid_map_stream(map).default_width(0.0);
    let mut widths = cid_font.widths();
    glyphs.iter().for_each(|(id, seen)| {
        widths.consecutive(*id, [seen.width]);
    });
    widths.finish();
    cid_font.finish();
    write_descriptor(pdf, descriptor, name, data);
    let length = i32::try_from(subset.len()).map_err(RenderError::of("a font is too large"))?;
    pdf.stream(data, &deflate(&subset)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    pdf.stream(map, &deflate(&glyph_places(&mapper, &used))?).filter(Filter::FlateDecode);
    pdf.cmap(cmap, &deflate(&characters(glyphs))?).filter(Filter::FlateDecode);
    Ok(font)
}

const IDENTITY: SystemInfo<'_> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Pages name glyphs by their numbers in the whole font: for each of these its number in what is left of it.
fn glyph_places(mapper: &GlyphRemapper, used: &[u16]) -> Vec<u8> {
    let last = used.last().copied().unwrap_or(0);
    (0..=last).flat_map(|id| mapper.get(id).unwrap_or(0).to_be_bytes()).collect()
}

/// Which character each glyph is.
fn characters(glyphs: &BTreeMap<u16, Seen>) -> Vec<u8> {
    let mut cmap: UnicodeCmap<u16> =
        UnicodeCmap::new(Name(b"Adobe-Identity-UCS"), SystemInfo { ordering: Str(b"UCS"), ..IDENTITY });
    glyphs.iter().for_each(|(id, seen)| cmap.pair(*id, if *id == 0 { REPLACEMENT } else { seen.c }));
    cmap.finish()
}

/// The measures of Noto Sans 1.04, regular and bold alike, in thousandths of an em; from its tables head, hhea and OS/2.
fn write_descriptor(pdf: &mut Pdf, descriptor: Ref, name: Name<'_>, data: Ref) {
    let is_bold = name.0.ends_with(b"Bold");
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(-619.0, -293.0, 1441.0, 1069.0))
        .italic_angle(0.0)
        .ascent(1069.0)
        .descent(-293.0)
        .cap_height(714.0)
        .stem_v(if is_bold { 140.0 } else { 80.0 })
        .font_file2(data);
}
