//! Horizontal bars: the label before each, count and share behind it.

use super::round::lines;
use super::{DIM, Entry, INK, LINE, MARGIN, Sheet, num, text};
use maud::{Markup, html};

const STEP: f64 = 22.0;
const THICK: f64 = 14.0;
const GAP: f64 = 7.0;
/// How much of the width labels may take.
const LABELS: f64 = 0.38;

/// Draws below `top`; where the drawing ends.
#[expect(clippy::cast_precision_loss, reason = "a drawing is not that exact")]
pub(super) fn draw(sheet: &Sheet, top: f64) -> (Markup, f64) {
    let room = (LABELS * sheet.width).min(sheet.widest(sheet.size, |entry| &entry.label));
    let zero = MARGIN + room + GAP;
    let figures = sheet.entries.iter().map(|entry| text::width(&figures(entry), sheet.size)).fold(0.0, f64::max);
    let longest = (sheet.right() - figures - GAP - zero).max(1.0);
    let max = sheet.entries.iter().map(|entry| entry.value).max().unwrap_or(1) as f64;
    let bottom = top + STEP * sheet.entries.len() as f64;
    let bar = |entry: &Entry, y: f64| {
        // Thinner than a pixel it would not be seen.
        let length = (longest * entry.value as f64 / max).max(1.0);
        let base = y + THICK - 3.0;
        html! {
            g {
                title { (entry.whole()) }
                text class="mr-ink" x=(num(zero - GAP)) y=(num(base)) fill=(INK) text-anchor="end" {
                    (text::fitted(&entry.label, sheet.size, room))
                }
                (entry.paint.fill(&sheet.id, |paint| html! {
                    rect x=(num(zero)) y=(num(y)) width=(num(length)) height=(num(THICK)) fill=(paint) {}
                }))
                text class="mr-ink" x=(num(zero + length + GAP)) y=(num(base)) fill=(INK) {
                    (entry.count) tspan class="mr-dim" fill=(DIM) { "\u{a0}(" (entry.share) ")" }
                }
            }
        }
    };
    let drawn = html! {
        @for (y, entry) in lines(top + (STEP - THICK) / 2.0, STEP).zip(&sheet.entries) { (bar(entry, y)) }
        path class="mr-line" d={ "M" (num(zero)) " " (num(top)) "V" (num(bottom)) } stroke=(LINE) {}
    };
    (drawn, bottom)
}

/// What stands behind a bar.
fn figures(entry: &Entry) -> String {
    format!("{} ({})", entry.count, entry.share)
}
