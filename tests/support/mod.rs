//! What the integration tests share: real servers and the built program.

pub mod mongo;
pub mod program;
pub mod rabbit;
