//! Charts that Excel draws itself, next to the tables that they are drawn from.

use super::page::{CHART, CHART_WIDTH, COUNT, LABEL, LINE, NAME, Page, SHARE};
use super::style;
use crate::chart::{Chart, Kind, Paint, Slice, Texture};
use rust_xlsxwriter as xlsx;
use rust_xlsxwriter::{
    ChartAxisLabelPosition, ChartAxisTickType, ChartDataLabel, ChartFormat, ChartPatternFill, ChartPatternFillType,
};
use rust_xlsxwriter::{ChartPoint, ChartSolidFill, Format, FormatAlign, XlsxError};

/// Values that one table lists; the rest are others.
const MAX_SHOWN: usize = 40;
/// Rows beside a chart, at least.
const MIN_ROWS: u32 = 14;
/// Parts of a whole that are smaller have no label, as these would overlap.
const SMALLEST_LABEL: f64 = 0.05;

/// The table and, but for totals, the chart.
pub(super) fn add(page: &mut Page, mut chart: Chart) -> Result<(), XlsxError> {
    chart.limit = chart.limit.min(MAX_SHOWN);
    let (shown, others) = chart.shown();
    let all: Vec<&Slice> = shown.iter().chain(&others).collect();
    page.heading(&chart.title, &style::subtitle())?;
    let heading = page.row;
    table(page, &all, chart.total())?;
    let drawn = match chart.kind {
        Kind::Total => return Ok(()),
        Kind::Doughnut => parts(xlsx::Chart::new_doughnut(), &all, others.is_some(), chart.total(), heading),
        Kind::Pie => parts(xlsx::Chart::new_pie(), &all, others.is_some(), chart.total(), heading),
        // Excel has no polar areas; lengths are compared with more ease anyway.
        Kind::Bar | Kind::Polar => bars(shown, others.as_ref(), heading),
    };
    let rows = (page.row - heading + 1).max(MIN_ROWS);
    insert(page, drawn, chart.kind, heading - 1, rows)?;
    page.row = heading - 1 + rows;
    Ok(())
}

fn insert(page: &mut Page, mut chart: xlsx::Chart, kind: Kind, row: u32, rows: u32) -> Result<(), XlsxError> {
    // From a cell: whatever it says is a text there.
    chart.title().set_name((NAME, row, LABEL, row, LABEL));
    chart.set_alt_text(format!("{} chart of the values in the cells to its left", kind.name()));
    chart.set_width(CHART_WIDTH).set_height(rows * LINE);
    page.sheet.insert_chart(row, CHART, &chart)?;
    Ok(())
}

fn table(page: &mut Page, slices: &[&Slice], total: u64) -> Result<(), XlsxError> {
    let heading = style::heading();
    let number_heading = style::heading().set_align(FormatAlign::Right);
    page.text(LABEL, "Value", &heading)?;
    page.text(COUNT, "Count", &number_heading)?;
    page.text(SHARE, "Share", &number_heading)?;
    page.row += 1;
    for slice in slices {
        page.text(LABEL, &slice.label, &Format::new())?;
        page.count(slice.count)?;
        page.sheet.write_number_with_format(page.row, SHARE, share(slice, total), &style::share())?;
        page.row += 1;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
fn share(slice: &Slice, total: u64) -> f64 {
    slice.count as f64 / total as f64
}

/// A series of the first rows of the table whose heading stands in this row.
fn series(chart: &mut xlsx::Chart, heading: u32, rows: usize) -> &mut xlsx::ChartSeries {
    let (first, last) = (heading + 1, heading + u32::try_from(rows).unwrap_or(1));
    let series = chart.add_series();
    series.set_categories((NAME, first, LABEL, last, LABEL)).set_values((NAME, first, COUNT, last, COUNT))
}

/// A pie or a doughnut.
fn parts(mut chart: xlsx::Chart, slices: &[&Slice], has_others: bool, total: u64, heading: u32) -> xlsx::Chart {
    let named = slices.len() - usize::from(has_others);
    let paints = (0..named).map(Paint::nth).chain(has_others.then_some(Paint::OTHERS));
    let points: Vec<ChartPoint> = paints.map(|paint| ChartPoint::new().set_format(&mut format(paint))).collect();
    let labels: Vec<ChartDataLabel> = slices.iter().map(|slice| part_label(share(slice, total))).collect();
    series(&mut chart, heading, slices.len())
        .set_points(&points)
        .set_data_label(ChartDataLabel::new().show_percentage())
        .set_custom_data_labels(&labels);
    chart
}

fn part_label(share: f64) -> ChartDataLabel {
    let mut label = ChartDataLabel::new();
    if share < SMALLEST_LABEL {
        label.set_hidden();
    }
    label.show_percentage().to_custom()
}

/// Bars; others are often more than all that have a name, which would be too short to compare beside them.
fn bars(named: &[Slice], others: Option<&Slice>, heading: u32) -> xlsx::Chart {
    let mut chart = xlsx::Chart::new_bar();
    series(&mut chart, heading, named.len().max(1))
        .set_gap(40)
        .set_format(&mut format(Paint::nth(0)))
        .set_data_label(ChartDataLabel::new().show_value().set_num_format("#,##0"));
    chart.legend().set_hidden();
    // Of bars the first axis is that of the values.
    let values = chart.x_axis();
    values.set_min(0).set_major_gridlines(false).set_label_position(ChartAxisLabelPosition::None);
    values.set_major_tick_type(ChartAxisTickType::None).set_format(ChartFormat::new().set_no_line());
    if let Some(others) = others.filter(|_| !named.is_empty()) {
        values.set_name(&format!("without {}", others.label));
    }
    chart.y_axis().set_reverse().set_label_interval(1);
    chart
}

/// The same paints as in the charts of other formats.
fn format(paint: Paint) -> ChartFormat {
    let mut format = ChartFormat::new();
    let pattern = match paint.texture {
        Texture::Plain => {
            format.set_solid_fill(ChartSolidFill::new().set_color(paint.colour));
            return format;
        }
        Texture::Stripes => ChartPatternFillType::DiagonalStripesLightUpwards,
        Texture::Dots => ChartPatternFillType::Dotted20Percent,
    };
    let mut fill = ChartPatternFill::new();
    fill.set_pattern(pattern).set_background_color(paint.colour).set_foreground_color("#1a1a1a");
    format.set_pattern_fill(&fill);
    format
}
