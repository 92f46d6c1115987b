use super::{ini, yaml};
use crate::artifact::test_support::written;
use bson::oid::ObjectId;
use bson::{RawDocumentBuf, rawdoc};
use proptest::prelude::*;

fn id(last: u8) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[0] = 0x5c;
    bytes[11] = last;
    ObjectId::from_bytes(bytes)
}

fn general() -> Vec<RawDocumentBuf> {
    vec![
        rawdoc! {
            "_id": id(1), "hostname": "web1", "ipv4_private": "10.0.0.1", "dns_internal": "web1.internal.example",
            "ansible": {"user": "deploy", "key": "/etc/keys/my key.pem", "port": "2222"}, "auth": [{"username": "root"}],
            "datacenters": {"provider": "AWS", "region": "us-east-1"}, "environment": "production", "role": "Application",
            "applications": [{"name": "billing-api"}, {"name": "billing api"}], "system": [{"name": "Faturação"}],
            "os": {"base": "Linux"}, "cpu": 4, "tags": [{"key": "team", "value": "it's"}],
        },
        rawdoc! {"_id": id(2), "hostname": "web1", "ipv4_public": "203.0.113.9", "auth": [{"username": "ubuntu"}], "role": "Web"},
        rawdoc! {"_id": id(3), "hostname": "localhost", "ipv4_private": "x ansible_connection=local"},
        rawdoc! {"_id": id(4), "name": "no host"},
    ]
}

fn hostile() -> Vec<RawDocumentBuf> {
    let names = [
        "x ansible_connection=local",
        "a[1:100]",
        "{{ lookup('pipe','id') }}",
        "a\n[all:vars]\nx=1",
        "-oProxyCommand=id",
        "",
    ];
    let mut rows: Vec<_> = names.iter().map(|&name| rawdoc! {"_id": name, "hostname": name}).collect();
    rows.push(rawdoc! {
        "_id": "\u{2028}[all:vars]\u{85}x=1", "hostname": "db1", "role": "a]\n[all:vars]\nx=1", "environment": "]", "system": ["{{x}}"],
        "ansible": {"user": "{{ lookup('pipe','id') }}", "key": "k\nansible_connection=local", "port": "22 x=1"},
        "os": {"base": "{% x %}", "list": [{"a": "{{x}}"}]}, "note": "a' ansible_connection=local #\n\u{2028}\u{1b}\\", "ansible.connection": "local",
    });
    rows
}

#[test]
fn hosts_variables_and_groups_of_a_general_report() {
    insta::assert_snapshot!("ini", written(&ini::FORMAT, &general(), &[]));
    insta::assert_snapshot!("yaml", written(&yaml::FORMAT, &general(), &[]));
    insta::assert_snapshot!(
        "ini_columns",
        written(&ini::FORMAT, &general()[..2], &["os.base", "cpu", "tags", "hostname", "role"])
    );
}

#[test]
fn what_could_do_something_is_left_out_with_a_comment() {
    insta::assert_snapshot!("hostile_ini", written(&ini::FORMAT, &hostile(), &["os", "note", "role"]));
    insta::assert_snapshot!("hostile_yaml", written(&yaml::FORMAT, &hostile(), &["os", "note", "role"]));
}

#[test]
fn a_server_in_several_rows_of_a_pivot_is_one_host() {
    let server =
        |n: u8| rawdoc! {"_id": id(n), "hostname": format!("web{n}"), "role": "Web", "applications": [{"name": "own"}]};
    let rows = [
        rawdoc! {"_id": "1", "name": "Acme", "systems": {"name": "Billing"}, "applications": {"name": "api"}, "servers": server(1)},
        rawdoc! {"_id": "2", "name": "Acme", "systems": {"name": "Billing"}, "applications": {"name": "api"}, "servers": server(2)},
        rawdoc! {"_id": "3", "name": "Shop", "applications": {"name": "db"}, "servers": server(1)},
        rawdoc! {"_id": "4", "name": "cache", "system": [{"name": "Fraud"}], "servers": server(1)},
        rawdoc! {"_id": "5", "name": "Acme", "servers": []},
    ];
    insta::assert_snapshot!("pivot", written(&ini::FORMAT, &rows, &[]));
    insta::assert_snapshot!("pivot_yaml", written(&yaml::FORMAT, &rows, &[]));
}

#[test]
fn a_long_inventory_comes_in_parts_and_an_empty_one_is_valid() {
    let row = |n: i32| rawdoc! {"_id": n, "hostname": format!("web{n}"), "role": "Web"};
    let ini = written(&ini::FORMAT, &(0..5001).map(row).collect::<Vec<_>>(), &[]);
    let parts: Vec<(usize, &str)> = ini.lines().enumerate().filter(|(_, line)| line.starts_with('[')).collect();
    assert_eq!(parts, [(3, "[all]"), (5005, "[role_web]"), (10_007, "[all]"), (10_010, "[role_web]")]);
    assert!(written(&yaml::FORMAT, &[], &[]).ends_with("\nall:\n  hosts: {}\n"));
}

/// Texts that are likely to mean something.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), r"[a-z\[\]:=#;'\x22\\{}% \n\r\x85\x{2028}-]{0,12}"]
}

proptest! {
    #[test]
    fn no_text_makes_a_line_of_its_own(texts in prop::array::uniform6(text())) {
        let [id, hostname, user, role, value, key] = texts;
        let row = rawdoc! {
            "_id": id, "hostname": hostname, "ansible": {"user": user, "key": key.clone(), "port": key}, "role": role, "a": {"b": value.clone()}, "c": [value],
        };
        let ini = written(&ini::FORMAT, &[row], &["a", "c"]);
        // As Python splits lines.
        let lines = ini.split(['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}']);
        let (mut hosts, mut sections) = (0, 0);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            if line.starts_with('[') {
                prop_assert!(line == "[all]" || (line.starts_with("[role_") && line.ends_with(']')), "{}", line);
                sections += 1;
            } else {
                prop_assert!(line.starts_with(char::is_alphanumeric) || line.contains(':'), "{}", line);
                hosts += 1;
            }
        }
        prop_assert!(hosts <= 2 && sections <= 2, "{}", ini);
    }
}
