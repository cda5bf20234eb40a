//! What is asked by a form reaches the server, and its answer is shown, whatever it is.

use serde_json::json;

use super::{forgive_the_network, open};
use crate::site::Site;
use crate::tab::Tab;

pub(super) fn show_what_was_answered(tab: &mut Tab<'_>, site: &Site) {
    open(tab, &site.url(), "#/anthropic");
    tab.until("document.querySelector('[data-form=explain]')");
    explain(tab, site);
    change(tab, site);
}

fn explain(tab: &mut Tab<'_>, site: &Site) {
    into(tab, "explain", "Tokens", "1200");
    into(tab, "explain", "Key", "agent=planner");
    tab.press("Enter");
    let out = "document.querySelector('[data-out=explain]').textContent";
    tab.until(&format!("{out}.includes('It would wait about 3.2 s:')"));
    let asked = site.asked().pop().expect("it was asked");
    assert_eq!(asked.what, "POST /api/v1/services/anthropic/explain");
    let body = json!({
        "requests": 1, "tokens": 1_200, "keys": { "agent": "planner" }, "priority": "normal",
    });
    assert_eq!((asked.body, asked.token), (body, None));
}

fn change(tab: &mut Tab<'_>, site: &Site) {
    let out = "document.querySelector('[data-out=change]')";
    into(tab, "change", "Token", "wrong");
    tab.press("Enter");
    tab.until(&format!("{out}.textContent === '401 no such token: the token is wrong'"));
    assert_eq!(tab.text(&format!("{out}.dataset.tone")), "bad");
    forgive_the_network(tab);
    tab.value("document.querySelector('[data-form=change] textarea').value = \n'60 requests per 1m\\n\\n'");
    into(tab, "change", "Token", "right");
    tab.press("Enter");
    tab.until(&format!("{out}.textContent.startsWith('Changed.')"));
    tab.picture("forms-light");
    let asked = site.asked().pop().expect("it was asked");
    assert_eq!(asked.what, "PATCH /api/v1/services/anthropic");
    assert_eq!(asked.token.as_deref(), Some("Bearer right"));
    assert_eq!(asked.body, json!({ "limits": ["60 requests per 1m"], "carry": "additive" }));
    let kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])";
    assert!(!tab.text(kept).contains("right"), "the token is kept nowhere");
}

/// Writes into the field of a form whose label begins so.
pub(super) fn into(tab: &mut Tab<'_>, form: &str, label: &str, text: &str) {
    tab.value(&format!(
        "(() => {{ const field = [...document.querySelectorAll('[data-form={form}] label')]\
         .find((it) => it.textContent.startsWith('{label}')).querySelector('input'); \
         field.value = ''; field.focus(); }})()"
    ));
    tab.write(text);
}
