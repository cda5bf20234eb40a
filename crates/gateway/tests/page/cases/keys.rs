//! Whoever has no mouse gets everywhere.

use serde_json::json;

use super::open;
use crate::site::Site;
use crate::tab::Tab;

pub(super) fn reach_every_stop(tab: &mut Tab<'_>, site: &Site) {
    every_stop(tab);
    open(tab, &site.url(), "#/anthropic");
    tab.until("document.querySelector('#detail form')");
    every_stop(tab);
}

/// Goes from stop to stop until the first comes again.
fn every_stop(tab: &mut Tab<'_>) {
    tab.value("document.activeElement.blur(); window.reached = new Set(); window.dull = []; true");
    let stops = tab.value("checks.stops().length").as_u64().expect("a count");
    for _ in 0..stops + 3 {
        tab.press("Tab");
        tab.value(
            "(() => { const at = document.activeElement; if (at === document.body) return; \
             window.reached.add(at); const style = getComputedStyle(at); \
             if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) \
             window.dull.push(checks.where(at)); })()",
        );
    }
    let missed = "checks.stops().filter((it) => !window.reached.has(it)).map(checks.where)";
    assert_eq!(tab.value(missed), json!([]), "not reached");
    assert_eq!(tab.value("window.dull"), json!([]), "reached, and that is not seen");
}

pub(super) fn select_and_read_out(tab: &mut Tab<'_>, site: &Site) {
    tab.value("document.querySelector('.card[data-service=anthropic] .open').focus()");
    tab.press("Enter");
    tab.until("document.activeElement.id === 'detail-title'");
    assert_eq!(tab.value("checks.seen(document.getElementById('services'))"), json!(false));
    tab.value("document.querySelectorAll('#detail .plot')[1].focus()");
    let said = "document.activeElement.getAttribute('aria-valuetext')";
    let now = tab.text(said);
    tab.press("Home");
    let first = tab.text(said);
    tab.press("ArrowRight");
    let second = tab.text(said);
    assert!(now != first && first != second, "{now} {first} {second}");
    tab.press("End");
    tab.press("ArrowLeft");
    let granted = tab.text(said);
    assert!(granted.contains("granted ") && !granted.contains("granted unknown"), "{granted}");
    let read = tab.text("document.activeElement.parentElement.querySelector('.read').textContent");
    assert!(granted.split(": ").next().is_some_and(|time| read.contains(time)), "{read}");
    tab.press("Escape");
    tab.until("document.activeElement.closest('.card').dataset.service === 'anthropic'");
    theme(tab, site);
}

/// A theme is chosen by a key, and remembered.
fn theme(tab: &mut Tab<'_>, site: &Site) {
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = tab.text(ground);
    tab.value("document.getElementById('theme').focus()");
    tab.press("Enter");
    assert_eq!(tab.text("document.documentElement.dataset.theme"), "light");
    assert_eq!(tab.text(ground), light);
    tab.press("Enter");
    assert_eq!(tab.text("document.documentElement.dataset.theme"), "dark");
    assert_ne!(tab.text(ground), light);
    open(tab, &site.url(), "");
    assert_eq!(tab.text("document.getElementById('theme').textContent"), "Theme: dark");
    tab.value("document.getElementById('theme').click()");
    assert_eq!(tab.text("localStorage.getItem('tidegate.theme')"), "auto");
}
