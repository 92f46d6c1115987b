//! The sheets of a document and what lies on them, in points (1/72 inch) from the top left corner.

/// A size of sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paper {
    pub(super) width: f32,
    pub(super) height: f32,
}

/// A4, upright.
pub(super) const PORTRAIT: Paper = Paper { width: 595.28, height: 841.89 };
/// A4, across.
pub(super) const LANDSCAPE: Paper = Paper { width: 841.89, height: 595.28 };

/// White on the left and the right.
pub(super) const SIDE: f32 = 42.0;
/// White above the content; the running header stands in it.
pub(super) const TOP: f32 = 56.0;
/// White below the content; the footer stands in it.
pub(super) const BOTTOM: f32 = 52.0;

impl Paper {
    /// Between the margins.
    pub(super) fn inner_width(self) -> f32 {
        self.width - 2.0 * SIDE
    }

    /// Where content ends.
    pub(super) fn bottom(self) -> f32 {
        self.height - BOTTOM
    }
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}
