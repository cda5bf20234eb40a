//! Both themes can be read, every window will do, and who does not see is told.

use serde_json::json;

use super::open;
use crate::site::Site;
use crate::tab::Tab;

/// Where the page has something to show.
const PARTS: [(&str, &str); 2] = [("overview", ""), ("detail", "#/anthropic")];

pub(super) fn can_read_both_themes(tab: &mut Tab<'_>, site: &Site) {
    for scheme in ["light", "dark"] {
        tab.prefers(scheme);
        for (name, part) in PARTS {
            open(tab, &site.url(), part);
            tab.value("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
            tab.picture(&format!("{name}-{scheme}"));
            assert!(tab.value("document.body.innerText.length").as_u64() > Some(500));
            assert_eq!(tab.value("checks.pale()"), json!([]), "{name}, {scheme}");
        }
    }
}

pub(super) fn has_a_window_that_it_fits(tab: &mut Tab<'_>, site: &Site) {
    for width in [320, 360, 768, 1_400, 2_200] {
        tab.wide(width);
        for (name, part) in PARTS {
            open(tab, &site.url(), part);
            tab.picture(&format!("{name}-{width}"));
            let beyond = "(() => { const wide = document.documentElement.clientWidth; \
                 return document.documentElement.scrollWidth > wide ? \
                 [...document.querySelectorAll('body *')].filter((it) => checks.seen(it) && \
                 it.getBoundingClientRect().right > wide + 1).map(checks.where).slice(0, 5) \
                 : []; })()";
            assert_eq!(tab.value(beyond), json!([]), "{name} at {width}");
        }
    }
}

pub(super) fn is_told_what_things_are(tab: &mut Tab<'_>, site: &Site) {
    for (name, part) in PARTS {
        open(tab, &site.url(), part);
        tab.value("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
        tab.until(
            "[...document.querySelectorAll('details')].every((it) => it.querySelector('td'))",
        );
        assert_eq!(tab.value("checks.wrong()"), json!([]), "{name}");
    }
    let steps =
        "document.querySelectorAll('#detail details')[1].querySelectorAll('tbody tr').length";
    assert_eq!(tab.value(steps), json!(10));
}
