//! Actors on virtual time.

use std::future::Future;

use actix::System;

/// Runs a test on one arbiter whose time stands still until everybody waits.
///
/// # Panics
///
/// Where no runtime can be made, and where the test does.
pub fn on_virtual_time(test: impl Future<Output = ()>) {
    let runtime = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().expect("a runtime")
    };
    System::with_tokio_rt(runtime).block_on(test);
}
