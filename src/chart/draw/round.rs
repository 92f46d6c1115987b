//! Doughnut, polar and pie: a disc, its slices clockwise from the top in the order of the legend below it.

use super::{DIM, Entry, INK, Kind, LINE, MARGIN, PAPER, Sheet, num, text};
use maud::{Markup, html};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

const RADIUS: f64 = 78.0;
/// Between the lines of the legend.
const STEP: f64 = 19.0;
const SWATCH: f64 = 12.0;
const GAP: f64 = 8.0;
/// A slice this near to the whole disc is drawn as the whole: its two ends would fall together.
const NEARLY_ALL: f64 = TAU - 0.001;

/// The part of a ring between two radii and two angles, which run clockwise from the top.
struct Slice {
    inner: f64,
    outer: f64,
    from: f64,
    to: f64,
}

/// Draws below `top`; where the drawing ends.
pub(super) fn draw(sheet: &Sheet, kind: Kind, top: f64) -> (Markup, f64) {
    let centre = (sheet.width / 2.0, top + RADIUS);
    let slices = slices(&sheet.entries, kind);
    let legend = top + 2.0 * RADIUS + 12.0;
    let drawn = html! {
        @if kind == Kind::Polar {
            circle class="mr-line" cx=(num(centre.0)) cy=(num(centre.1)) r=(num(RADIUS)) fill="none" stroke=(LINE) {}
        }
        @for (entry, slice) in sheet.entries.iter().zip(&slices) {
            g {
                title { (entry.whole()) }
                (entry.paint.fill(&sheet.id, |paint| html! {
                    path class="mr-cut" d=(path(centre, slice)) fill=(paint) fill-rule="evenodd" stroke=(PAPER) {}
                }))
            }
        }
        (self::legend(sheet, legend))
    };
    #[expect(clippy::cast_precision_loss, reason = "a few lines")]
    (drawn, legend + STEP * sheet.entries.len() as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a drawing is not that exact")]
fn slices(entries: &[Entry], kind: Kind) -> Vec<Slice> {
    let values = || entries.iter().map(|entry| entry.value as f64);
    let (sum, max) = (values().sum::<f64>(), values().fold(0.0, f64::max));
    let mut from = 0.0;
    let slice = |value: f64| {
        let (angle, outer) = if kind == Kind::Polar {
            // The area stands for the count.
            (TAU / entries.len() as f64, RADIUS * (value / max).sqrt())
        } else {
            (TAU * value / sum, RADIUS)
        };
        let start = from;
        from += angle;
        Slice { inner: if kind == Kind::Doughnut { 0.55 * RADIUS } else { 0.0 }, outer, from: start, to: from }
    };
    values().map(slice).collect()
}

/// The outline as path data.
fn path(centre: (f64, f64), slice: &Slice) -> String {
    let sweep = slice.to - slice.from;
    if sweep > NEARLY_ALL {
        return [slice.outer, slice.inner].into_iter().filter(|r| *r > 0.0).map(|r| circle(centre, r)).collect();
    }
    let at = |radius: f64, angle: f64| {
        let (sin, cos) = (angle - FRAC_PI_2).sin_cos();
        format!("{} {}", num(centre.0 + radius * cos), num(centre.1 + radius * sin))
    };
    let large = u8::from(sweep > PI);
    let Slice { inner, outer, from, to } = *slice;
    let back = if inner > 0.0 {
        format!("L{}A{i} {i} 0 {large} 0 {}", at(inner, to), at(inner, from), i = num(inner))
    } else {
        format!("L{}", at(0.0, 0.0))
    };
    format!("M{}A{o} {o} 0 {large} 1 {}{back}Z", at(outer, from), at(outer, to), o = num(outer))
}

fn circle(centre: (f64, f64), radius: f64) -> String {
    let (left, y, r) = (num(centre.0 - radius), num(centre.1), num(radius));
    let across = num(2.0 * radius);
    format!("M{left} {y}a{r} {r} 0 1 1 {across} 0a{r} {r} 0 1 1 -{across} 0Z")
}

/// A line for each slice: swatch, label, count and share.
fn legend(sheet: &Sheet, top: f64) -> Markup {
    let shares = sheet.right();
    let counts = shares - sheet.widest(sheet.size, |entry| &entry.share) - GAP;
    let labels = MARGIN + SWATCH + GAP;
    let room = counts - sheet.widest(sheet.size, |entry| &entry.count) - GAP - labels;
    let line = |entry: &Entry, y: f64| {
        html! {
            g {
                title { (entry.whole()) }
                (entry.paint.fill(&sheet.id, |paint| html! {
                    rect x=(num(MARGIN)) y=(num(y - SWATCH + 2.0)) width=(num(SWATCH)) height=(num(SWATCH)) fill=(paint) {}
                }))
                text class="mr-ink" x=(num(labels)) y=(num(y)) fill=(INK) { (text::fitted(&entry.label, sheet.size, room)) }
                text class="mr-ink" x=(num(counts)) y=(num(y)) fill=(INK) text-anchor="end" { (entry.count) }
                text class="mr-dim" x=(num(shares)) y=(num(y)) fill=(DIM) text-anchor="end" { (entry.share) }
            }
        }
    };
    html! {
        @for (y, entry) in lines(top + STEP - 5.0, STEP).zip(&sheet.entries) { (line(entry, y)) }
    }
}

/// Where the lines of a list are, from above.
pub(super) fn lines(first: f64, step: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(first), move |y| Some(y + step))
}
