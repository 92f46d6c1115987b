//! Anything at all at every border: nothing panics, hangs, or is answered as a failure of ours.
//!
//! Each target runs the same cases every time, then others for a while. `MAESTRO_FUZZ_SECONDS` gives each more time
//! (`make fuzz`), `MAESTRO_FUZZ_SEED` repeats what a failure has printed. What a target finds gets a test of its own,
//! beside the code that was mended.

mod answers;
mod filters;
mod inputs;
mod messages;
mod requests;
mod tokens;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The time of one target.
const SECONDS: u64 = 8;
/// Cases that are the same in every run, at most for half of the time.
const SAME_CASES: usize = 200;
/// A single case that takes longer counts as hanging.
const LONGEST_CASE: Duration = Duration::from_secs(20);

/// What became of a case: a word such as `refused`, or why it is a failure.
type Outcome = Result<&'static str, TestCaseError>;

/// Checks values of the strategy until the time is over; a failure is made small and told with its seed. Each outcome in
/// `wanted` must have come up: a target that never gets past the first check shows nothing.
#[expect(clippy::print_stdout, reason = "shown where the test is asked to show its output")]
fn fuzz<S: Strategy>(strategy: &S, wanted: &[&str], check: impl Fn(S::Value) -> Outcome) {
    let seen = RefCell::new(BTreeMap::<&str, u64>::new());
    let check = |value| {
        *seen.borrow_mut().entry(check(value)?).or_default() += 1;
        Ok(())
    };
    let seconds = std::env::var("MAESTRO_FUZZ_SECONDS").ok().map_or(SECONDS, |text| text.parse().unwrap());
    let (began, time) = (Instant::now(), Duration::from_secs(seconds));
    let given = std::env::var("MAESTRO_FUZZ_SEED").ok().map(|text| text.parse().unwrap());
    if given.is_none() {
        run(0, strategy, &check, SAME_CASES, began + time / 2);
    }
    run(given.unwrap_or_else(rand::random), strategy, &check, usize::MAX, began + time);
    let seen = seen.into_inner();
    assert!(wanted.iter().all(|outcome| seen.contains_key(outcome)), "{seen:?}");
    println!("{seen:?}");
}

fn run<S: Strategy>(
    seed: u64,
    strategy: &S,
    check: &impl Fn(S::Value) -> Result<(), TestCaseError>,
    cases: usize,
    until: Instant,
) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_time: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    for case in 0..cases {
        if Instant::now() > until {
            break;
        }
        let tree = strategy.new_tree(&mut runner).unwrap();
        let checked = runner.run_one(tree, |value| {
            let began = Instant::now();
            check(value)?;
            let took = began.elapsed();
            if took < LONGEST_CASE { Ok(()) } else { Err(TestCaseError::fail(format!("it took {took:?}"))) }
        });
        match checked {
            Ok(_) => {}
            Err(TestError::Fail(why, value)) => {
                panic!("case {case} of MAESTRO_FUZZ_SEED={seed}: {why}\nsmallest: {value:?}")
            }
            Err(TestError::Abort(why)) => panic!("case {case} of MAESTRO_FUZZ_SEED={seed}: {why}"),
        }
    }
}
