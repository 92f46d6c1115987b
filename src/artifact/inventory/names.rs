//! Names that Ansible takes, after ansible-core 2.19 (`parsing/utils/addresses.py`, `plugins/inventory/ini.py`,
//! `utils/vars.py`, `vars/reserved.py`).

use crate::artifact::escape;
use std::collections::HashSet;
use std::net::Ipv6Addr;

/// The longest host name of DNS, in bytes.
const MAX_HOST: usize = 253;
/// The longest user name or path that is passed on, in bytes.
const MAX_ARGUMENT: usize = 1024;
/// The most characters of a value in a group's name.
const MAX_GROUP: usize = 100;

/// Whether a text can be a host's name or address: letters and digits of any script, `.`, `-` and `_`, or an IPv6 address.
/// So it is no range (`a[1:9]`), pattern, option of ssh (`-o…`), port, comment or line.
pub(super) fn is_host(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.len() <= MAX_HOST
        && ((text.starts_with(char::is_alphanumeric) && text.chars().all(is_plain)) || text.parse::<Ipv6Addr>().is_ok())
}

/// Names that mean something to Ansible: its two groups of all hosts, and those it delegates local tasks to.
pub(super) fn is_reserved(host: &str) -> bool {
    ["all", "ungrouped", "localhost", "127.0.0.1", "::1"].contains(&host)
}

/// The name of a host whose own is taken.
pub(super) fn with_id(host: &str, id: &str) -> String {
    let plain = |text: &str| text.replace(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_'), "-");
    let short = |text: &str| plain(text).chars().take(MAX_HOST / 2).collect::<String>();
    format!("{}-{}", short(host).trim_start_matches('-'), short(id))
}

/// Whether a user's name or a file's path can be passed to ssh: it is no option, and ends no quotes there.
pub(super) fn is_argument(text: &str) -> bool {
    text.len() <= MAX_ARGUMENT && !text.starts_with('-') && !text.contains(|c| escape::is_hidden(c) || c == '"')
}

/// A group's name: lower-case letters, digits and underscores behind the kind of value.
pub(super) fn group(kind: &str, value: &str) -> String {
    let lower = value.trim().chars().flat_map(char::to_lowercase).take(MAX_GROUP);
    let plain = lower.map(|c| if c.is_alphanumeric() { c } else { '_' });
    format!("{kind}_{}", plain.collect::<String>())
}

/// Variables for these paths: ASCII letters, digits and underscores, each once. What means something to Ansible gets
/// `report_` in front, so that no column can say how Ansible connects.
pub(super) fn variables(paths: &[String]) -> Vec<String> {
    let mut taken = HashSet::new();
    paths
        .iter()
        .map(|path| {
            let plain = path.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            let means_something = plain.to_ascii_lowercase().starts_with("ansible")
                || !plain.starts_with(|c: char| c.is_ascii_alphabetic())
                || RESERVED_VARIABLES.contains(&plain.as_str());
            let name = if means_something { format!("report_{plain}") } else { plain };
            let further = (2..).map(|number| format!("{name}_{number}"));
            let free = std::iter::once(name.clone()).chain(further).find(|name| !taken.contains(name));
            let free = free.unwrap_or(name);
            taken.insert(free.clone());
            free
        })
        .collect()
}

/// Keywords of plays and tasks, functions and words of Jinja, and variables that Ansible sets.
#[rustfmt::skip]
const RESERVED_VARIABLES: &[&str] = &[
    "False", "None", "True", "action", "always", "and", "any_errors_fatal", "args", "as", "assert", "async",
    "async_val", "await", "become", "become_exe", "become_flags", "become_method", "become_user", "block", "break",
    "changed_when", "check_mode", "class", "collections", "connection", "continue", "cycler", "debugger", "def",
    "del", "delay", "delegate_facts", "delegate_to", "dict", "diff", "elif", "else", "environment", "except",
    "fact_path", "failed_when", "false", "finally", "for", "force_handlers", "from", "gather_facts", "gather_timeout",
    "global", "group_names", "groups", "handlers", "hosts", "hostvars", "if", "ignore_errors", "ignore_unreachable",
    "import", "in", "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short", "is", "item",
    "joiner", "lambda", "lipsum", "local_action", "lookup", "loop", "loop_control", "loop_with",
    "max_fail_percentage", "module_defaults", "name", "namespace", "no_log", "none", "nonlocal", "not", "notify",
    "now", "omit", "or", "order", "pass", "play_hosts", "playbook_dir", "poll", "port", "post_tasks", "pre_tasks",
    "q", "query", "raise", "range", "register", "remote_user", "rescue", "retries", "return", "role_name",
    "role_names", "role_path", "roles", "run_once", "serial", "strategy", "tags", "tasks", "throttle", "timeout",
    "true", "try", "undef", "until", "vars", "vars_files", "vars_prompt", "when", "while", "with", "with_", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_hosts() {
        for host in ["web1", "web-1.example", "10.0.0.1", "fe80::1", "a_b", "сервер", "123"] {
            assert!(is_host(host), "{host}");
        }
        let hostile = [
            "",
            "a b",
            "a[1:9]",
            "-oProxyCommand=id",
            "a:22",
            "#a",
            ";a",
            "[a]",
            "a=b",
            "a\nb",
            "a\u{2028}b",
            "'a",
            "a\\",
        ];
        for text in hostile.into_iter().chain(["{{a}}", "a,b", "*", "!a", "&a", ".a", "a%b", "a\u{1b}"]) {
            assert!(!is_host(text), "{text}");
        }
        assert!(!is_host(&"a".repeat(254)));
        assert!(is_host(&with_id(&"a".repeat(253), &"{1}\n".repeat(200))) && is_host(&with_id("::1", "5c")));
    }

    #[test]
    fn groups_and_variables_have_valid_names() {
        assert_eq!(group("region", " us-east-1 "), "region_us_east_1");
        assert_eq!(group("application", "São [x]\n"), "application_são__x_");
        let paths = ["os.base", "os_base", "ansible.connection", "name", "1st", "Ελλ", "Ansible_Port", "cpu"]
            .map(str::to_owned);
        let expected = ["os_base", "os_base_2", "report_ansible_connection", "report_name", "report_1st", "report____"];
        assert_eq!(variables(&paths)[..6], expected);
        assert_eq!(variables(&paths)[6..], ["report_Ansible_Port", "cpu"]);
    }
}
