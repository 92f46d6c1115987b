//! Drawings, read back by a parser of XML that is not ours.

use super::text;
use super::*;
use crate::chart::charts;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use serde_json::{Value, json};
use std::collections::HashSet;

const KINDS: [&str; 5] = ["doughnut", "polar", "pie", "bar", "total"];

fn chart(kind: &str, labels: &[&str], data: &[u64], opts: Value) -> Chart {
    let mut all = json!({"ct": kind, "txt": "Providers"});
    all.as_object_mut().unwrap().extend(opts.as_object().unwrap().clone());
    let aggr = json!({"datacenters_provider": {"aggr": {"label": labels, "data": data}, "opts": all}});
    charts(&aggr).pop().unwrap()
}

/// One element a line.
fn lines(svg: &str) -> String {
    svg.replace("><", ">\n<")
}

#[test]
fn every_kind_with_a_few_labels() {
    for kind in KINDS {
        let chart =
            chart(kind, &["AWS", "Azure", "On <premises> & \"others\"", "X"], &[1200, 30, 4, 1], json!({"limit": 3}));
        insta::assert_snapshot!(kind, lines(&chart.svg(Style::Light)));
    }
}

#[test]
fn a_drawing_for_a_screen_brings_its_dark_colours() {
    let chart = chart("pie", &["a"], &[1], json!({}));
    let style = format!("<style>{CSS}</style>");
    assert_eq!(chart.svg(Style::Adaptive).replace(&style, ""), chart.svg(Style::Light));
    assert_ne!(chart.svg(Style::Adaptive), chart.svg(Style::Light));
}

#[test]
fn ids_of_different_keys_never_meet() {
    let keys = ["os_base", "os.base", "os-2ebase", "os base", "", "é", "e\u{301}", "\"><script>"];
    let ids: HashSet<String> = keys.iter().map(|key| id(key)).collect();
    assert_eq!(ids.len(), keys.len());
    for id in ids {
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{id}");
    }
}

#[test]
fn a_slice_that_is_nearly_everything_is_drawn() {
    let all = chart("doughnut", &["a", "b"], &[1_000_000_000, 1], json!({})).svg(Style::Light);
    let one = chart("doughnut", &["a"], &[1_000_000_000], json!({})).svg(Style::Light);
    let first = |svg: &str| {
        let document = Document::parse(svg).unwrap();
        document.descendants().find(|node| node.has_tag_name("path")).unwrap().attribute("d").unwrap().to_owned()
    };
    assert_eq!(first(&all), first(&one));
}

#[test]
fn slices_are_in_proportion() {
    let svg = chart("bar", &["a", "b", "c"], &[100, 50, 25], json!({})).svg(Style::Light);
    let document = Document::parse(&svg).unwrap();
    let bars: Vec<f64> = document
        .descendants()
        .filter(|node| node.has_tag_name("rect"))
        .skip(1)
        .map(|bar| number(bar, "width"))
        .collect();
    assert!((bars[0] / bars[1] - 2.0).abs() < 0.01 && (bars[0] / bars[2] - 4.0).abs() < 0.01, "{bars:?}");
    // A quarter of a disc, from the top to the right.
    let svg = chart("pie", &["a", "b"], &[3, 1], json!({})).svg(Style::Light);
    assert!(svg.contains("M82 128A78 78 0 0 1 160 50L160 128Z"), "{}", lines(&svg));
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    let inherited = node.ancestors().find_map(|node| node.attribute(name)).unwrap();
    inherited.parse().unwrap()
}

/// What a text covers: left, right, top and bottom.
fn extent(node: Node<'_, '_>) -> [f64; 4] {
    let whole: String = node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    let (x, y, size) = (number(node, "x"), number(node, "y"), number(node, "font-size"));
    let bold = if node.attribute("font-weight") == Some("bold") { BOLD } else { 1.0 };
    let width = text::width(&whole, size * bold);
    let left = if node.attribute("text-anchor") == Some("end") { x - width } else { x };
    [left, left + width, y - 0.8 * size, y + 0.25 * size]
}

fn any_label() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.-]{1,40}",
        any::<String>(),
        "[щшжЩa-я]{1,60}",
        "[ا-ي ]{1,60}",
        "[W@%m]{1,60}",
        "[😀-🙏\u{200d}\u{fe0f}\u{202e}]{1,9}",
        Just("<script>alert('1')</script> & \"]]>".to_owned()),
        Just("\u{0}\u{b}\u{1f}\u{fffe}\u{ffff}".to_owned()),
    ]
}

fn any_chart() -> impl Strategy<Value = Chart> {
    let count = prop_oneof![1..20_u64, 1..=9_999_999_999_u64, Just(u64::MAX / 64)];
    let slices = prop::collection::vec((any_label(), count), 1..45);
    (prop::sample::select(&KINDS[..]), slices, any_label(), any::<String>(), any::<bool>(), 0..20_usize).prop_map(
        |(kind, slices, title, key, wide, limit)| {
            let (label, data): (Vec<String>, Vec<u64>) = slices.into_iter().unzip();
            let size = if wide { "col-sm-8" } else { "col-sm-4" };
            let opts = json!({"ct": kind, "txt": title, "size": size, "limit": limit});
            charts(&json!({key: {"aggr": {"label": label, "data": data}, "opts": opts}})).pop().unwrap()
        },
    )
}

proptest! {
    #[test]
    fn a_drawing_is_well_formed_and_its_texts_never_meet(chart in any_chart()) {
        let svg = chart.svg(Style::Adaptive);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        let (width, height) = (number(root, "width"), number(root, "height"));
        let texts: Vec<_> = root.descendants().filter(|node| node.has_tag_name("text")).map(extent).collect();
        for (place, a) in texts.iter().enumerate() {
            prop_assert!(a[0] >= 0.0 && a[1] <= width && a[2] >= 0.0 && a[3] <= height, "{:?} is outside: {}", a, lines(&svg));
            for b in &texts[..place] {
                let apart = a[1] <= b[0] || b[1] <= a[0] || a[3] <= b[2] || b[3] <= a[2];
                prop_assert!(apart, "{:?} meets {:?}: {}", a, b, lines(&svg));
            }
        }
        for name in ["script", "image", "a", "foreignObject"] {
            prop_assert!(root.descendants().all(|node| !node.has_tag_name(name)));
        }
    }

    #[test]
    fn what_is_shown_adds_up_to_what_was_counted(chart in any_chart()) {
        let (shown, others) = chart.shown();
        let shown = shown.iter().chain(&others);
        prop_assert_eq!(shown.clone().map(|slice| slice.count).sum::<u64>(), chart.total());
        let svg = chart.svg(Style::Light);
        let document = Document::parse(&svg).unwrap();
        let titles: Vec<&str> = document.descendants().filter(|node| node.has_tag_name("title")).filter_map(|node| node.text()).collect();
        for slice in shown {
            let count = format!(": {} (", text::count(slice.count));
            prop_assert!(titles.iter().any(|title| title.contains(&count)), "{} is not in {:?}", count, titles);
        }
    }
}
