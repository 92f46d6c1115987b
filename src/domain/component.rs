//! The kinds of record that the inventory holds.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A component as the request names it (`Servers`); its path at the Data API is the lower case.
///
/// Letters only, so that it can stand in a URL path. The set is open: the Data API decides what it serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Component(String);

/// A text that cannot name a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a component such as Servers (letters only, at most 40), got {0:?}")]
pub struct BadComponent(String);

impl Component {
    /// The path segment and collection name: lower case.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.to_lowercase()
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Component {
    type Err = BadComponent;

    fn from_str(text: &str) -> Result<Self, BadComponent> {
        let fits = !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphabetic());
        if fits { Ok(Self(text.to_owned())) } else { Err(BadComponent(text.chars().take(64).collect())) }
    }
}

impl TryFrom<String> for Component {
    type Error = BadComponent;

    fn try_from(text: String) -> Result<Self, BadComponent> {
        text.parse()
    }
}

impl From<Component> for String {
    fn from(component: Component) -> String {
        component.0
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_cannot_leave_its_path_segment() {
        assert_eq!("Servers".parse::<Component>().unwrap().path(), "servers");
        for bad in ["", "../adminer", "servers?x", "a/b", "serv ers"] {
            assert!(bad.parse::<Component>().is_err(), "{bad}");
        }
    }
}
