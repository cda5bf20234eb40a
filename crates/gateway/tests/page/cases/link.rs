//! Figures come by themselves; when they do not, that is seen.

use serde_json::json;

use super::{forgive_the_network, open};
use crate::fixture::{self, NOW};
use crate::site::Site;
use crate::tab::Tab;

const LINK: &str = "document.documentElement.dataset.link";

pub(super) fn figures_change_as_they_come(tab: &mut Tab<'_>, site: &Site) {
    let meter = "document.querySelector('.card[data-service=anthropic] [role=meter]')";
    assert_eq!(tab.value(&format!("Number({meter}.dataset.value)")), json!(34));
    let mut status = fixture::status();
    status.at.0 += 1_000;
    status.services[0].sample.limits[0].available = 3;
    status.services[0].sample.queued = 99;
    status.alerts.remove(0);
    site.says(&status);
    tab.until(&format!("Number({meter}.dataset.value) === 43"));
    assert_eq!(tab.value(&format!("{meter}.getAttribute('aria-valuenow')")), json!("43"));
    assert_eq!(tab.value("document.querySelectorAll('.alert').length"), json!(1));
    assert_eq!(tab.text("document.getElementById('state').textContent"), "1 warning");
    let node = format!("window.kept = {meter}; true");
    tab.value(&node);
    for place in 0..400 {
        site.happens(&fixture::refusal(NOW + place, &format!("model-{place}")));
    }
    tab.until("document.querySelector('#log li').textContent.includes('model-399')");
    assert_eq!(tab.value("document.querySelectorAll('#log li').length"), json!(100));
    assert_eq!(tab.value(&format!("window.kept === {meter}")), json!(true), "it is not made anew");
}

pub(super) fn a_server_goes_and_comes_back(tab: &mut Tab<'_>, site: &Site) {
    site.goes_away();
    tab.until(&format!("{LINK} === 'reconnecting'"));
    assert_eq!(tab.text("document.getElementById('link').textContent"), "Reconnecting");
    tab.until(&format!("{LINK} === 'stale'"));
    tab.picture("stale-light");
    let old = tab.text("document.getElementById('old').innerText");
    assert!(old.contains("The figures below are old"), "{old}");
    assert_eq!(tab.value("checks.pale()"), json!([]));
    site.comes_back();
    tab.until(&format!("{LINK} === 'live' && document.getElementById('old').hidden"));
    forgive_the_network(tab);
}

pub(super) fn a_silent_stream_is_opened_anew(tab: &mut Tab<'_>, site: &Site) {
    let before = site.listeners();
    site.falls_silent();
    tab.until(&format!("{LINK} === 'stale'"));
    // What is said first on a new stream is heard.
    tab.until(&format!("{LINK} === 'live'"));
    assert!(site.listeners() > before, "it listens anew");
    site.comes_back();
}

pub(super) fn without_events_it_asks(tab: &mut Tab<'_>, site: &Site) {
    let identifier = tab.before("delete window.EventSource");
    tab.open(&site.url());
    tab.no_more(&identifier);
    tab.until(&format!("{LINK} === 'polling' && document.querySelectorAll('.card').length > 2"));
    site.says(&fixture::empty());
    tab.until("document.querySelector('#services .nothing')");
    open(tab, &site.url(), "");
}
