//! Drawings: SVG becomes a form that pages show, lines and letters as such, at any size sharp.

use super::copy::copy;
use super::font::FILES;
use crate::artifact::RenderError;
use lopdf::{Document, ObjectId};
use pdf_writer::{Name, Pdf, Ref};
use std::sync::{Arc, LazyLock};
use svg2pdf::usvg::{Options, Tree, fontdb::Database};
use svg2pdf::{ConversionOptions, to_chunk};

/// The typeface under every name that a drawing may ask for.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    FILES.iter().for_each(|file| fonts.load_font_data(file.to_vec()));
    fonts.set_sans_serif_family(FAMILY);
    fonts.set_serif_family(FAMILY);
    Arc::new(fonts)
});

const FAMILY: &str = "Noto Sans";

/// A drawing as a PDF form, one unit wide and high.
pub(super) struct Picture {
    document: Document,
    form: ObjectId,
    /// Its own size.
    pub(super) width: f32,
    pub(super) height: f32,
}

impl Picture {
    /// Of an SVG document.
    ///
    /// # Errors
    /// Where it cannot be read or drawn.
    pub(super) fn new(svg: &str) -> Result<Self, RenderError> {
        const FAILED: &str = "a chart cannot be drawn";
        let options = Options { fontdb: FONTS.clone(), font_family: FAMILY.to_owned(), ..Options::default() };
        let tree = Tree::from_str(svg, &options).map_err(RenderError::of(FAILED))?;
        let (chunk, form) = to_chunk(&tree, ConversionOptions::default())
            .map_err(|error| RenderError::of(FAILED)(error.to_string()))?;
        // A document that holds the form alone, for `copy`.
        let mut pdf = Pdf::new();
        let catalog = chunk.refs().map(Ref::get).max().unwrap_or(0).saturating_add(1);
        pdf.extend(&chunk);
        pdf.catalog(Ref::new(catalog)).pair(Name(b"Form"), form);
        let document = Document::load_mem(&pdf.finish()).map_err(RenderError::of(FAILED))?;
        let form = (u32::try_from(form.get()).map_err(RenderError::of(FAILED))?, 0);
        Ok(Self { document, form, width: tree.size().width(), height: tree.size().height() })
    }

    /// Writes its objects with references from `next` on; which one the form has.
    ///
    /// # Errors
    /// Where one of them is missing.
    pub(super) fn write(&self, pdf: &mut Pdf, next: &mut Ref) -> Result<Ref, RenderError> {
        copy(&self.document, self.form, pdf, next).map_err(RenderError::of("a chart cannot be written"))
    }
}
