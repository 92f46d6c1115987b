//! Random documents and random conditions: the matcher must select what a MongoDB server selects.
//!
//! mongo-java-server, the usual test server, departs from MongoDB's documents in places. These are not generated here;
//! `filter::matcher::tests` holds MongoDB's rule for each.
//!
//! - `{}` wanted: it selects every document. An object with null in it equals things that are no object, an object
//!   equals elements that hold more, and a list never equals a list inside a list.
//! - `$regex` on anything but texts: it looks at the printed form of numbers, dates and lists.
//! - `$all` on a value that is no list, `$all: []`, null in `$all`, `$gt`, `$gte`, `$lt` and `$lte`.
//! - `$elemMatch` of fields on a list of scalars: it takes each for an object without fields. `$not` inside `$elemMatch`.
//! - A path through a list of scalars or an empty one, and an index beyond the end: it finds a missing value there, by
//!   MongoDB's rules there is no value at all, so null does not match and `$exists: false` and `$not` do.
//! - `$exists: false` through a list of objects: it is content where one of them lacks the field.
//! - An index followed by a field (`l.1.b`) with null: by MongoDB's rules the objects in the list are also asked for a
//!   field named `1`, and a missing one matches null.
//! - Several operators at once on a list or on a path through a list of objects: it wants one element to meet them all.

use crate::support::mongo;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use maestro_reports::filter::matcher::Matcher;
use mongodb::Collection;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::collections::BTreeSet;

const DOCUMENTS: i32 = 200;
const CONDITIONS: u32 = 500;

/// Few values of each kind, so that a condition often meets its like.
fn scalar() -> impl Strategy<Value = Bson> {
    prop_oneof![
        (0_i32..4).prop_map(Bson::Int32),
        (0_i64..4).prop_map(Bson::Int64),
        prop_oneof![Just(0.0), Just(1.0), Just(1.5), Just(3.0)].prop_map(Bson::Double),
        any::<bool>().prop_map(Bson::Boolean),
        text(),
        (0_u8..3).prop_map(|number| Bson::ObjectId(ObjectId::from_bytes([number; 12]))),
        (0_i64..3).prop_map(|day| Bson::DateTime(DateTime::from_millis(day * 86_400_000))),
    ]
}

fn text() -> impl Strategy<Value = Bson> {
    prop_oneof![Just(""), Just("a"), Just("b"), Just("ab"), Just("A.b"), Just("1"), Just("é")].prop_map(Bson::from)
}

fn or_null(value: impl Strategy<Value = Bson>) -> impl Strategy<Value = Bson> {
    prop_oneof![1 => Just(Bson::Null), 4 => value]
}

/// An object with some of these fields.
fn object(a: impl Strategy<Value = Bson>, b: impl Strategy<Value = Bson>) -> impl Strategy<Value = Bson> {
    (prop::option::weighted(0.8, a), prop::option::weighted(0.8, b)).prop_map(|(a, b)| {
        let fields = [("a", a), ("b", b)].into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Bson::Document(fields.collect())
    })
}

/// The shapes of the platform's records: `n` a scalar, `t` texts, `o` an object, `s` a list of scalars, `l` a list of
/// objects; any may be missing.
fn document() -> impl Strategy<Value = Document> {
    let list = |item: BoxedStrategy<Bson>| prop::collection::vec(item, 1..4).prop_map(Bson::from);
    let fields = (
        prop::option::of(or_null(scalar())),
        prop::option::of(prop_oneof![text(), list(text().boxed())]),
        prop::option::of(object(or_null(scalar()), object(scalar(), text()))),
        prop::option::of(list(scalar().boxed())),
        prop::option::of(list(object(scalar(), text()).boxed())),
    );
    fields.prop_map(|(n, t, o, s, l)| {
        let fields = [("n", n), ("t", t), ("o", o), ("s", s), ("l", l)];
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    })
}

fn pattern() -> impl Strategy<Value = Document> {
    let source = prop_oneof![Just("a"), Just("^A"), Just("b$"), Just(r"\."), Just(""), Just("^.$"), Just(r"^\w")];
    let options = prop_oneof![Just(None), Just(Some("i")), Just(Some("s")), Just(Some("im"))];
    (source, options).prop_map(|(source, options)| match options {
        Some(options) => doc! {"$regex": source, "$options": options},
        None => doc! {"$regex": source},
    })
}

/// One operator that speaks of a value.
fn about_value() -> impl Strategy<Value = Document> {
    let list = || prop::collection::vec(scalar(), 0..4);
    prop_oneof![
        scalar().prop_map(|value| doc! {"$ne": value}),
        (prop_oneof![Just("$gt"), Just("$gte"), Just("$lt"), Just("$lte")], scalar())
            .prop_map(|(operator, value)| doc! {operator: value}),
        (prop_oneof![Just("$in"), Just("$nin")], list()).prop_map(|(operator, values)| doc! {operator: values}),
        Just(doc! {"$exists": true}),
    ]
}

/// One operator that a missing value may meet.
fn about_missing() -> impl Strategy<Value = Document> {
    let list = prop::collection::vec(or_null(scalar()), 0..4);
    prop_oneof![
        Just(doc! {"$exists": false}),
        (prop_oneof![Just("$eq"), Just("$ne")], or_null(scalar())).prop_map(|(operator, value)| doc! {operator: value}),
        (prop_oneof![Just("$in"), Just("$nin")], list).prop_map(|(operator, values)| doc! {operator: values}),
    ]
}

/// Operators that hold together.
fn operators() -> impl Strategy<Value = Document> {
    prop::collection::vec(about_value(), 1..4).prop_map(|all| all.into_iter().flatten().collect())
}

/// What can be asked of each of the shapes.
fn field() -> impl Strategy<Value = Document> {
    let whole = prop_oneof![Just("n"), Just("o.a"), Just("o.b.a"), Just("s.1"), Just("l.0.a"), Just("x")];
    let missing = prop_oneof![Just("n"), Just("s"), Just("o.a"), Just("o.b.a"), Just("x"), Just("x.y")];
    let inside = prop_oneof![Just("s"), Just("l.a"), Just("l.b"), Just("l.1.b")];
    let equal = prop_oneof![Just("n"), Just("s"), Just("l.a"), Just("o.a"), Just("l.0.b")];
    let single = prop_oneof![Just("n"), Just("o.a"), Just("o.b.b"), Just("x.y")];
    let elements = || prop::collection::vec(scalar(), 1..3);
    let a = prop_oneof![scalar().boxed(), operators().prop_map(Bson::from).boxed()];
    prop_oneof![
        (whole, operators()).prop_map(|(path, operators)| doc! {path: operators}),
        (missing, about_missing()).prop_map(|(path, operator)| doc! {path: operator}),
        (inside, about_value()).prop_map(|(path, operator)| doc! {path: operator}),
        (equal, scalar()).prop_map(|(path, value)| doc! {path: value}),
        (single, operators()).prop_map(|(path, operators)| doc! {path: {"$not": operators}}),
        (prop_oneof![Just("t"), Just("l.b")], pattern()).prop_map(|(path, pattern)| doc! {path: pattern}),
        pattern().prop_map(|pattern| doc! {"t": {"$not": pattern}}),
        (scalar(), scalar(), text()).prop_map(|(a, b, c)| doc! {"o": {"a": a, "b": {"a": b, "b": c}}}),
        elements().prop_map(|elements| doc! {"s": elements}),
        elements().prop_map(|elements| doc! {"s": {"$all": elements}}),
        operators().prop_map(|operators| doc! {"s": {"$elemMatch": operators}}),
        (a, or_null(text())).prop_map(|(a, b)| doc! {"l": {"$elemMatch": {"a": a, "b": b}}}),
        pattern().prop_map(|pattern| doc! {"l": {"$elemMatch": {"b": pattern}}}),
    ]
}

fn condition() -> impl Strategy<Value = Document> {
    field().prop_recursive(2, 6, 3, |inner| {
        let branches = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (prop_oneof![Just("$and"), Just("$or"), Just("$nor")], branches)
                .prop_map(|(operator, branches)| doc! {operator: branches}),
            (inner.clone(), inner).prop_map(|(one, other)| one.into_iter().chain(other).collect()),
        ]
    })
}

#[test]
fn the_matcher_selects_what_the_server_selects() {
    let Some(database) = mongo::database() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config =
        Config { cases: CONDITIONS, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let documents: Vec<Document> = (0..DOCUMENTS)
        .map(|number| {
            let fields = document().new_tree(&mut runner).unwrap().current();
            doc! {"_id": number}.into_iter().chain(fields).collect()
        })
        .collect();
    let collection: Collection<Document> = runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&database.uri).await.unwrap();
        let collection = client.database(&database.name).collection("rows");
        collection.insert_many(&documents).await.unwrap();
        collection
    });
    let raw: Vec<RawDocumentBuf> = documents.iter().map(|d| RawDocumentBuf::try_from(d).unwrap()).collect();
    let checked = runner.run(&condition(), |condition| {
        let failed = |why: &dyn std::fmt::Display| TestCaseError::fail(format!("{condition}: {why}"));
        let matcher = Matcher::compile(&condition).map_err(|error| failed(&error))?;
        let ours: BTreeSet<i32> = (0..).zip(&raw).filter(|(_, raw)| matcher.matches(raw)).map(|(id, _)| id).collect();
        let theirs = runtime.block_on(select(&collection, &condition)).map_err(|error| failed(&error))?;
        match ours.symmetric_difference(&theirs).next() {
            None => Ok(()),
            Some(odd) => {
                let who = if ours.contains(odd) { "only we select" } else { "only the server selects" };
                Err(failed(&format!("{who} {}", documents[*odd as usize])))
            }
        }
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

async fn select(collection: &Collection<Document>, condition: &Document) -> mongodb::error::Result<BTreeSet<i32>> {
    let found: Vec<Document> =
        collection.find(condition.clone()).projection(doc! {"_id": 1}).await?.try_collect().await?;
    Ok(found.iter().map(|document| document.get_i32("_id").unwrap()).collect())
}
