//! The page asks its own server and nobody else, and does not grow.

use serde_json::json;

use crate::fixture;
use crate::site::Site;
use crate::tab::Tab;

/// Enough to run over every bound.
const STATUSES: u64 = 4_000;

pub(super) fn asks_its_own_server_only(tab: &mut Tab<'_>, site: &Site) {
    let mut status = fixture::status();
    let nodes = "document.querySelectorAll('*').length";
    let before = tab.value(nodes).as_u64().expect("a count");
    for _ in 0..STATUSES {
        status.at.0 += 1_000;
        status.services[0].sample.granted_by_gate += 3;
        site.says(&status);
    }
    let share = "Number(document.querySelector('[data-fact=wait] dd').dataset.value) > 0";
    tab.until(share);
    let after = tab.value(nodes).as_u64().expect("a count");
    assert!(after <= before + 50, "{before} elements became {after}");
    let elsewhere: Vec<&String> = tab
        .requests()
        .iter()
        .filter(|url| !url.starts_with(&site.url()) && *url != "about:blank")
        .filter(|url| *url != "data:,")
        .collect();
    assert_eq!(json!(elsewhere), json!([]));
    let paths = tab.requests().iter().filter_map(|url| url.strip_prefix(&site.url()));
    assert!(paths.clone().count() > 10, "requests are seen");
    for path in paths {
        assert!(path.is_empty() || path.starts_with('#') || path.starts_with("api/v1/"), "{path}");
    }
}
