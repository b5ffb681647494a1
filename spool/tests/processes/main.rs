//! A journal and processes: killed between any two steps, nothing is lost and nothing comes twice; and of two that want
//! a journal at once, one gets it.
//!
//! This program is its own child: with `JOURNAL_CHILD` set it does what that says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod child;
mod killed;
mod owners;
mod store;

use std::process::ExitCode;

use botstore_spool::Step;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Ok(orders) = std::env::var(child::ORDERS) {
        child::obey(&orders);
        return ExitCode::SUCCESS;
    }
    let mut trials: Vec<_> = Step::ALL
        .into_iter()
        .map(|step| {
            let name = format!("killed::after_{step:?}").to_lowercase();
            Trial::test(name, move || {
                killed::after(step);
                Ok(())
            })
        })
        .collect();
    trials.push(Trial::test("owners::a_second_process_is_refused_and_takes_up_what_a_dead_one_left", || {
        owners::of_two_processes();
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
