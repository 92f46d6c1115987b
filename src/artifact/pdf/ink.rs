//! The colours and the letters of the document.

use genpdf::style::{Color, Style};

/// A colour: red, green, blue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink(pub(super) u8, pub(super) u8, pub(super) u8);

/// Text that is read.
pub(super) const BLACK: Ink = Ink(0x1f, 0x24, 0x2b);
/// Text beside it: labels, headers and footers.
pub(super) const GREY: Ink = Ink(0x5f, 0x68, 0x73);
/// Hairlines between rows.
pub(super) const HAIR: Ink = Ink(0xdd, 0xe1, 0xe6);
/// The line below a heading.
pub(super) const LINE: Ink = Ink(0x8a, 0x93, 0x9e);
/// What lies behind headings and figures.
pub(super) const TINT: Ink = Ink(0xf3, 0xf5, 0xf8);

/// Letters of a size in points.
pub(super) fn letters(size: u8, ink: Ink) -> Style {
    Style::new().with_font_size(size).with_color(Color::Rgb(ink.0, ink.1, ink.2))
}
