//! Inventories as the real Ansible reads them.

use crate::support::python::python;
use bson::raw::{CString, RawArrayBuf, cstr};
use bson::{RawDocumentBuf, rawdoc};
use maestro_reports::artifact::Options;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// What `ansible-inventory --list` prints, and what it complains of.
const LIST: &str = "
import json, os, subprocess, sys
home = os.path.dirname(sys.argv[1])
open(os.path.join(home, 'ansible.cfg'), 'w').close()
env = {'HOME': home, 'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED': '1',
       'ANSIBLE_CONFIG': os.path.join(home, 'ansible.cfg')}
tool = os.path.join(os.path.dirname(sys.executable), sys.argv[2])
run = subprocess.run([tool, '-i', *sys.argv[1:2], *sys.argv[3:]], env=env, cwd=home, capture_output=True, text=True)
assert run.returncode == 0, run.stderr
print(json.dumps([run.stdout, run.stderr]))
";

/// Runs a tool of Ansible on an inventory of these rows: its output, and that it warned of nothing.
fn ansible(format: &str, rows: &[RawDocumentBuf], columns: &[&str], tool: &[&str]) -> Option<String> {
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let (folder, file) = super::written(format, rows, &Options { columns, ..Options::default() });
    let args: Vec<&str> = std::iter::once(file.to_str().unwrap()).chain(tool.iter().copied()).collect();
    let read: [String; 2] = serde_json::from_str(&python(LIST, &args)?).unwrap();
    let [output, complaints] = read;
    assert_eq!(complaints, "", "{}", std::fs::read_to_string(&file).unwrap());
    assert!(!folder.path().join("marker").exists(), "a template was evaluated");
    Some(output)
}

fn list(format: &str, rows: &[RawDocumentBuf], columns: &[&str]) -> Option<Value> {
    let mut list: Value =
        serde_json::from_str(&ansible(format, rows, columns, &["ansible-inventory", "--list"])?).unwrap();
    list["_meta"].as_object_mut().unwrap().remove("profile");
    Some(list)
}

fn both(rows: &[RawDocumentBuf], columns: &[&str], expected: &Value) {
    for format in ["inventory", "inventory-yaml"] {
        let Some(list) = list(format, rows, columns) else { return };
        assert_eq!(list, *expected, "{format}");
    }
}

#[test]
fn ansible_finds_the_hosts_their_variables_and_their_groups() {
    let rows = [
        rawdoc! {
            "_id": "1", "hostname": "web1", "ipv4_private": "10.0.0.1", "ansible": {"user": "DOMAIN\\o'neill", "key": "/etc/my keys/#1", "port": 2222},
            "datacenters": {"provider": "AWS", "region": "us-east-1"}, "environment": "production", "role": "Application",
            "applications": [{"name": "billing-api"}, {"name": "Ελλάδα"}], "system": [{"name": "1st"}],
        },
        rawdoc! {"_id": "2", "hostname": "web1", "auth": [{"username": "5e3"}], "role": "application"},
        rawdoc! {"_id": "3", "hostname": "fe80::1", "ipv4_public": "::1"},
        rawdoc! {"_id": "4", "hostname": "123"},
        rawdoc! {"_id": "5", "name": "no host"},
    ];
    both(
        &rows,
        &[],
        &json!({
            "_meta": {"hostvars": {
                "web1": {
                    "ansible_host": "10.0.0.1", "ansible_user": "DOMAIN\\o'neill", "ansible_ssh_private_key_file": "/etc/my keys/#1", "ansible_port": 2222,
                },
                "web1-2": {"ansible_host": "web1", "ansible_user": "5e3"},
                "fe80::1": {"ansible_host": "::1"}, "123": {"ansible_host": "123"},
            }},
            "all": {"children": [
                "ungrouped", "provider_aws", "region_us_east_1", "environment_production", "role_application", "application_billing_api",
                "application_ελλάδα", "system_1st",
            ]},
            "ungrouped": {"hosts": ["fe80::1", "123"]},
            "provider_aws": {"hosts": ["web1"]}, "region_us_east_1": {"hosts": ["web1"]}, "environment_production": {"hosts": ["web1"]},
            "role_application": {"hosts": ["web1", "web1-2"]}, "application_billing_api": {"hosts": ["web1"]},
            "application_ελλάδα": {"hosts": ["web1"]}, "system_1st": {"hosts": ["web1"]},
        }),
    );
}

#[test]
fn columns_are_variables_with_the_values_and_types_of_the_rows() {
    let deep = "x.".repeat(100_000);
    let texts = [
        "True",
        "None",
        "0x10",
        "1_000",
        "'q'",
        "\"q\"",
        "a b",
        "#",
        ";",
        "=",
        "",
        "5e3",
        "yes",
        "~",
        "null",
        "[1]",
        "{'a': 1}",
        "\\n",
        "$HOME",
        "\u{1}\n\r\t\u{85}\u{2028}\u{7f}\u{feff}😀",
        "a: b",
        "- a",
        "!vault x",
        "set()",
        "...",
        "1j",
        "b'x'",
        &deep,
        "é",
        "(((((((((",
        "&a *a",
    ];
    let mut row = rawdoc! {
        "_id": "1", "hostname": "web1", "cpu": 4, "big": i64::MIN, "load": 0.5, "huge": 1e300, "tiny": -1.5e-7, "on": true, "off": false,
        "os": {"base": "Linux"}, "tags": [{"key": "it's", "n": null, "l": [1, 2.5, false, "é\n"]}], "empty": {},
        "ansible": {"connection": "local"},
    };
    let mut expected = json!({
        "ansible_host": "web1", "cpu": 4, "big": i64::MIN, "load": 0.5, "huge": 1e300, "tiny": -1.5e-7, "on": true, "off": false,
        "os_base": "Linux", "report_tags": [{"key": "it's", "n": null, "l": [1, 2.5, false, "é\n"]}], "empty": {},
        "report_ansible_connection": "local",
    });
    let mut nested = rawdoc! {"a": 1};
    nested.append(CString::try_from("k: ".repeat(1000)).unwrap(), "long key");
    row.append(cstr!("nested"), RawArrayBuf::from_iter([nested]));
    expected["nested"] = json!([{"a": 1, "k: ".repeat(1000): "long key"}]);
    let mut columns = vec![
        "cpu",
        "big",
        "load",
        "huge",
        "tiny",
        "on",
        "off",
        "os.base",
        "tags",
        "empty",
        "ansible.connection",
        "nested",
    ];
    let names: Vec<String> = (0..texts.len()).map(|number| format!("t{number}")).collect();
    for (name, text) in names.iter().zip(texts) {
        row.append(CString::try_from(name.clone()).unwrap(), text);
        expected[name] = json!(text);
        columns.push(name);
    }
    let hosts = json!({
        "_meta": {"hostvars": {"web1": expected}}, "all": {"children": ["ungrouped"]}, "ungrouped": {"hosts": ["web1"]},
    });
    both(&[row], &columns, &hosts);
}

#[test]
fn any_text_comes_back_as_it_was() {
    let mut runner = TestRunner::deterministic();
    let texts = prop_oneof![any::<String>(), r"[ -~]{0,20}", r"[\[\]{}'\x22\\#:=,&*!|>%@` \n\r\t\x{85}\x{2028}-]{0,8}"];
    let texts = prop::collection::vec(texts, 500).new_tree(&mut runner).unwrap().current();
    let (mut rows, mut hosts) = (Vec::new(), serde_json::Map::new());
    let is_template = |text: &str| ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
    for (number, text) in texts.into_iter().enumerate().filter(|(_, text)| !is_template(text)) {
        let name = format!("web{number}");
        rows.push(rawdoc! {"_id": &*name, "hostname": &*name, "text": &*text, "list": [&*text]});
        hosts.insert(name.clone(), json!({"ansible_host": name, "text": text, "list": [text]}));
    }
    for format in ["inventory", "inventory-yaml"] {
        let Some(list) = list(format, &rows, &["text", "list"]) else { return };
        assert_eq!(list["_meta"]["hostvars"], Value::Object(hosts.clone()), "{format}");
    }
}

const TEMPLATE: &str = "{{ lookup('pipe', 'touch marker') }}";

/// Rows by somebody who wants more than a host.
fn hostile() -> Vec<RawDocumentBuf> {
    let names = [
        "x ansible_connection=local",
        "a[1:100]",
        TEMPLATE,
        "a\n[all:vars]\nansible_connection=local",
        "a\u{85}[all:vars]\u{2028}x=1",
        "#a",
        ";a",
        "[all:vars]",
        "-oProxyCommand=touch marker",
        "a:22",
        "a=b",
        "'a",
        "a\\",
        "---",
        "a,b",
        "all",
        "localhost",
    ];
    let rows = names.iter().map(|&name| {
        rawdoc! {
            "_id": name, "hostname": name, "ipv4_private": name, "role": name, "environment": format!("{name}]"), "applications": [{"name": name}],
        }
    });
    let last = rawdoc! {
        "_id": "\n[all:vars]\nx=1", "hostname": "db1", "ipv4_private": "db1 x=1", "note": TEMPLATE, "list": [{"a": [TEMPLATE]}, {"{{ lookup('pipe', 'touch marker') }}": 1}],
        "other": "#jinja2: variable_start_string:'[%', variable_end_string:'%]'\n[% lookup('pipe', 'touch marker') %]", "fine": "}} x {",
        "ansible": {"user": TEMPLATE, "key": "k\nx=1", "port": "22 x=1"},
    };
    rows.chain([last]).collect()
}

#[test]
fn nothing_in_a_row_makes_a_host_a_group_or_a_variable_that_was_not_meant() {
    let columns = ["note", "list", "other", "fine", "ansible.user"];
    for format in ["inventory", "inventory-yaml"] {
        let Some(list) = list(format, &hostile(), &columns) else { return };
        let hosts = list["_meta"]["hostvars"].as_object().unwrap();
        assert_eq!(hosts.keys().collect::<Vec<_>>(), ["all-all", "db1", "localhost-localhost"], "{format}");
        let variables = &hosts["db1"];
        let fine = json!({"ansible_host": "db1", "fine": "}} x {"});
        if format == "inventory" {
            assert_eq!(*variables, fine);
        } else {
            let text = |name: &str| {
                variables[name]["__ansible_unsafe"].as_str().or(variables[name].as_str()).map(str::to_owned)
            };
            assert_eq!(variables["fine"], fine["fine"]);
            assert_eq!(text("ansible_user").as_deref(), Some(TEMPLATE), "{variables}");
            assert_eq!(text("note").as_deref(), Some(TEMPLATE), "{variables}");
        }
        for group in list.as_object().unwrap().keys().filter(|name| *name != "_meta") {
            assert!(group.chars().all(|c| c.is_alphanumeric() || c == '_'), "{group}");
        }
    }
}

#[test]
fn a_template_in_a_row_is_a_text_to_a_play() {
    let debug =
        ["ansible", "-c", "local", "-m", "debug", "-a", "msg={{ [note, list, other, ansible_user] | to_json }}", "db1"];
    let Some(output) = ansible("inventory-yaml", &hostile(), &["note", "list", "other"], &debug) else { return };
    assert_eq!(output.matches("touch marker").count(), 5, "{output}");
}
