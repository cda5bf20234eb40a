//! The page at `/`, in a real browser: what it shows is what the status says, for everybody, and it stays so.
//!
//! A site of the test's own says what the page is to show, so that every state comes about at will; the last
//! case asks the program itself. One browser and one page serve all cases, one after another.
//!
//! `TIDEGATE_CASE` names a part of the names of those that are run; without it all are.
//!
//! Without a browser nothing of this is run, and that is said; with `TIDEGATE_TOOLS=required` it is an error.

mod browser;
mod cases;
mod document;
mod fixture;
mod program;
mod site;
mod tab;

use std::env;

use crate::browser::{Browser, program};
use crate::site::Site;
use crate::tab::Tab;

#[test]
fn the_page_shows_what_the_status_says_to_everybody() {
    let Some(program) = program() else {
        assert!(
            env::var("TIDEGATE_TOOLS").as_deref() != Ok("required"),
            "no chromium in the path: install it, or name it in TIDEGATE_CHROMIUM"
        );
        eprintln!("the page was not tried: there is no chromium in the path");
        return;
    };
    let site = Site::start();
    let mut browser = Browser::start(&program);
    let mut tab = Tab::new(&mut browser);
    let mut failed = Vec::new();
    let wanted = env::var("TIDEGATE_CASE").unwrap_or_default();
    for (name, case) in cases::ALL.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let result = cases::run(case, &mut tab, &site);
        if let Err(why) = result {
            failed.push(format!("{name}: {why}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
