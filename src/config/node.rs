//! The node name of a worker, by Celery's rules.

/// Completes a node name: without `@` it goes behind `celery@`; `%h` is the host name, `%n` its first label, `%d` the
/// rest, `%i` the process index (always 0 here), `%%` a percent sign. Other marks stay as they are.
#[must_use]
pub(super) fn expand(pattern: &str, host: &str) -> String {
    let (label, domain) = host.split_once('.').unwrap_or((host, ""));
    let mut name = if pattern.contains('@') { String::new() } else { "celery@".to_owned() };
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            name.push(c);
            continue;
        }
        match chars.next() {
            Some('h') => name.push_str(host),
            Some('n') => name.push_str(label),
            Some('d') => name.push_str(domain),
            Some('i') => name.push('0'),
            Some('%') => name.push('%'),
            Some(other) => name.extend(['%', other]),
            None => name.push('%'),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::expand;

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
