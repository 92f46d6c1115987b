//! The table of chart rules, contract §7.
