//! The names of report tables: `<report_id>_general` or `<report_id>_pivot`.

use super::{BadId, ReportId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The two kinds of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportType {
    /// One component and filters.
    General,
    /// Clients, systems, applications and servers joined.
    Pivot,
}

impl ReportType {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Pivot => "pivot",
        }
    }
}

impl FromStr for ReportType {
    type Err = BadTableName;

    fn from_str(text: &str) -> Result<Self, BadTableName> {
        match text {
            "general" => Ok(Self::General),
            "pivot" => Ok(Self::Pivot),
            _ => Err(BadTableName::Type(text.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for ReportType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The table that holds the rows of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    /// The report.
    pub report: ReportId,
    /// Its kind.
    pub kind: ReportType,
}

/// A text that is no table name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTableName {
    /// There is no underscore between id and type.
    #[error("expected <report_id>_general or <report_id>_pivot, got {0:?}")]
    Shape(String),
    /// The part before the underscore is no id.
    #[error("the part before the underscore: {0}")]
    Id(#[from] BadId),
    /// The part after the underscore is no type.
    #[error("expected general or pivot, got {0:?}")]
    Type(String),
}

impl TableName {
    /// The table of a report.
    #[must_use]
    pub fn new(report: ReportId, kind: ReportType) -> Self {
        Self { report, kind }
    }
}

impl FromStr for TableName {
    type Err = BadTableName;

    fn from_str(text: &str) -> Result<Self, BadTableName> {
        let Some((id, kind)) = text.split_once('_') else {
            return Err(BadTableName::Shape(text.chars().take(64).collect()));
        };
        Ok(Self { report: id.parse()?, kind: kind.parse()? })
    }
}

impl TryFrom<String> for TableName {
    type Error = BadTableName;

    fn try_from(text: String) -> Result<Self, BadTableName> {
        text.parse()
    }
}

impl From<TableName> for String {
    fn from(table: TableName) -> String {
        table.to_string()
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.report, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_an_id_and_a_type() {
        let name = "5c0000000000000000000001_pivot";
        assert_eq!(name.parse::<TableName>().unwrap().to_string(), name);
        for bad in [
            "",
            "x_general",
            "5c0000000000000000000001",
            "5c0000000000000000000001_other",
            "5c0000000000000000000001_general_x",
        ] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
    }
}
