//! Which columns a page has, how wide they are, and which way the page lies.

use super::text::may_end_a_line;
use super::{font::Typeface, paper};
use genpdf::style::Style;

/// Columns that are looked at; no page has room for more.
pub(super) const MAX_COLUMNS: usize = 24;
/// The space on each side of a cell, in points.
pub(super) const PADDING: f32 = 3.5;
/// Text up to this width stays on one line where possible, in points.
const SHORT: f32 = 62.0;
/// Where a single cell is wide, its column has room for the words that say how much of it is left out, in points.
const WORD: f32 = 44.0;
/// Text is given this width before other columns are left out or the page is turned, in points.
const READABLE: f32 = 110.0;
/// How much wider than its text a column may become, so that a small table fills the page.
const MAX_STRETCH: f32 = 1.6;

/// What the cells of a column measure at one point.
#[derive(Debug, Clone, Default)]
pub(super) struct Widths {
    /// The heading.
    heading: f32,
    /// The longest part of the heading that is not broken.
    part: f32,
    cells: Vec<f32>,
}

impl Widths {
    pub(super) fn new(typeface: &Typeface, heading: &str) -> Self {
        let bold = Style::new().with_font_size(1).bold();
        let parts = heading.split_inclusive(|c: char| c == ' ' || may_end_a_line(c));
        let part = parts.map(|part| typeface.width(bold, part.trim_end())).fold(0.0, f32::max);
        Self { heading: typeface.width(bold, heading), part, cells: Vec::new() }
    }

    pub(super) fn add(&mut self, typeface: &Typeface, cell: &str) {
        let style = Style::new().with_font_size(1);
        let lines = cell.split('\n').map(|line| typeface.width(style, line));
        self.cells.push(lines.fold(0.0, f32::max));
    }

    fn wants(&self, size: f32) -> Want {
        let mut cells = self.cells.clone();
        cells.sort_by(f32::total_cmp);
        // A few long cells are wrapped rather than give their column the page.
        let most = cells.get(cells.len() * 9 / 10).copied().unwrap_or(0.0) * size;
        let all = cells.last().copied().unwrap_or(0.0) * size;
        let part = (self.part * size).min(READABLE);
        let least = part.max(most.min(SHORT)).max(all.min(WORD));
        let good = least.max(most.min(READABLE));
        let usual = good.max(most).max(self.heading * size);
        Want { least, good, usual, full: usual.max(all) }
    }
}

/// How wide a column would be, in points.
#[derive(Debug, Clone, Copy)]
struct Want {
    /// At least.
    least: f32,
    /// So that it is read with ease.
    good: f32,
    /// So that most of its cells are not broken.
    usual: f32,
    /// So that none is.
    full: f32,
}

/// How a table stands on its pages.
#[derive(Debug, PartialEq)]
pub(super) struct Fit {
    /// The paper of all pages.
    pub(super) paper: paper::Paper,
    /// The size of the cells' texts, in points.
    pub(super) size: u8,
    /// The widths of the leading columns, padding included, in points. Those that follow have no room.
    pub(super) widths: Vec<f32>,
}

/// Upright with letters as large as possible, else small letters, else across; where even that is too narrow, with the
/// leading columns alone.
pub(super) fn fit(columns: &[Widths]) -> Fit {
    let columns = &columns[..columns.len().min(MAX_COLUMNS)];
    let ways = [(paper::PORTRAIT, 8), (paper::PORTRAIT, 7), (paper::LANDSCAPE, 8), (paper::LANDSCAPE, 7)];
    for (paper, size) in ways {
        let wants: Vec<Want> = columns.iter().map(|column| column.wants(f32::from(size))).collect();
        if wants.iter().map(|want| want.good + 2.0 * PADDING).sum::<f32>() <= paper.inner_width() {
            return Fit { paper, size, widths: share(&wants, paper.inner_width()) };
        }
    }
    let (paper, size) = (paper::LANDSCAPE, 7);
    let mut room = paper.inner_width();
    let wants = columns.iter().map(|column| column.wants(f32::from(size))).take_while(|want| {
        room -= want.least + 2.0 * PADDING;
        room >= 0.0
    });
    Fit { paper, size, widths: share(&wants.collect::<Vec<_>>(), paper.inner_width()) }
}

/// Shares the room: first so that most cells are not broken, then so that none is, then what is left.
fn share(wants: &[Want], room: f32) -> Vec<f32> {
    let room = room - 2.0 * PADDING * wants.len() as f32;
    let usual = level(room, wants.iter().map(|want| (want.least, want.usual)));
    let widths = level(room, usual.into_iter().zip(wants).map(|(width, want)| (width, want.full)));
    let stretch = (room / widths.iter().sum::<f32>().max(1.0)).clamp(1.0, MAX_STRETCH);
    widths.into_iter().map(|width| width * stretch + 2.0 * PADDING).collect()
}

/// Each gets what it wants, from its least to its most, but none that wants more gets more than the others of these.
fn level(room: f32, wants: impl Iterator<Item = (f32, f32)> + Clone) -> Vec<f32> {
    let at = |level: f32| wants.clone().map(move |(least, most)| most.min(level).max(least));
    // Half the interval until it is less than a hundredth of a point.
    let (mut low, mut high) = (0.0, room.max(0.0));
    for _ in 0..17 {
        let middle = f32::midpoint(low, high);
        if at(middle).sum::<f32>() <= room { low = middle } else { high = middle }
    }
    at(low).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(of: &[(&str, &str)]) -> Vec<Widths> {
        let typeface = Typeface::get().unwrap();
        let column = |(heading, cell): &(&str, &str)| {
            let mut widths = Widths::new(typeface, heading);
            widths.add(typeface, cell);
            widths
        };
        of.iter().map(column).collect()
    }

    fn total(fit: &Fit) -> f32 {
        fit.widths.iter().sum()
    }

    #[test]
    fn few_columns_stand_upright_and_are_not_pulled_apart() {
        let few = fit(&columns(&[("name", "web-1"), ("cpu", "4")]));
        assert_eq!((few.paper, few.size, few.widths.len()), (paper::PORTRAIT, 8, 2));
        assert!(total(&few) < 100.0, "{few:?}");
        let text = "A long description of what this server is good for. ".repeat(9);
        let long = fit(&columns(&[("name", "web-1"), ("about", &text)]));
        assert!((total(&long) - paper::PORTRAIT.inner_width()).abs() < 1.0 && long.widths[1] > 400.0, "{long:?}");
    }

    #[test]
    fn more_columns_make_letters_small_then_turn_the_page() {
        let many = |count| fit(&columns(&vec![("column", "a cell of words"); count]));
        for (count, paper, size) in
            [(8, paper::PORTRAIT, 8), (9, paper::PORTRAIT, 7), (10, paper::LANDSCAPE, 8), (13, paper::LANDSCAPE, 7)]
        {
            let fit = many(count);
            assert_eq!((fit.paper, fit.size, fit.widths.len()), (paper, size, count));
        }
        for count in 1..=40 {
            assert!(total(&many(count)) <= many(count).paper.inner_width() + 0.1, "{count}");
        }
    }

    #[test]
    fn leading_columns_stay_where_there_are_too_many() {
        let many = fit(&columns(&vec![("datacenters.provider", "amazon web services"); 40]));
        assert_eq!((many.paper, many.size), (paper::LANDSCAPE, 7));
        assert!((8..=14).contains(&many.widths.len()), "{many:?}");
        assert!(many.widths.iter().all(|width| *width >= SHORT));
    }

    #[test]
    fn one_long_cell_does_not_take_the_room_of_others() {
        let mut wide = columns(&[("a", "x"), ("b", "some words"), ("c", "some words")]);
        let typeface = Typeface::get().unwrap();
        (0..20).for_each(|_| wide[0].add(typeface, "short"));
        wide[0].add(typeface, &"long ".repeat(1_000));
        let fit = fit(&wide);
        assert_eq!(fit.paper, paper::PORTRAIT);
        assert!(fit.widths[1] >= 50.0, "{fit:?}");
    }
}
