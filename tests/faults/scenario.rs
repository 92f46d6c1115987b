//! A scenario, and the account that it keeps of its reports.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Mutex;

/// Something that breaks, and what must hold all the same.
pub(crate) struct Scenario {
    /// What breaks, as words joined by `_` after the part's name.
    pub(crate) name: &'static str,
    /// Breaks it and looks; panics where something does not hold.
    pub(crate) run: fn(&Account),
}

/// What a scenario did and found.
#[derive(Debug, Default)]
pub(crate) struct Account(Mutex<Sums>);

/// The figures of an account.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Reports requested.
    pub(crate) reports: u64,
    /// Faults injected.
    pub(crate) faults: u64,
    /// Rows that a report should hold and does not.
    pub(crate) lost: u64,
    /// Rows that a table holds more than once, or that it should not hold.
    pub(crate) doubled: u64,
    /// Reports that did not end.
    pub(crate) unended: u64,
}

impl Scenario {
    /// Runs it; its figures.
    ///
    /// # Panics
    /// Where something does not hold, a row lost or doubled and a report without an end included.
    pub(crate) fn account(&self) -> Sums {
        let account = Account::default();
        (self.run)(&account);
        let sums = account.sums();
        assert!(sums.reports > 0 && sums.faults > 0, "{}: nothing was run or broken: {sums:?}", self.name);
        assert_eq!((sums.lost, sums.doubled, sums.unended), (0, 0, 0), "{}: {sums:?}", self.name);
        sums
    }
}

impl Account {
    /// A report was requested; it counts as without an end until [`Account::ended`].
    pub(crate) fn requested(&self) {
        let mut sums = self.0.lock().unwrap();
        sums.reports += 1;
        sums.unended += 1;
    }

    /// A report has ended.
    pub(crate) fn ended(&self) {
        self.0.lock().unwrap().unended -= 1;
    }

    /// Something was broken.
    pub(crate) fn fault(&self) {
        self.0.lock().unwrap().faults += 1;
    }

    /// Compares the ids of a table's rows with those that it should hold.
    pub(crate) fn rows<Id: Ord + Display>(
        &self,
        expected: impl IntoIterator<Item = Id>,
        found: impl IntoIterator<Item = Id>,
    ) {
        let mut balance = BTreeMap::<Id, i64>::new();
        expected.into_iter().for_each(|id| *balance.entry(id).or_default() -= 1);
        found.into_iter().for_each(|id| *balance.entry(id).or_default() += 1);
        let mut sums = self.0.lock().unwrap();
        for count in balance.into_values() {
            sums.lost += count.min(0).unsigned_abs();
            sums.doubled += count.max(0).unsigned_abs();
        }
    }

    fn sums(&self) -> Sums {
        *self.0.lock().unwrap()
    }
}
