//! Ids of the platform's records: 24 hex digits, a MongoDB ObjectId.

use bson::oid::ObjectId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A text that is no platform id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 24 hex digits, got {0:?}")]
pub struct BadId(String);

macro_rules! platform_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(ObjectId);

        impl $name {
            /// The id as the databases hold it.
            #[must_use]
            pub fn object_id(self) -> ObjectId {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                ObjectId::parse_str(text).map(Self).map_err(|_| BadId(text.chars().take(64).collect()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_hex()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.to_hex())
            }
        }
    };
}

platform_id!(
    /// The id of a report, made by the platform's front API.
    ReportId
);
platform_id!(
    /// The user or team on whose behalf a report runs.
    OwnerId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_24_hex_digits_are_an_id() {
        assert_eq!("5C0000000000000000000ABC".parse::<ReportId>().unwrap().to_string(), "5c0000000000000000000abc");
        for bad in ["", "5c", "zz0000000000000000000abc", "5c0000000000000000000abc0", "twelve bytes"] {
            assert!(bad.parse::<OwnerId>().is_err(), "{bad}");
        }
    }
}
