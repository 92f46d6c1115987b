//! Pages printed by genpdf: what they show as PDF operators.
//!
//! Genpdf writes a document that holds both fonts as a whole, a colour profile and a layer for each page. Only the
//! operators of its pages are taken here; `file` puts them into a document of its own. Each print has a document to itself,
//! so what genpdf keeps of it (more than a kilobyte a cell) is gone after each page.

use super::font::Typeface;
use super::page::Line;
use super::paper::Paper;
use crate::artifact::RenderError;
use genpdf::error::{Error, ErrorKind};
use genpdf::render::Renderer;
use genpdf::{Mm, Position, Size};
use printpdf::{CustomPdfConformance, PdfConformance, Pt};

/// What printpdf writes around a page's operators, for its layer.
const LAYER: (&[u8], &[u8]) = (b"/OC /MC0 BDC\n", b"EMC");

/// The operators that print these texts, a page each.
///
/// # Errors
/// Where genpdf cannot write, or writes what is not known here.
pub(super) fn print(typeface: &Typeface, paper: Paper, pages: &[Vec<Line>]) -> Result<Vec<Vec<u8>>, RenderError> {
    const FAILED: &str = "a page cannot be printed";
    let written = written(typeface, paper, pages).map_err(RenderError::of(FAILED))?;
    let document = lopdf::Document::load_mem(&written).map_err(RenderError::of(FAILED))?;
    let content = |id| -> Result<Vec<u8>, RenderError> {
        let content = document.get_page_content(id).map_err(RenderError::of(FAILED))?;
        without_layer(&content).ok_or("its layer is not known").map_err(RenderError::of(FAILED))
    };
    document.get_pages().into_values().map(content).collect()
}

fn written(typeface: &Typeface, paper: Paper, pages: &[Vec<Line>]) -> Result<Vec<u8>, Error> {
    let size = Size::new(mm(paper.width), mm(paper.height));
    let mut renderer = Renderer::new(size, "")?;
    // Without a colour profile of half a megabyte.
    renderer = renderer.with_conformance(PdfConformance::Custom(CustomPdfConformance::default()));
    for (number, lines) in pages.iter().enumerate() {
        if number > 0 {
            renderer.add_page(size);
        }
        let area = renderer.last_page().last_layer().area();
        for Line { x, baseline, style, text } in lines {
            // Genpdf places a line by its upper edge, and puts its letters a whole line below.
            let height = style.font(&typeface.cache).glyph_height(style.font_size());
            let place = Position::new(mm(*x), mm(*baseline) - height);
            if !area.print_str(&typeface.cache, place, *style, text)? {
                return Err(Error::new("a line lies beyond the page", ErrorKind::PageSizeExceeded));
            }
        }
    }
    let mut written = Vec::new();
    renderer.write(&mut written)?;
    Ok(written)
}

fn mm(points: f32) -> Mm {
    Pt(f64::from(points)).into()
}

fn without_layer(content: &[u8]) -> Option<Vec<u8>> {
    let (before, after) = LAYER;
    let content = content.trim_ascii_end();
    content.strip_prefix(before)?.strip_suffix(after).map(<[u8]>::to_vec)
}
