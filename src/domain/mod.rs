//! The nouns of the program: ids, table names, statuses, reports, rows and users' endpoints.
//!
//! No I/O and no clock here: whoever needs the time passes it in.

mod batch;
mod component;
mod endpoint;
mod id;
mod json;
mod report;
mod row;
mod status;
mod table;

pub use batch::{Batch, BatchRun};
pub use component::{BadComponent, Component};
pub use endpoint::{
    AddressRule, BadAllowed, BadEndpointUrl, BadSigningSecret, Endpoint, EndpointUrl, NotAllowed, SigningSecret,
};
pub use id::{BadId, OwnerId, ReportId};
pub use json::{JsonRow, JsonValue, iso};
pub use report::{NewReport, Report, StageSeconds};
pub use row::{Dialect, Row, RowReader, cast_row, is_date_key, is_id_key, parse_date};
pub use status::{BadStatus, Status};
pub use table::{BadTableName, ReportType, TableName};
