//! Names that are written to do harm are text like any other.

use serde_json::json;

use super::open;
use crate::fixture::{self, HOSTILE};
use crate::site::Site;
use crate::tab::Tab;

pub(super) fn names_are_text(tab: &mut Tab<'_>, site: &Site) {
    harmless(tab);
    // No service of ours can have such a name; a server that lies can say one.
    let name = json!(HOSTILE).to_string();
    let text = json!(fixture::status()).to_string().replace("\"openai\"", &name);
    site.says_text(text.clone());
    tab.until("[...document.querySelectorAll('.open')].some((it) => it.textContent[0] === '<')");
    tab.picture("hostile-light");
    harmless(tab);
    assert_eq!(tab.value("checks.wrong()"), json!([]));
    tab.value(
        "[...document.querySelectorAll('.open')].find((it) => it.textContent[0] === '<').click()",
    );
    tab.until("document.getElementById('detail-title').textContent[0] === '<'");
    harmless(tab);
    open(tab, &site.url(), "#/anthropic");
    tab.until("document.querySelector('#detail table')");
    let models = tab.text("document.querySelector('#detail section[aria-label=Models]').innerText");
    assert!(models.contains(HOSTILE), "{models}");
    harmless(tab);
    for odd in ["{}", "{\"services\":3}", "[]", "null", "{\"services\":[{}],\"at\":1e300}"] {
        site.says_text(odd.to_owned());
    }
    site.says_text(text);
    tab.until("document.documentElement.dataset.link === 'live'");
    harmless(tab);
}

fn harmless(tab: &mut Tab<'_>) {
    let found =
        tab.value("[typeof window.broken, document.querySelectorAll('img, main b b').length]");
    assert_eq!(found, json!(["undefined", 0]));
    let shown = tab.value(&format!("document.body.textContent.includes({})", json!(HOSTILE)));
    assert_eq!(shown, json!(true), "it is shown as it is");
}
