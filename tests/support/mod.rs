//! What the integration tests share: real servers and the built program.

pub(crate) mod fleet;
pub(crate) mod http;
pub(crate) mod mongo;
pub(crate) mod platform;
pub(crate) mod program;
pub(crate) mod python;
pub(crate) mod rabbit;
pub(crate) mod receiver;
pub(crate) mod tls;
pub(crate) mod tools;
