//! The columns of an artifact, and the cells of a row in them.

use super::Cell;
use super::paths::is_empty;
use crate::domain::Row;
use bson::RawDocument;
use bson::raw::{RawBsonRef, RawElement};
use foldhash::HashMap;

/// The last column, where some rows have values without a column of their own: these as one object.
pub(super) const OTHER: &str = "(other)";

/// Which columns an artifact has, in order.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    headings: Vec<String>,
    root: Node,
    /// The place of the column [`OTHER`].
    other: Option<usize>,
    /// Columns whose values are in the elements of lists: their place, and the names on the way.
    through_lists: Vec<(usize, Vec<String>)>,
}

/// What there is at a path.
#[derive(Debug, Clone, Default)]
struct Node {
    column: Option<usize>,
    below: Vec<(String, Node)>,
    /// Where in `below` a name is.
    places: HashMap<String, usize>,
    /// Rows are alike: after one name mostly comes the one that came after it before.
    next: std::cell::Cell<usize>,
}

impl Node {
    fn insert(&mut self, name: &str) -> &mut Self {
        let place = *self.places.entry(name.to_owned()).or_insert_with(|| {
            self.below.push((name.to_owned(), Self::default()));
            self.below.len() - 1
        });
        &mut self.below[place].1
    }

    fn get(&self, name: &str) -> Option<&Self> {
        let place = match self.below.get(self.next.get()) {
            Some((expected, _)) if expected == name => self.next.get(),
            _ => *self.places.get(name)?,
        };
        self.next.set(place + 1);
        self.below.get(place).map(|(_, node)| node)
    }
}

/// A column that was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column {0:?}")]
pub struct NoColumn(pub String);

impl Layout {
    /// All columns of a table, as [`Paths::finish`](super::Paths::finish) gives them.
    #[must_use]
    pub fn new(paths: &[String]) -> Self {
        let mut layout = Self::default();
        for path in paths {
            layout.push(path);
        }
        layout
    }

    /// The columns that were asked for, or all where none were: a path, all paths below an object, or a path in the
    /// elements of a list.
    ///
    /// # Errors
    /// For a column that the table does not have.
    pub fn of_columns(paths: &[String], wanted: &[String]) -> Result<Self, NoColumn> {
        if wanted.is_empty() {
            return Ok(Self::new(paths));
        }
        let has_other = paths.iter().any(|path| path == OTHER);
        let mut layout = Self::default();
        for column in wanted {
            let is_held = |path: &&String| *path == column || is_below(path, column);
            let mut held = paths.iter().filter(is_held).peekable();
            if held.peek().is_none() {
                if !has_other && !paths.iter().any(|path| is_below(column, path)) {
                    return Err(NoColumn(column.clone()));
                }
                let names = column.split('.').map(str::to_owned).collect();
                layout.through_lists.push((layout.headings.len(), names));
                layout.headings.push(column.clone());
            }
            held.for_each(|path| layout.push(path));
        }
        Ok(layout)
    }

    fn push(&mut self, path: &str) {
        let place = self.headings.len();
        if path == OTHER {
            self.other = Some(place);
        } else {
            let node = path.split('.').fold(&mut self.root, |node, name| node.insert(name));
            if node.column.is_some() {
                return;
            }
            node.column = Some(place);
        }
        self.headings.push(path.to_owned());
    }

    /// The columns' names: flattened paths such as `os.base`.
    #[must_use]
    pub fn headings(&self) -> &[String] {
        &self.headings
    }

    /// The cells of a row, one for each column. What cannot be read of a broken row is left out.
    #[must_use]
    pub fn cells<'r>(&self, row: &'r Row) -> Vec<Cell<'r>> {
        let mut cells = vec![Cell::Empty; self.headings.len()];
        let mut rest = Vec::new();
        let mut filling = Filling { cells: &mut cells, rest: self.other.map(|_| &mut rest), path: Vec::new() };
        row.fields().for_each(|field| filling.put(&self.root, &field));
        for (place, names) in &self.through_lists {
            let mut values = Vec::new();
            collect(row, names, &mut values);
            cells[*place] = match values.as_slice() {
                [] => Cell::Empty,
                [value] => Cell::Value(*value),
                _ => Cell::Several(values),
            };
        }
        if let Some(place) = self.other.filter(|_| !rest.is_empty()) {
            cells[place] = Cell::Rest(rest);
        }
        cells
    }
}

/// A row's cells on the way.
struct Filling<'a, 'r> {
    cells: &'a mut [Cell<'r>],
    /// Values without a column; `None` where nobody wants them.
    rest: Option<&'a mut Vec<(String, RawBsonRef<'r>)>>,
    path: Vec<&'r str>,
}

impl<'r> Filling<'_, 'r> {
    fn put(&mut self, above: &Node, element: &RawElement<'r>) {
        let name = element.key().as_str();
        let node = above.get(name);
        // Without a column there is nothing to read.
        if node.is_none() && self.rest.is_none() {
            return;
        }
        let Ok(value) = element.value() else { return };
        self.path.push(name);
        match (value, node) {
            (RawBsonRef::Null | RawBsonRef::Undefined, _) => {}
            (RawBsonRef::Document(document), Some(node)) if !node.below.is_empty() && !is_empty(document) => {
                document.iter_elements().map_while(Result::ok).for_each(|inner| self.put(node, &inner));
            }
            (value, Some(Node { column: Some(place), .. })) => self.cells[*place] = Cell::Value(value),
            (value, _) => {
                if let Some(rest) = &mut self.rest {
                    rest.push((self.path.join("."), value));
                }
            }
        }
        self.path.pop();
    }
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}

/// The values at a path, those in the elements of lists on the way included.
fn collect<'r>(document: &'r RawDocument, names: &[String], values: &mut Vec<RawBsonRef<'r>>) {
    let Some((name, below)) = names.split_first() else { return };
    if let Ok(Some(value)) = document.get(name.as_str()) {
        collect_value(value, below, values);
    }
}

fn collect_value<'r>(value: RawBsonRef<'r>, below: &[String], values: &mut Vec<RawBsonRef<'r>>) {
    if let RawBsonRef::Array(items) = value {
        items.into_iter().map_while(Result::ok).for_each(|item| collect_value(item, below, values));
    } else if let (Some(document), false) = (value.as_document(), below.is_empty()) {
        collect(document, below, values);
    } else if below.is_empty() && !matches!(value, RawBsonRef::Null | RawBsonRef::Undefined) {
        values.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Paths;
    use bson::{RawDocumentBuf, doc, rawdoc};

    fn layout(rows: &[RawDocumentBuf], columns: &[&str]) -> Vec<String> {
        let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        let mut paths = Paths::default();
        for row in rows {
            Row::from(row.clone()).fields().for_each(|field| paths.add(&field));
        }
        paths.finish(&columns)
    }

    fn shown(layout: &Layout, row: &RawDocumentBuf) -> Vec<String> {
        layout.cells(&row.clone().into()).iter().map(|cell| cell.text().into_owned()).collect()
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn the_reports_columns_come_first_and_the_rest_by_name() {
        let rows = [
            rawdoc! {"z": 1, "os": {"dist": "Debian", "base": "Linux"}, "a": null, "none": {}},
            rawdoc! {"os": "odd", "name": "x", "b": {"c": {"d": 1}, "e": null}},
        ];
        let paths = layout(&rows, &["name", "os"]);
        assert_eq!(paths, ["name", "os", "os.base", "os.dist", "b.c.d", "none", "z"]);
        let all = Layout::new(&paths);
        assert_eq!(shown(&all, &rows[0]), ["", "", "Linux", "Debian", "", "{}", "1"]);
        assert_eq!(shown(&all, &rows[1]), ["x", "odd", "", "", "1", "", ""]);
    }

    #[test]
    fn what_has_no_column_of_its_own_is_not_lost() {
        let mut rows = vec![rawdoc! {"a.b": 1, "c": {"d.e": [2], "f": 3}}];
        assert_eq!(layout(&rows, &[]), ["c.f", OTHER]);
        assert_eq!(shown(&Layout::new(&layout(&rows, &[])), &rows[0]), ["3", r#"{"a.b":1,"c.d.e":[2]}"#]);
        rows.extend((0..1500).map(|n| RawDocumentBuf::try_from(doc! {format!("k{n}"): {"v": n}}).unwrap()));
        let many = Layout::new(&layout(&rows, &[]));
        assert_eq!(many.headings().len(), 501);
        assert_eq!(shown(&many, rows.last().unwrap()).last().unwrap(), r#"{"k1499":{"v":1499}}"#);
        // A row that was never seen.
        assert_eq!(shown(&many, &rawdoc! {"new": {"x": true}}).last().unwrap(), r#"{"new":{"x":true}}"#);
    }

    #[test]
    fn chosen_columns_come_in_the_order_asked_for() {
        let rows =
            [rawdoc! {"name": "x", "os": {"base": "L", "dist": "D"}, "apps": [{"n": "a"}, {"n": "b"}, {"m": 1}]}];
        let paths = layout(&rows, &[]);
        let chosen = Layout::of_columns(&paths, &owned(&["apps.n", "os", "name", "os.base"])).unwrap();
        assert_eq!(chosen.headings(), ["apps.n", "os.base", "os.dist", "name"]);
        assert_eq!(shown(&chosen, &rows[0]), ["a, b", "L", "D", "x"]);
        let wrong = Layout::of_columns(&paths, &owned(&["name", "o"])).unwrap_err();
        assert_eq!(wrong, NoColumn("o".to_owned()));
    }
}
