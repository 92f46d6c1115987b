//! What comes before the rows: title, facts, key figures and charts.

use super::font::{REPLACEMENT, Typeface};
use super::ink::{BLACK, GREY, HAIR, TINT, letters};
use super::paper::{Place, SIDE, TOP};
use super::picture::Picture;
use super::press::{Press, baseline, line_height, one_line};
use super::text::Text;
use crate::artifact::RenderError;
use crate::artifact::about::{About, grouped};
use crate::artifact::figures::{Figure, figures};
use crate::chart::{Chart, Style};

/// Between two parts of the page, in points.
const GAP: f32 = 14.0;
/// Where the facts stand beside their names, in points.
const INDENT: f32 = 74.0;
/// The height of a key figure, in points.
const TILE: f32 = 52.0;
/// Between figures and between charts, in points.
const GUTTER: f32 = 10.0;
/// The width of the place of a chart at least, in points; a wide one takes two.
const CHART: f32 = 160.0;
/// No chart is drawn larger than this, so that its letters are no larger than those around it.
const MAX_SCALE: f32 = 0.62;
/// Columns left out are named up to this many.
const MAX_NAMES: usize = 30;

/// All that comes before the rows, `shown` columns of which have room. The charts as pictures, in the order of their
/// numbers.
///
/// # Errors
/// Where a chart cannot be drawn or a page not be printed.
pub(super) fn front(press: &mut Press, about: &About, shown: usize) -> Result<Vec<Picture>, RenderError> {
    let width = press.paper().inner_width();
    press.flow(SIDE, width, letters(20, BLACK).bold(), &about.name)?;
    press.y += 4.0;
    let taken = about.taken_at.format("%-d %B %Y, %H:%M UTC").to_string();
    let line: Vec<&str> = [about.component.as_str(), &taken].into_iter().filter(|part| !part.is_empty()).collect();
    press.flow(SIDE, width, letters(10, GREY), &line.join(" · "))?;
    press.y += GAP;
    for (name, texts) in facts(about, shown) {
        fact(press, name, &texts)?;
    }
    press.y += GAP;
    let charts = crate::chart::charts(&about.charts);
    tiles(press, &figures(about, &charts))?;
    press.y += GAP;
    let pictures = drawings(press, &charts)?;
    if about.rows == 0 {
        press.flow(SIDE, width, letters(10, GREY), "There are no rows: nothing matches.")?;
    }
    Ok(pictures)
}

/// What is told in words, by name.
fn facts(about: &About, shown: usize) -> Vec<(&'static str, Vec<String>)> {
    let mut facts = Vec::new();
    if let Some(owner) = &about.owner {
        facts.push(("Owner", vec![owner.to_string()]));
    }
    facts.push(("Filters", about.conditions_or_none()));
    if !about.selection.is_empty() {
        facts.push(("Selection", about.selection.clone()));
    }
    facts.push(("Rows", rows(about)));
    facts.push(("Columns", columns(about.layout.headings(), shown)));
    facts
}

fn rows(about: &About) -> Vec<String> {
    let missing = about.place.found.saturating_sub(about.rows);
    let note = format!("{} are not in this document; CSV holds any number of rows.", grouped(missing));
    [about.count()].into_iter().chain((missing > 0).then_some(note)).collect()
}

fn columns(headings: &[String], shown: usize) -> Vec<String> {
    let Some((left_out, example)) = headings.get(shown..).filter(|left| !left.is_empty()).zip(headings.get(..2)) else {
        return vec![headings.len().to_string()];
    };
    let named = left_out.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = left_out.len().saturating_sub(MAX_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    vec![
        format!("{shown} of {}: no more fit on a page.", headings.len()),
        format!("Left out: {named}{more}."),
        format!("Choose others with columns=, such as columns={}.", example.join(",")),
    ]
}

/// A name, and its texts beside it.
fn fact(press: &mut Press, name: &str, texts: &[String]) -> Result<(), RenderError> {
    let style = letters(9, BLACK);
    press.need(line_height(style))?;
    press.page.text(SIDE, press.y + baseline(style), letters(9, GREY), name);
    for text in texts {
        press.flow(SIDE + INDENT, press.paper().inner_width() - INDENT, style, text)?;
    }
    press.y += 3.0;
    Ok(())
}

/// The key figures side by side.
fn tiles(press: &mut Press, figures: &[Figure]) -> Result<(), RenderError> {
    press.need(TILE)?;
    let room = press.paper().inner_width() + GUTTER;
    let step = room / figures.len().max(4) as f32;
    let mut place = Place { x: SIDE, y: press.y, width: step - GUTTER, height: TILE };
    for Figure { number, label, of } in figures {
        press.page.fill(place, TINT);
        for (text, style, down) in
            [(number, letters(16, BLACK).bold(), 20.0), (label, letters(8, BLACK), 33.0), (of, letters(8, GREY), 44.0)]
        {
            let text = one_line(press.typeface, style, place.width - 16.0, text);
            press.page.text(place.x + 8.0, place.y + down, style, text);
        }
        place.x += step;
    }
    press.y += TILE;
    Ok(())
}

/// A chart on its way to a page.
struct Drawing {
    number: usize,
    /// The upper edge of its row is 0.
    place: Place,
    /// Whether characters of its texts were replaced.
    is_lossy: bool,
}

/// The charts, row by row. One that is higher than a page is made smaller.
fn drawings(press: &mut Press, charts: &[Chart]) -> Result<Vec<Picture>, RenderError> {
    let paper = press.paper();
    let places = ((paper.inner_width() + GUTTER) / (CHART + GUTTER)).floor();
    let step = (paper.inner_width() + GUTTER) / places;
    let mut pictures = Vec::new();
    let mut row = Vec::new();
    let mut used = 0.0;
    for chart in charts {
        let (chart, is_lossy) = printable(press.typeface, chart);
        let picture = Picture::new(&chart.svg(Style::Light))?;
        let span = if chart.wide { 2.0 } else { 1.0 };
        if used + span > places {
            put(press, &mut row)?;
            used = 0.0;
        }
        let fits = ((step * span - GUTTER) / picture.width).min((paper.bottom() - TOP) / picture.height);
        let scale = fits.min(MAX_SCALE);
        let (width, height) = (picture.width * scale, picture.height * scale);
        let place = Place { x: SIDE + used * step, y: 0.0, width, height };
        row.push(Drawing { number: pictures.len(), place, is_lossy });
        used += span;
        pictures.push(picture);
    }
    put(press, &mut row)?;
    Ok(pictures)
}

/// The chart with texts that the typeface has, and whether it lacked a character.
fn printable(typeface: &Typeface, chart: &Chart) -> (Chart, bool) {
    let mut chart = chart.clone();
    let mut is_lossy = false;
    for text in chart.slices.iter_mut().map(|slice| &mut slice.label).chain([&mut chart.title]) {
        *text = Text::new(typeface, text).shown;
        is_lossy |= text.contains(REPLACEMENT);
    }
    (chart, is_lossy)
}

/// Puts a row of drawings on the page.
fn put(press: &mut Press, row: &mut Vec<Drawing>) -> Result<(), RenderError> {
    let height = row.iter().map(|drawing| drawing.place.height).fold(0.0, f32::max);
    if row.is_empty() {
        return Ok(());
    }
    press.need(height)?;
    for Drawing { number, place, is_lossy } in row.drain(..) {
        press.page.picture(number, Place { y: press.y + place.y, ..place });
        press.page.is_lossy |= is_lossy;
    }
    // Drawings have a ground of their own, so the line comes after them.
    press.page.rule(SIDE, press.y, press.paper().inner_width(), HAIR);
    press.y += height + GUTTER;
    Ok(())
}
