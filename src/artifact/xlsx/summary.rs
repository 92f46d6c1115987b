//! The first sheet: what report this is, which rows of it there are, key figures and charts.

use super::page::Page;
use super::rows::Rows;
use super::{charts, style};
use crate::artifact::About;
use crate::chart::{self, Chart};
use rust_xlsxwriter::{Worksheet, XlsxError};

/// The sheet of this report.
pub(super) fn sheet(about: &About, rows: &Rows) -> Result<Worksheet, XlsxError> {
    let charts = chart::charts(&about.charts);
    let mut page = Page::new()?;
    page.heading(&about.name, &style::title())?;
    facts(&mut page, about, rows)?;
    page.heading("Key figures", &style::subtitle())?;
    figures(&mut page, about, rows, &charts)?;
    if !charts.is_empty() {
        page.heading("Counts of the whole report", &style::title())?;
    }
    charts.into_iter().try_for_each(|chart| charts::add(&mut page, chart))?;
    Ok(page.into_sheet())
}

fn facts(page: &mut Page, about: &About, rows: &Rows) -> Result<(), XlsxError> {
    let (prose, warning) = (style::prose(), style::warning());
    let is_whole = about.rows >= about.place.found;
    page.fact("Rows", &about.count(), if is_whole { &prose } else { &warning })?;
    page.facts("Cut", &rows.cuts(), &warning)?;
    if !about.component.is_empty() {
        page.fact("Component", &about.component, &prose)?;
    }
    page.moment("Read from the inventory", about.taken_at)?;
    if let Some(owner) = &about.owner {
        page.fact("Read on behalf of", &owner.to_string(), &prose)?;
    }
    page.facts("Filters", &about.conditions, &prose)?;
    if about.conditions.is_empty() {
        page.fact("Filters", "none", &prose)?;
    }
    page.facts("Selection", &about.selection, &prose)?;
    page.fact("Time zone", "All dates and times are in UTC.", &prose)
}

fn figures(page: &mut Page, about: &About, rows: &Rows, charts: &[Chart]) -> Result<(), XlsxError> {
    page.figure("Rows that match", about.place.found)?;
    page.figure("Rows in this workbook", about.rows)?;
    page.figure("Columns", rows.columns())?;
    for chart in charts {
        let values = chart.slices.len().try_into().unwrap_or(u64::MAX);
        match chart.other {
            0 => page.figure(&format!("{}: different values", chart.title), values)?,
            _ => page.figure(&format!("{}: different values, more than", chart.title), values)?,
        }
    }
    Ok(())
}
