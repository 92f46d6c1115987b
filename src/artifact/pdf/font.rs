//! The typeface of the document: Noto Sans, regular and bold, as genpdf reads it, and what its glyphs measure.

use crate::artifact::RenderError;
use genpdf::fonts::{Font, FontCache, FontData, FontFamily};
use genpdf::render::Renderer;
use genpdf::style::Style;
use printpdf::Pt;
use std::sync::LazyLock;

/// What stands for a character that the typeface lacks.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// The files of a face, in the order of [`Typeface::faces`].
pub(super) const FILES: [&[u8]; 2] = [notosans::REGULAR_TTF, notosans::BOLD_TTF];

/// Read once a process: it takes some milliseconds and half a megabyte.
static TYPEFACE: LazyLock<Result<Typeface, String>> =
    LazyLock::new(|| Typeface::read().map_err(|error| error.to_string()));

/// Both faces.
pub(super) struct Typeface {
    /// Genpdf's own view, for printing.
    pub(super) cache: FontCache,
    faces: [Face; 2],
}

struct Face {
    /// By code point. All that the typeface has lies in the first plane.
    glyphs: Vec<Glyph>,
}

/// How a character is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    /// Its number in the font file; 0: the font lacks it.
    pub(super) id: u16,
    /// How far it moves on, in ems.
    pub(super) advance: f32,
}

impl Typeface {
    /// The typeface.
    ///
    /// # Errors
    /// Where genpdf cannot read the files.
    pub(super) fn get() -> Result<&'static Self, RenderError> {
        TYPEFACE.as_ref().map_err(|error| RenderError::of("the fonts cannot be read")(error.as_str()))
    }

    fn read() -> Result<Self, genpdf::error::Error> {
        let [regular, bold] = FILES.map(|file| FontData::new(file.to_vec(), None));
        let (regular, bold) = (regular?, bold?);
        // There is nothing in italics.
        let (italic, bold_italic) = (regular.clone(), bold.clone());
        let mut cache = FontCache::new(FontFamily { regular, bold, italic, bold_italic });
        cache.load_pdf_fonts(&Renderer::new(genpdf::PaperSize::A4, "")?)?;
        let family = cache.default_font_family();
        let faces = [family.regular, family.bold].map(|font| Face::read(&cache, font));
        Ok(Self { cache, faces })
    }

    /// How a character is printed in this style.
    pub(super) fn glyph(&self, style: Style, c: char) -> Glyph {
        let [regular, bold] = &self.faces;
        let glyphs = if style.is_bold() { &bold.glyphs } else { &regular.glyphs };
        let missing = Glyph { id: 0, advance: 0.0 };
        usize::try_from(u32::from(c)).ok().and_then(|at| glyphs.get(at)).copied().unwrap_or(missing)
    }

    /// How wide a character is in this style, in points.
    pub(super) fn advance(&self, style: Style, c: char) -> f32 {
        self.glyph(style, c).advance * f32::from(style.font_size())
    }

    /// How wide a text is in this style, in points.
    pub(super) fn width(&self, style: Style, text: &str) -> f32 {
        text.chars().map(|c| self.advance(style, c)).sum()
    }

    /// Whether the typeface has this character.
    pub(super) fn has(&self, c: char) -> bool {
        self.glyph(Style::new(), c).id != 0
    }
}

impl Face {
    fn read(cache: &FontCache, font: Font) -> Self {
        let known = cache.get_rt_font(font);
        // At 100 points, as genpdf's lengths are rounded to nothing but its sizes to whole points.
        let advance = |c| Pt::from(printpdf::Mm::from(font.char_width(cache, c, 100))).0 / 100.0;
        let glyph = |code: u32| {
            let c = char::from_u32(code)?;
            let id = u16::try_from(known.glyph(c).id().0).ok().filter(|id| *id != 0)?;
            Some(Glyph { id, advance: advance(c) as f32 })
        };
        let missing = Glyph { id: 0, advance: 0.0 };
        Self { glyphs: (0..0x1_0000).map(|code| glyph(code).unwrap_or(missing)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_greek_and_cyrillic_are_there_and_others_are_not() {
        let typeface = Typeface::get().unwrap();
        let lacking = |text: &str| text.chars().filter(|c| !typeface.has(*c)).collect::<String>();
        assert_eq!(lacking("Größe łódź ığş Ἀθῆναι Ελλάδα Київ Ѣ №5 €…–•→≤\u{fffd}"), "");
        assert_eq!(lacking("a中b😀عא✓"), "中😀عא✓");
    }

    #[test]
    fn widths_are_those_of_the_font_and_bold_is_wider() {
        let typeface = Typeface::get().unwrap();
        let style = Style::new().with_font_size(10);
        // Noto Sans: digits are 1171 of 2048 units wide, in both faces.
        assert!((typeface.width(style, "0123456789") - 57.18).abs() < 0.01);
        assert!((typeface.width(style.bold(), "01") - 11.44).abs() < 0.01);
        assert!(typeface.width(style.bold(), "web") > typeface.width(style, "web"));
    }
}
