//! Addresses as people may see them: without passwords. Hides too much rather than too little.

/// The address without what may be a password: the part before the last `@` (but for a user name) and values in the
/// query string whose name tells of a secret. Text that is no address comes back as it is.
#[must_use]
pub fn url(text: &str) -> String {
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    // A password may itself hold any of `?/@`, so the last `@` counts, wherever it is.
    if query.contains('@') {
        return format!("{}***@{}", scheme(text), query.rsplit('@').next().map_or("", |host| host));
    }
    let mut shown = match text.rsplit_once('@') {
        None => text.to_owned(),
        Some((before, host)) => format!("{}{}@{host}", scheme(before), user(before)),
    };
    if !query.is_empty() {
        let pairs: Vec<String> = query.split('&').map(pair).collect();
        shown.push('?');
        shown.push_str(&pairs.join("&"));
    }
    shown
}

fn scheme(text: &str) -> &str {
    text.find("://").map_or("", |at| &text[..at + 3])
}

fn user(before: &str) -> String {
    let credentials = &before[scheme(before).len()..];
    match credentials.split_once(':') {
        Some((user, _)) if !scheme(before).is_empty() => format!("{user}:***"),
        Some(_) | None => "***".to_owned(),
    }
}

fn pair(pair: &str) -> String {
    let Some((name, _)) = pair.split_once('=') else { return pair.to_owned() };
    let lower = name.to_ascii_lowercase();
    let is_secret = ["pass", "secret", "token", "key"].iter().any(|word| lower.contains(word));
    if is_secret { format!("{name}=***") } else { pair.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::url;
    use proptest::prelude::*;

    #[test]
    fn only_the_password_is_hidden() {
        for (text, shown) in [
            ("amqp://guest:hunter2@h:5672//", "amqp://guest:***@h:5672//"),
            ("mongodb://u:hunter2@a:1,b:2/db?tls=true", "mongodb://u:***@a:1,b:2/db?tls=true"),
            (
                "mongodb://h/?tlsCertificateKeyFilePassword=hunter2&x=1",
                "mongodb://h/?tlsCertificateKeyFilePassword=***&x=1",
            ),
            ("amqp://a:hunter2@h;amqp://b:hunter2@i/v", "amqp://a:***@i/v"),
            ("http://hunter2@h", "http://***@h"),
            ("u:hunter2@h", "***@h"),
            ("mongodb://h:27017", "mongodb://h:27017"),
            ("./data", "./data"),
        ] {
            assert_eq!(url(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_password_survives(password in "[a-zA-Z0-9:/?@#&=]{0,8}hunter2[a-zA-Z0-9:/?@#&=]{0,8}") {
            let shown = url(&format!("amqp://user:{password}@host/v"));
            prop_assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
