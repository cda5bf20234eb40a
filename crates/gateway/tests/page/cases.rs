//! What the page is tried with, each case on a page that was opened anew.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fixture;
use crate::site::Site;
use crate::tab::Tab;

mod alone;
mod everybody;
mod figures;
mod forms;
mod hostile;
mod keys;
mod link;
mod served;

/// What a case does with the page.
pub(crate) type Case = fn(&mut Tab<'_>, &Site);

/// Every case, with its name.
pub(crate) const ALL: [(&str, Case); 16] = [
    ("figures are those of the status", figures::are_those_of_the_status),
    ("a service has a larger view with more of them", figures::of_one_service),
    ("nothing is shown where there is nothing", figures::of_nothing),
    ("figures change as they come", link::figures_change_as_they_come),
    ("a server that goes away is missed until it is back", link::a_server_goes_and_comes_back),
    ("a silent stream is opened anew", link::a_silent_stream_is_opened_anew),
    ("without events it asks", link::without_events_it_asks),
    ("names are text", hostile::names_are_text),
    ("every stop is reached by keys", keys::reach_every_stop),
    ("keys select, read out and go back", keys::select_and_read_out),
    ("both themes can be read", everybody::can_read_both_themes),
    ("it fits every window", everybody::has_a_window_that_it_fits),
    ("everything has a name and a role", everybody::is_told_what_things_are),
    ("forms show what was answered", forms::show_what_was_answered),
    ("it asks its own server and keeps within bounds", alone::asks_its_own_server_only),
    ("the program serves it", served::by_the_program),
];

/// Runs a case; what it leaves behind is cleared away before.
pub(crate) fn run(case: Case, tab: &mut Tab<'_>, site: &Site) -> Result<(), String> {
    site.comes_back();
    site.says(&fixture::status());
    let tried = catch_unwind(AssertUnwindSafe(|| {
        tab.wide(1_400);
        tab.prefers("light");
        tab.complaints();
        open(tab, &site.url(), "");
        case(tab, site);
        let complaints = tab.complaints();
        assert!(complaints.is_empty(), "the page complains: {complaints:#?}");
    }));
    tried.map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        let text = text.or_else(|| why.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        format!("{}; the page complains: {:#?}", text.unwrap_or_default(), tab.complaints())
    })
}

/// Opens the page at `part`, and waits until it shows figures.
fn open(tab: &mut Tab<'_>, url: &str, part: &str) {
    tab.open(&format!("{url}{part}"));
    tab.value(include_str!("checks.js"));
    tab.until("document.documentElement.dataset.link === 'live'");
}

/// The browser itself complains of every request that fails; where one had to, that is no fault of the page.
fn forgive_the_network(tab: &mut Tab<'_>) {
    let complaints = tab.complaints();
    let other: Vec<_> = complaints.iter().filter(|it| !it.starts_with("network: ")).collect();
    assert!(!complaints.is_empty() && other.is_empty(), "{other:#?}");
}
