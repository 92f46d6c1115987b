//! docs/security.md names tests; each of them is in the tree.

use std::path::Path;

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    ["src", "tests"].iter().for_each(|folder| sources(&root.join(folder), &mut all));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let threats = page.split("## Threats").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let cells = threats.lines().filter_map(|line| line.split(" | ").nth(3));
    let named: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    // A function, or a scenario of the fault suite.
    let is_there = |name: &str| all.contains(&format!("fn {name}(")) || all.contains(&format!("name: \"{name}\""));
    let missing: Vec<_> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty() && named.len() > 50, "{missing:?}, {} named", named.len());
}

#[test]
fn every_advisory_that_is_let_pass_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (rules, page) = (read("deny.toml"), read("docs/security.md"));
    let ids: Vec<&str> = rules.lines().filter_map(|line| line.split_once("{ id = \"")?.1.split('"').next()).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| page.contains(&format!("| {id} |"))), "{ids:?}");
}
