//! Encrypted connections: whom they trust, what is told where they do not, and that they carry what plain ones carry.

mod amqps;
mod https;
mod mongodb;
mod whole;
