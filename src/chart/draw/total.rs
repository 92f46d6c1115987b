//! A list of big numbers, each with its label.

use super::round::lines;
use super::{BOLD, DIM, Entry, INK, MARGIN, Sheet, num, text};
use maud::{Markup, html};

const STEP: f64 = 26.0;
const BIG: f64 = 18.0;
const GAP: f64 = 9.0;

/// Draws below `top`; where the drawing ends.
pub(super) fn draw(sheet: &Sheet, top: f64) -> (Markup, f64) {
    let counts = MARGIN + sheet.widest(BIG * BOLD, |entry| &entry.count);
    let labels = counts + GAP;
    let room = sheet.right() - sheet.widest(sheet.size, |entry| &entry.share) - GAP - labels;
    let number = |entry: &Entry, y: f64| {
        html! {
            g {
                title { (entry.whole()) }
                text class="mr-ink" x=(num(counts)) y=(num(y)) fill=(INK) text-anchor="end" font-size=(num(BIG)) font-weight="bold" {
                    (entry.count)
                }
                text class="mr-ink" x=(num(labels)) y=(num(y)) fill=(INK) { (text::fitted(&entry.label, sheet.size, room)) }
                text class="mr-dim" x=(num(sheet.right())) y=(num(y)) fill=(DIM) text-anchor="end" { (entry.share) }
            }
        }
    };
    let drawn = html! {
        @for (y, entry) in lines(top + STEP - 7.0, STEP).zip(&sheet.entries) { (number(entry, y)) }
    };
    #[expect(clippy::cast_precision_loss, reason = "a few lines")]
    (drawn, top + STEP * sheet.entries.len() as f64)
}
