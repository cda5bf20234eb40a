//! The page as the program serves it, with its own policy, over limiters that really run.

use serde_json::json;

use super::{forgive_the_network, forms, open};
use crate::program::{Program, TOKEN};
use crate::site::Site;
use crate::tab::Tab;

/// Comes to nothing when every card shows what the status says, and otherwise to what differs.
const DIFFERENCES: &str = "(async () => { \
     const status = await (await fetch('/api/v1/status')).json(); const found = []; \
     for (const service of status.services) { \
     const card = [...document.querySelectorAll('.card')].find((it) => it.dataset.service === service.service); \
     if (!card) { found.push('no card: ' + service.service); continue; } \
     const meter = (selector) => Number((card.querySelector(selector) || { dataset: {} }).dataset.value); \
     if (meter('.stack') !== service.queued) found.push('queued: ' + service.service); \
     if (service.slots && meter('[data-slots=\"\"] [role=meter]') !== service.slots.held) found.push('held: ' + service.service); } \
     const throttled = status.services.reduce((sum, it) => sum + it.statistics.throttled_operations, 0); \
     if (Number(document.querySelector('[data-sum=throttled]').dataset.value) !== throttled) found.push('throttled'); \
     return found; })()";

pub(super) fn by_the_program(tab: &mut Tab<'_>, site: &Site) {
    let program = Program::serve("4s");
    open(tab, &program.url, "");
    tab.until("Number(document.querySelector('[data-sum=granted]').dataset.value) > 0");
    tab.until("document.querySelector('.card .l0').getAttribute('d').length > 20");
    figures_agree(tab);
    tab.picture("served-light");
    assert_eq!(tab.value("checks.wrong()"), json!([]));
    assert_eq!(tab.value("checks.pale()"), json!([]));
    service(tab, &program);
    let elsewhere: Vec<&String> =
        tab.requests().iter().rev().take(5).filter(|url| !url.starts_with(&program.url)).collect();
    assert_eq!(json!(elsewhere), json!([]));
    // The program ends when nobody listens to it any more.
    open(tab, &site.url(), "");
}

/// When nobody calls any more, both say the same.
fn figures_agree(tab: &mut Tab<'_>) {
    let script = format!(
        "new Promise(async (yes) => {{ const end = performance.now() + 15000; let found; \
         do {{ found = await {DIFFERENCES}; await new Promise((on) => setTimeout(on, 300)); }} \
         while (found.length && performance.now() < end); yes(found); }})"
    );
    assert_eq!(tab.value(&script), json!([]));
}

/// Its larger view, an explanation, and limits that are changed with the token and not without.
fn service(tab: &mut Tab<'_>, program: &Program) {
    open(tab, &program.url, "#/anthropic");
    tab.until("document.querySelector('[data-form=change]')");
    tab.picture("served-detail-light");
    let counted = "[...document.querySelectorAll('section[aria-label=\"Counted at the service\"] \
         td[data-value]')].slice(0, 3).map((it) => Number(it.dataset.value))";
    // Each call that was granted and not given up has arrived.
    let agree = format!("(([here, gone, there]) => here > 0 && here - gone === there)({counted})");
    tab.until(&agree);
    forms::into(tab, "explain", "Tokens", "900000000000");
    tab.press("Enter");
    tab.until("document.querySelector('[data-out=explain]').textContent.includes('never fit')");
    let out = "document.querySelector('[data-out=change]').textContent";
    forms::into(tab, "change", "Token", "wrong");
    tab.press("Enter");
    tab.until(&format!("{out}.startsWith('401')"));
    forgive_the_network(tab);
    limits(tab, "seventy requests per minute");
    tab.until(&format!("{out}.startsWith('422')"));
    forgive_the_network(tab);
    limits(tab, "77 requests per minute");
    tab.until(&format!("{out}.startsWith('Changed.')"));
    tab.until("document.querySelector('#detail .gauge .name').textContent.startsWith('77 requests per minute')");
}

fn limits(tab: &mut Tab<'_>, text: &str) {
    tab.value(&format!("document.querySelector('[data-form=change] textarea').value = '{text}'"));
    forms::into(tab, "change", "Token", TOKEN);
    tab.press("Enter");
}
