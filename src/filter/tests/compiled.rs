//! What typical and odd filters compile to.

use super::*;
use bson::oid::ObjectId;
use bson::{Document, doc};

fn compiled(filters: &[Value]) -> (Value, Option<Document>) {
    let general = general(&json!(filters)).unwrap();
    (Value::Object(general.query), general.residual)
}

fn at(text: &str) -> bson::DateTime {
    bson::DateTime::parse_rfc3339_str(text).unwrap()
}

#[test]
fn a_typical_general_report() {
    let filters = json!([
        boolean("active", "true"),
        {"field": "environment", "filter": "production", "comparer": "equal", "typ": "select", "subfield": "", "subfilter": ""},
        string("hostname", "contain", "web.1"),
        string("hostname", "not contain", "old"),
        string("hostname", "not contain", "(test)"),
        number("cpu", "greater", "2"),
        number("cpu", "less", "16"),
        number("cpu", "greater", "4"),
        date("created_at", "after", "2018-11-28T02:00:00.000Z"),
        date("updated_at", "same", "2018-11-28T15:30:00.000Z"),
        object("os", "base", "Linux"),
        object("datacenters", "_id", HEX),
        array("services", "version", "5"),
        array("tags", "key", "env"),
        array("tags", "value", "prod"),
    ]);
    let general = general(&filters).unwrap();
    assert_eq!(general.residual, None);
    insta::assert_json_snapshot!(general.query);
}

#[test]
fn a_typical_pivot_report() {
    let pivot = pivot(
        &json!({
            "clients": {"title": "Clients", "icon": "fa-user", "enabled": false, "filters": []},
            "systems": {"enabled": true, "filters": [boolean("active", "true"), array("clients", "name", "ACME")]},
            "applications": {"enabled": "true", "filters": [
                string("name", "contain", "a"), string("name", "contain", "b"), string("name", "not contain", "c"),
            ]},
            "servers": {"enabled": true, "filters": [
                date("created_at", "after", "2018-11-28T02:00:00.000Z"), array("roles", "_id", HEX), object("os", "base", "Linux"),
            ]},
        }),
        owner(),
    )
    .unwrap();
    assert_eq!(pivot.entity.path(), "systems");
    assert_eq!(pivot.residual, Some(doc! {"servers.created_at": {"$gte": at("2018-11-28T02:00:00Z")}}));
    insta::assert_json_snapshot!(pivot.pipeline);
}

#[test]
fn no_filters_are_an_empty_query() {
    for none in [json!(null), json!(""), json!([])] {
        assert_eq!(general(&none).unwrap().query.len(), 0, "{none}");
    }
    assert!(general(&json!({"field": "a"})).is_err());
}

#[test]
fn a_filter_never_replaces_the_owner_rule() {
    let id = ObjectId::parse_str(HEX).unwrap();
    for filter in [array("roles", "_id", HEX), object("roles", "_id", HEX), string("roles._id", "equal", HEX)] {
        let (query, residual) = compiled(std::slice::from_ref(&filter));
        assert_eq!(query, json!({}), "{filter}");
        assert_eq!(residual, Some(doc! {"roles._id": {"$eq": id}}), "{filter}");
    }
    let (query, residual) = compiled(&[array("roles", "_id", HEX), array("roles", "name", "x")]);
    assert_eq!(query, json!({"roles": {"$elemMatch": {"name": {"$in": ["x"]}}}}));
    assert!(residual.is_some());

    let pivot =
        pivot(&json!({"systems": {"enabled": true, "filters": [object("roles", "_id", HEX)]}}), owner()).unwrap();
    assert_eq!(pivot.pipeline, [json!({"$match": {"roles._id": OWNER}}), json!({"$match": {"roles._id": HEX}})]);
}

#[test]
fn what_the_data_api_cannot_check_is_left_to_the_worker() {
    let id = ObjectId::parse_str(HEX).unwrap();
    let other = "5c0000000000000000000002";
    for (filters, query, left) in [
        (
            vec![string("name", "contain", "a"), string("name", "contain", "b.")],
            json!({"name": {"$regex": "a"}}),
            doc! {"name": {"$regex": r"b\."}},
        ),
        (
            vec![date("x_at", "after", "2020-01-02T00:00:00.250Z")],
            json!({"x_at": {"$gte": "2020-01-02T00:00:00"}}),
            doc! {"x_at": {"$gte": at("2020-01-02T00:00:00.250Z")}},
        ),
        (
            vec![date("x_at", "before", "2020-01-02T00:00:00.250Z")],
            json!({"x_at": {"$lte": "2020-01-02T00:00:01"}}),
            doc! {"x_at": {"$lte": at("2020-01-02T00:00:00.250Z")}},
        ),
        (
            vec![object("dc", "_id", HEX), object("dc", "_id", other)],
            json!({"dc._id": HEX}),
            doc! {"dc._id": {"$eq": ObjectId::parse_str(other).unwrap()}},
        ),
        (
            vec![array("deps", "_id", HEX), array("deps", "name", "x")],
            json!({"deps._id": HEX, "deps": {"$elemMatch": {"name": {"$in": ["x"]}}}}),
            doc! {"deps": {"$elemMatch": {"$and": [{"_id": {"$eq": id}}, {"name": {"$in": ["x"]}}]}}},
        ),
        (vec![string("created_at", "contain", "2018")], json!({}), doc! {"created_at": {"$regex": "2018"}}),
        (vec![number("size_attr", "equal", "5")], json!({}), doc! {"size_attr": {"$eq": 5_i64}}),
        (vec![string("a._idx", "equal", "5c")], json!({}), doc! {"a._idx": {"$in": ["5c"]}}),
        (
            vec![array("regions", "value", "eu-1")],
            json!({}),
            doc! {"$or": [{"regions": {"$in": ["eu-1"]}}, {"regions.value": {"$in": ["eu-1"]}}]},
        ),
    ] {
        assert_eq!(compiled(&filters), (query, Some(left)), "{filters:?}");
    }
}

#[test]
fn only_components_without_a_gap_can_be_joined() {
    let on = json!({"enabled": true});
    let refused = |filters: Value| pivot(&filters, owner()).unwrap_err();
    let gap = refused(json!({"clients": on, "servers": on}));
    assert_eq!(gap.path, "filters.servers");
    assert_eq!(gap.expected, "expected systems to be enabled too: clients and servers are joined through them");
    for (filters, place) in [
        (json!(null), "filters"),
        (json!([]), "filters"),
        (json!({}), "filters"),
        (json!({"servers": {"enabled": false}}), "filters"),
        (json!({"datacenters": on}), "filters.datacenters"),
        (json!({"servers": true}), "filters.servers"),
        (json!({"servers": {"enabled": "yes"}}), "filters.servers.enabled"),
        (json!({"servers": {"enabled": true, "where": "x"}}), "filters.servers.where"),
        (json!({"servers": {"enabled": true, "filters": [{}]}}), "filters.servers.filters[0].field"),
        (json!({"servers": {"enabled": true, "filters": {}}}), "filters.servers.filters"),
    ] {
        assert_eq!(refused(filters.clone()).path, place, "{filters}");
    }
    let many = json!({"enabled": true, "filters": vec![boolean("active", "true"); 60]});
    assert_eq!(refused(json!({"applications": many, "servers": many})).path, "filters");
}

#[test]
fn a_field_that_a_joined_component_replaces_is_checked_before_the_join() {
    let filters =
        |root: Value| json!({"applications": {"enabled": true, "filters": [root]}, "servers": {"enabled": true}});
    let joined = pivot(&filters(array("servers", "value", "web1")), owner()).unwrap();
    assert_eq!(
        joined.pipeline[..2],
        [
            json!({"$match": {"roles._id": OWNER}}),
            json!({"$match": {"$or": [{"servers": {"$in": ["web1"]}}, {"servers.value": {"$in": ["web1"]}}]}}),
        ]
    );
    assert_eq!(joined.residual, None);
    let refused = pivot(&filters(date("servers.seen_at", "same", "2020-01-02")), owner()).unwrap_err();
    assert_eq!(refused.path, "filters.applications.filters");
}
