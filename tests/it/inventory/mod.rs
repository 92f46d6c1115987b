//! The inventory: its matcher against a MongoDB server, and the built program over folders of files.

mod matcher;
