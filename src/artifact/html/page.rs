//! All that stands before the rows.

use super::super::figures::{Figure, figures};
use super::{About, shown, style};
use crate::chart::{self, Chart, Style};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What the page may do, wherever it is opened: show itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What comes after the rows.
pub(super) const BOTTOM: &str = "</tbody></table></div></section></main></body></html>\n";

/// The page up to the first row.
pub(super) fn top(about: &About, name: Option<usize>) -> String {
    let charts = chart::charts(&about.charts);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shown(&about.name)) ", " (about.taken_at.format("%Y-%m-%d")) }
                style { (PreEscaped(style::sheet(about.layout.headings()))) }
            }
            body {
                (header(about))
                main {
                    (tiles(&figures(about, &charts)))
                    @if !charts.is_empty() { (drawings(&charts)) }
                    (table(about, name))
                }
            }
        }
    };
    // What is open at the first row is closed by `BOTTOM`.
    let mut page = page.into_string();
    if page.ends_with(BOTTOM.trim_end()) {
        page.truncate(page.len() - BOTTOM.trim_end().len());
    }
    page
}

/// Title and facts.
fn header(about: &About) -> Markup {
    html! {
        header {
            h1 { (shown(&about.name)) }
            p {
                @if !about.component.is_empty() { (shown(&about.component)) ", " }
                "read " time datetime=(about.taken_at.format("%Y-%m-%dT%H:%M:%SZ")) { (about.taken_at.format("%-d %B %Y, %H:%M UTC")) }
            }
            dl {
                @if let Some(owner) = &about.owner { dt { "Owner" } dd { (owner) } }
                dt { "Filters" }
                @for condition in about.conditions_or_none() { dd { (shown(&condition)) } }
                @if !about.selection.is_empty() {
                    dt { "Selection" }
                    @for selection in &about.selection { dd { (shown(selection)) } }
                }
                dt { "Rows" }
                dd { (about.count()) }
            }
        }
    }
}

fn tiles(figures: &[Figure]) -> Markup {
    html! {
        section aria-label="Key figures" {
            ul.figures {
                @for Figure { number, label, of } in figures {
                    li { strong { (number) } " " span { (shown(label)) } @if !of.is_empty() { " " small { (shown(of)) } } }
                }
            }
        }
    }
}

fn drawings(charts: &[Chart]) -> Markup {
    html! {
        section aria-labelledby="charts" {
            h2 id="charts" { "Charts" }
            div.charts {
                @for chart in charts {
                    figure class=[chart.wide.then_some("wide")] { (PreEscaped(chart.svg(Style::Light))) }
                }
            }
        }
    }
}

/// The table up to its first row.
fn table(about: &About, name: Option<usize>) -> Markup {
    html! {
        section aria-labelledby="rows" {
            h2 id="rows" { "Rows" }
            @if about.rows == 0 { p { "There are no rows: nothing matches." } }
            div.rows role="region" aria-labelledby="rows" tabindex="0" hidden[about.rows == 0] {
                table {
                    caption { (about.count()) }
                    thead {
                        tr {
                            @for (place, heading) in about.layout.headings().iter().enumerate() {
                                th class=[(name == Some(place)).then_some("name")] scope="col" { (shown(heading)) }
                            }
                        }
                    }
                    tbody { }
                }
            }
        }
    }
}
