//! The node name of a worker, by Celery's rules.

/// Completes a node name: without `@` it goes behind `celery@`; `%h` is the host name, `%n` its first label, `%d` the
/// rest, `%i` the process index (always 0 here), `%%` a percent sign. Other marks stay as they are.
#[must_use]
pub(super) fn expand(pattern: &str, host: &str) -> String {
    let (label, domain) = host.split_once('.').unwrap_or((host, ""));
    let prefix = if pattern.contains('@') { "" } else { "celery@" };
    let marks = |mark| match mark {
        'h' => Some(host),
        'n' => Some(label),
        'd' => Some(domain),
        'i' => Some("0"),
        _ => None,
    };
    format!("{prefix}{}", replace_marks(pattern, marks))
}

/// Completes the path of a node's own file: `%n` is the part of its name before the `@`, `%h` the part behind it, `%d` that
/// without the first label, `%p` all of it, `%i` 0, `%I` nothing (there is one process), `%%` a percent sign.
#[must_use]
pub fn expand_path(pattern: &str, node: &str) -> String {
    let (name, host) = node.split_once('@').unwrap_or((node, ""));
    let domain = host.split_once('.').map_or("", |(_, domain)| domain);
    let marks = |mark| match mark {
        'n' => Some(name),
        'h' => Some(host),
        'd' => Some(domain),
        'p' => Some(node),
        'i' => Some("0"),
        'I' => Some(""),
        _ => None,
    };
    replace_marks(pattern, marks)
}

/// Replaces `%` and a letter; those that `marks` does not know stay.
fn replace_marks<'a>(pattern: &str, marks: impl Fn(char) -> Option<&'a str>) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match chars.next() {
            None | Some('%') => text.push('%'),
            Some(mark) => match marks(mark) {
                Some(value) => text.push_str(value),
                None => text.extend(['%', mark]),
            },
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{expand, expand_path};

    #[test]
    fn a_nodes_files_have_its_name() {
        for (pattern, path) in [
            ("/run/%n.pid", "/run/w1.pid"),
            ("%p%I.log", "w1@web.example.org.log"),
            ("%h-%d-%i-%%-%x%", "web.example.org-example.org-0-%-%x%"),
        ] {
            assert_eq!(expand_path(pattern, "w1@web.example.org"), path);
        }
    }

    #[test]
    fn node_names_follow_celery() {
        for (pattern, name) in [
            ("celery@%h", "celery@web.example.org"),
            ("w1", "celery@w1"),
            ("w%i@%n", "w0@web"),
            ("%n-%d", "celery@web-example.org"),
            ("a%%b@%x%", "a%b@%x%"),
        ] {
            assert_eq!(expand(pattern, "web.example.org"), name);
        }
        assert_eq!(expand("x@%n.%d", "alone"), "x@alone.");
    }
}
