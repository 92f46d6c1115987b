//! Charts as SVG 1.1: no script, no font and nothing else from outside.
//!
//! Everything is set by presentation attributes, in light colours, so that a renderer without CSS draws it as well; the
//! classes are there for [`CSS`], which gives what must change in a dark page its other colour. Each label has a line of
//! its own, cut with an ellipsis where it is too long, so labels never meet; the whole label, count and share stand in
//! the line's `<title>`, and all of them in the drawing's `<desc>`, for screen readers.
//!
//! ```text
//! text     what may stand in XML, how wide it is, how numbers are written
//! palette  how slices are filled
//! round    doughnut, polar and pie: a disc with a legend below
//! bar      horizontal bars
//! total    big numbers
//! ```

mod bar;
mod palette;
mod round;
#[cfg(test)]
mod tests;
mod text;
mod total;

use super::read::{Chart, Kind, Slice};
use maud::{PreEscaped, html};
pub(crate) use palette::{Paint, Texture};
use std::fmt;

/// The colours of a drawing in a dark page; part of each drawing in [`Style::Adaptive`], and to be put once into a page
/// that holds drawings in [`Style::Light`] and has a dark mode.
pub const CSS: &str = "@media screen and (prefers-color-scheme:dark){.mr-paper{fill:#16181d}.mr-cut{stroke:#16181d}\
    .mr-ink{fill:#f2f2f2}.mr-dim{fill:#b9bec7}.mr-line{stroke:#5b616b}}";

const PAPER: &str = "#ffffff";
const INK: &str = "#1a1a1a";
const DIM: &str = "#595959";
const LINE: &str = "#b0b0b0";
const FONT: &str = "DejaVu Sans, sans-serif";

/// Around a drawing.
const MARGIN: f64 = 10.0;

/// For which surroundings a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Black on white, without CSS: for print, and for pages that bring [`CSS`].
    Light,
    /// With [`CSS`] of its own: light or dark, as the reader's screen is.
    Adaptive,
}

/// A slice with its texts.
#[derive(Debug)]
struct Entry {
    value: u64,
    label: String,
    count: String,
    share: String,
    paint: Paint,
}

impl Entry {
    fn new(slice: &Slice, total: u64, paint: Paint) -> Self {
        Self {
            value: slice.count,
            label: text::clean(&slice.label),
            count: text::count(slice.count),
            share: text::share(slice.count, total),
            paint,
        }
    }

    /// All that is known of it.
    fn whole(&self) -> String {
        format!("{}: {} ({})", self.label, self.count, self.share)
    }
}

/// What a kind of chart needs to draw itself.
#[derive(Debug)]
struct Sheet {
    /// Unique in a page; the ids of all parts begin with it.
    id: String,
    /// Of the drawing, in its own unit.
    width: f64,
    /// The size of its texts, in the same unit.
    size: f64,
    /// Never empty.
    entries: Vec<Entry>,
}

impl Sheet {
    /// The widest of some text of the entries.
    fn widest(&self, size: f64, of: impl Fn(&Entry) -> &str) -> f64 {
        self.entries.iter().map(|entry| text::width(of(entry), size)).fold(0.0, f64::max)
    }

    fn right(&self) -> f64 {
        self.width - MARGIN
    }
}

impl Chart {
    /// The chart as an SVG document, which may also stand in an HTML page beside others of the same report. The same
    /// chart gives the same bytes.
    #[must_use]
    pub fn svg(&self, style: Style) -> String {
        // At 320 pixels, the narrowest screens, texts have 12 and 9.9 pixels.
        let (width, size) = if self.wide { (420.0, 13.0) } else { (320.0, 12.0) };
        let sheet = Sheet { id: id(&self.key), width, size, entries: self.entries() };
        let title = text::clean(&self.title);
        let top = MARGIN + 40.0;
        let (drawn, bottom) = match self.kind {
            Kind::Doughnut | Kind::Pie | Kind::Polar => round::draw(&sheet, self.kind, top),
            Kind::Bar => bar::draw(&sheet, top),
            Kind::Total => total::draw(&sheet, top),
        };
        let height = bottom + MARGIN;
        let view = format!("0 0 {} {}", num(width), num(height));
        let named = format!("{0}-title {0}-desc", sheet.id);
        let paints: Vec<Paint> = sheet.entries.iter().map(|entry| entry.paint).collect();
        html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(num(width)) height=(num(height)) viewBox=(view)
                role="img" aria-labelledby=(named) font-family=(FONT) font-size=(num(size)) {
                title id={ (sheet.id) "-title" } { (title) }
                desc id={ (sheet.id) "-desc" } { (self.described(&sheet)) }
                @if style == Style::Adaptive { style { (PreEscaped(CSS)) } }
                defs { (palette::definitions(&sheet.id, &paints)) }
                rect class="mr-paper" width=(num(width)) height=(num(height)) fill=(PAPER) {}
                text class="mr-ink" x=(num(MARGIN)) y=(num(MARGIN + 14.0)) font-size="14" font-weight="bold" fill=(INK) {
                    (text::fitted(&title, 14.0 * BOLD, width - 2.0 * MARGIN))
                }
                text class="mr-dim" x=(num(MARGIN)) y=(num(MARGIN + 31.0)) fill=(DIM) { (self.summary()) }
                (drawn)
            }
        }
        .into_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let (total, (shown, others)) = (self.total(), self.shown());
        // Bars and numbers have their labels beside them: one colour does.
        let place = |place| if matches!(self.kind, Kind::Bar | Kind::Total) { 0 } else { place };
        let shown = shown.iter().enumerate().map(|(n, slice)| Entry::new(slice, total, Paint::nth(place(n))));
        shown.chain(others.map(|others| Entry::new(&others, total, Paint::OTHERS))).collect()
    }

    fn summary(&self) -> String {
        format!("{} in total", text::count(self.total()))
    }

    /// The whole drawing in words.
    fn described(&self, sheet: &Sheet) -> String {
        let entries: Vec<String> = sheet.entries.iter().map(Entry::whole).collect();
        format!("{} chart, {}. {}", self.kind.name(), self.summary(), entries.join("; "))
    }
}

/// How much wider bold texts are.
const BOLD: f64 = 1.15;

/// An id made of a chart's key, different for different keys: what is neither letter nor digit is written as its byte.
fn id(key: &str) -> String {
    let plain = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        other => format!("-{other:02x}"),
    };
    key.bytes().fold("chart-".to_owned(), |id, byte| id + &plain(byte))
}

/// A length with two decimals at most.
fn num(length: f64) -> impl fmt::Display {
    (length * 100.0).round() / 100.0
}
