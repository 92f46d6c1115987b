//! A report from request to stored rows, on both sets of parts: every test drives processes of the built program.

mod chain;
mod failures;
mod messages;
mod one_command;
mod platform_schedules;
mod timetable;
