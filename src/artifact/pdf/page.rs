//! One page before it is printed: texts, and below them what genpdf cannot draw: fills, hairlines and pictures.

use super::font::REPLACEMENT;
use super::ink::Ink;
use super::paper::{Paper, Place};
use genpdf::style::Style;
use pdf_writer::{Content, Name};

/// What stands on a page.
pub(super) struct Page {
    pub(super) paper: Paper,
    pub(super) texts: Vec<Line>,
    /// Whether a character was replaced on it.
    pub(super) is_lossy: bool,
    below: Content,
}

/// A line of text.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) x: f32,
    /// What its letters stand on.
    pub(super) baseline: f32,
    pub(super) style: Style,
    pub(super) text: String,
}

impl Page {
    pub(super) fn new(paper: Paper) -> Self {
        Self { paper, texts: Vec::new(), is_lossy: false, below: Content::new() }
    }

    /// A line of text.
    pub(super) fn text(&mut self, x: f32, baseline: f32, style: Style, text: impl Into<String>) {
        let text = text.into();
        self.is_lossy |= text.contains(REPLACEMENT);
        self.texts.push(Line { x, baseline, style, text });
    }

    /// A filled rectangle.
    pub(super) fn fill(&mut self, place: Place, ink: Ink) {
        let Ink(red, green, blue) = ink;
        let [red, green, blue] = [red, green, blue].map(|part| f32::from(part) / 255.0);
        self.below.set_fill_rgb(red, green, blue);
        self.below.rect(place.x, self.paper.height - place.y - place.height, place.width, place.height);
        self.below.fill_nonzero();
    }

    /// A horizontal hairline.
    pub(super) fn rule(&mut self, x: f32, y: f32, width: f32, ink: Ink) {
        self.fill(Place { x, y: y - 0.25, width, height: 0.5 }, ink);
    }

    /// The picture of this number, which is one unit wide and high.
    pub(super) fn picture(&mut self, number: usize, place: Place) {
        let up = self.paper.height - place.y - place.height;
        self.below.save_state();
        self.below.transform([place.width, 0.0, 0.0, place.height, place.x, up]);
        self.below.x_object(Name(picture_name(number).as_bytes()));
        self.below.restore_state();
    }

    /// The texts, and the operators of what is below them.
    pub(super) fn into_parts(self) -> (Vec<Line>, Vec<u8>) {
        (self.texts, self.below.finish())
    }
}

/// What the picture of this number is called on all pages.
pub(super) fn picture_name(number: usize) -> String {
    format!("C{number}")
}
