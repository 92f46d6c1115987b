//! Migrations.

use super::*;
