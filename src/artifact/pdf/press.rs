//! Pages filled from the top to the bottom, each with its header and footer, and printed as soon as it is full.

use super::embed::Used;
use super::font::{REPLACEMENT, Typeface};
use super::ink::{BLACK, GREY, HAIR, letters};
use super::page::{Line, Page};
use super::paper::{Paper, SIDE, TOP};
use super::print::print;
use super::text::Text;
use crate::artifact::RenderError;
use flate2::{Compression, write::ZlibEncoder};
use genpdf::style::Style;
use std::io::Write;
use std::mem;

/// Footers that are printed together.
const FOOTERS: usize = 64;

/// What each page repeats.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// The report's name.
    pub(super) name: String,
    /// The date of its rows.
    pub(super) date: String,
    /// How many rows of how many the document holds.
    pub(super) count: String,
}

/// A document's pages: those that are printed, compressed, and the one that is being filled.
pub(super) struct Press {
    pub(super) typeface: &'static Typeface,
    pub(super) page: Page,
    /// Where on the page the next thing goes.
    pub(super) y: f32,
    running: Running,
    used: Used,
    printed: Vec<Printed>,
}

/// A page whose footer is not known yet.
struct Printed {
    content: Vec<u8>,
    /// Whether a character was replaced on it.
    is_lossy: bool,
}

/// All pages of a document, and what they need.
pub(super) struct Sheets {
    pub(super) paper: Paper,
    /// Of each page its content and its footer, as compressed streams.
    pub(super) pages: Vec<[Vec<u8>; 2]>,
    /// The glyphs on them.
    pub(super) used: Used,
}

impl Press {
    /// A first page, which has no header.
    pub(super) fn new(typeface: &'static Typeface, paper: Paper, running: Running) -> Self {
        let used = Used::default();
        Self { typeface, page: Page::new(paper), y: TOP, running, used, printed: Vec::new() }
    }

    /// The paper of all pages.
    pub(super) fn paper(&self) -> Paper {
        self.page.paper
    }

    /// How much of the page is free, in points.
    pub(super) fn room(&self) -> f32 {
        self.paper().bottom() - self.y
    }

    /// Prints the page and begins a new one.
    ///
    /// # Errors
    /// Where it cannot be printed.
    pub(super) fn turn(&mut self) -> Result<(), RenderError> {
        let paper = self.paper();
        self.print_page(Page::new(paper))?;
        self.y = TOP;
        let Running { name, date, .. } = self.running.clone();
        let style = letters(8, GREY);
        let width = self.typeface.width(style, &date);
        let name = one_line(self.typeface, style.bold(), paper.inner_width() - width - 20.0, &name);
        self.page.text(SIDE, TOP - 22.0, style.bold(), name);
        self.page.text(paper.width - SIDE - width, TOP - 22.0, style, date);
        self.page.rule(SIDE, TOP - 14.0, paper.inner_width(), HAIR);
        Ok(())
    }

    /// Begins a new page where this one has not that much room, in points.
    ///
    /// # Errors
    /// As for [`Press::turn`].
    pub(super) fn need(&mut self, height: f32) -> Result<(), RenderError> {
        if self.room() < height { self.turn() } else { Ok(()) }
    }

    /// A text of any length, line by line over as many pages as it takes.
    ///
    /// # Errors
    /// As for [`Press::turn`].
    pub(super) fn flow(&mut self, x: f32, width: f32, style: Style, text: &str) -> Result<(), RenderError> {
        let height = line_height(style);
        for line in Text::new(self.typeface, text).lines(self.typeface, style, width, usize::MAX - 1) {
            self.need(height)?;
            self.page.text(x, self.y + baseline(style), style, line);
            self.y += height;
        }
        Ok(())
    }

    /// All pages with their footers.
    ///
    /// # Errors
    /// Where one cannot be printed.
    pub(super) fn finish(mut self) -> Result<Sheets, RenderError> {
        let paper = self.paper();
        self.print_page(Page::new(paper))?;
        let total = self.printed.len();
        let printed = mem::take(&mut self.printed);
        let mut pages = Vec::with_capacity(total);
        let footers: Vec<Vec<Line>> =
            (1..).zip(&printed).map(|(number, page)| self.footer(number, total, page.is_lossy)).collect();
        let mut streams = Vec::with_capacity(total);
        for some in footers.chunks(FOOTERS) {
            some.iter().flatten().for_each(|line| self.used.add(self.typeface, line));
            streams.extend(print(self.typeface, paper, some)?);
        }
        for (page, footer) in printed.into_iter().zip(streams) {
            pages.push([page.content, deflate(&footer)?]);
        }
        Ok(Sheets { paper, pages, used: self.used })
    }

    fn print_page(&mut self, next: Page) -> Result<(), RenderError> {
        let page = mem::replace(&mut self.page, next);
        let is_lossy = page.is_lossy;
        let (lines, mut content) = page.into_parts();
        lines.iter().for_each(|line| self.used.add(self.typeface, line));
        let texts = print(self.typeface, self.page.paper, &[lines])?;
        content.push(b'\n');
        content.extend(texts.concat());
        self.printed.push(Printed { content: deflate(&content)?, is_lossy });
        Ok(())
    }

    fn footer(&self, number: usize, total: usize, is_lossy: bool) -> Vec<Line> {
        let paper = self.paper();
        let style = letters(8, GREY);
        let pages = format!("{number} of {total}");
        let right = paper.width - SIDE - self.typeface.width(style, &pages);
        let baseline = paper.height - 26.0;
        let mut lines = vec![
            Line { x: SIDE, baseline, style, text: self.running.count.clone() },
            Line { x: right, baseline, style, text: pages },
        ];
        if is_lossy {
            let text = format!("{REPLACEMENT} stands for a character that the typeface of this document lacks.");
            let width = self.typeface.width(style, &text);
            let style = letters(8, BLACK);
            lines.push(Line { x: (paper.width - width) / 2.0, baseline, style, text });
        }
        lines
    }
}

/// From one line's letters to the next's, in points.
pub(super) fn line_height(style: Style) -> f32 {
    f32::from(style.font_size()) * 1.32
}

/// From a line's upper edge to what its letters stand on, in points.
pub(super) fn baseline(style: Style) -> f32 {
    f32::from(style.font_size()) * 1.02
}

/// The beginning of a text that stands elsewhere as a whole.
pub(super) fn one_line(typeface: &Typeface, style: Style, width: f32, text: &str) -> String {
    let text = Text::new(typeface, text).shown.replace('\n', " ");
    if typeface.width(style, &text) <= width {
        return text;
    }
    let mut room = width - typeface.advance(style, '…');
    let fits = |c: &char| {
        room -= typeface.advance(style, *c);
        room >= 0.0
    };
    let begin: String = text.chars().take_while(fits).collect();
    format!("{}…", begin.trim_end())
}

/// A stream compressed as `FlateDecode` reads it.
pub(super) fn deflate(bytes: &[u8]) -> Result<Vec<u8>, RenderError> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).and_then(|()| packed.finish()).map_err(RenderError::of("a page cannot be compressed"))
}
