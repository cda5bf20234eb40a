//! The figures on the page are those of the status.

use serde_json::{Value, json};
use tidegate_observability::status::share;
use tidegate_observability::{LimitSample, ServiceStatus, Status};

use super::open;
use crate::fixture;
use crate::site::Site;
use crate::tab::Tab;

/// What every gauge says, by its limit.
const GAUGES: &str = "[...document.querySelectorAll('.gauge[data-limit]')].filter(checks.seen).map((it) => { \
     const meter = it.querySelector('[role=meter]'); \
     return [meter.getAttribute('aria-label'), Number(meter.dataset.value), \
     Number(meter.getAttribute('aria-valuenow')), Number(meter.getAttribute('aria-valuemax')), \
     it.querySelector('.foot').innerText.includes('owed')]; })";

pub(super) fn are_those_of_the_status(tab: &mut Tab<'_>, _: &Site) {
    tab.picture("overview-light");
    let status = fixture::status();
    gauges(tab, &status);
    for service in &status.services {
        card(tab, service);
    }
    let open = status.alerts.iter().filter(|alert| alert.resolved_at.is_none());
    let texts: Vec<String> = open
        .map(|alert| format!("{}: {}", alert.service.as_ref().expect("it has one"), alert.text))
        .collect();
    let shown = tab.value("[...document.querySelectorAll('.alert p')].map((it) => it.textContent)");
    assert_eq!(shown, json!(texts));
    assert_eq!(tab.text("document.getElementById('state').textContent"), "1 critical, 1 warning");
    assert_eq!(tab.text("document.getElementById('state').dataset.tone"), "bad");
    let sums = tab.value(
        "Object.fromEntries([...document.querySelectorAll('[data-sum]')].map((it) => \
         [it.dataset.sum, Number(it.dataset.value)]))",
    );
    let throttled =
        status.services.iter().map(|it| it.statistics.throttled_operations).sum::<u64>();
    assert_eq!((&sums["queued"], &sums["throttled"]), (&json!(37), &json!(throttled)));
    assert_close(&sums["granted"], 0.7);
    assert_close(&sums["refused"], 5.05);
    let events = "[...document.querySelectorAll('#log li')].map((it) => it.dataset.event)";
    assert_eq!(tab.value(events), json!(["refused", "refused", "throttled", "refused"]));
}

/// Every limit of every service and the shared ones: their use, as figures and as gauges.
fn gauges(tab: &mut Tab<'_>, status: &Status) {
    let shown = tab.value(GAUGES);
    let shown = shown.as_array().expect("a list");
    let limits: Vec<&LimitSample> = status
        .services
        .iter()
        .flat_map(|service| service.sample.all_limits())
        .chain(&status.shared)
        .collect();
    assert_eq!(shown.len(), limits.len());
    for (gauge, limit) in shown.iter().zip(limits) {
        let figures = json!([limit.used(), limit.used(), limit.capacity, limit.debt > 0]);
        assert_eq!(json!([gauge[1], gauge[2], gauge[3], gauge[4]]), figures, "{gauge}");
        let name = gauge[0].as_str().expect("a text");
        assert!(name.contains(&limit.dimension.to_string().replace('_', " ")), "{name}");
        assert!(name.contains(limit.of.as_str()), "{name}");
    }
}

fn card(tab: &mut Tab<'_>, service: &ServiceStatus) {
    let of = |part: &str| {
        let name = service.sample.service.as_str();
        format!("document.querySelector('.card[data-service=\"{name}\"] {part}')")
    };
    let queued = tab.value(&format!("Number({}.dataset.value)", of(".stack")));
    assert_eq!(queued, json!(service.sample.queued));
    let by_class = tab.value(&format!(
        "Object.fromEntries([...{}.querySelectorAll('[data-class]')].map((it) => \
         [it.dataset.class, Number(it.dataset.value)]))",
        of(".queue")
    ));
    assert_eq!(by_class, json!(service.sample.queued_by_class));
    let granted = tab.value(&format!("Number({}.dataset.granted)", of("[data-granted]")));
    assert_close(&granted, service.trends.minute.granted_per_second);
    let most =
        service.sample.all_limits().map(|it| share(it.used(), it.capacity)).fold(0.0, f64::max);
    let shown = tab.value(&format!("Number({}.dataset.value)", of(".plots .num")));
    assert_close(&shown, most);
    for pace in &service.sample.paces {
        let shown = of(&format!("[data-fact=pace-{}] dd", pace.dimension));
        assert_close(&tab.value(&format!("Number({shown}.dataset.value)")), pace.per_second);
    }
    if let Some(slots) = service.sample.slots {
        let meter = of(".gauge[data-slots] [role=meter]");
        let shown = tab.value(&format!("{meter}.getAttribute('aria-valuetext')"));
        assert_eq!(shown, json!(format!("{} of {} under way", slots.held, slots.slots)));
    }
}

pub(super) fn of_one_service(tab: &mut Tab<'_>, site: &Site) {
    open(tab, &site.url(), "#/anthropic");
    tab.until("document.getElementById('detail-title').textContent === 'anthropic'");
    tab.picture("detail-light");
    let status = fixture::status();
    let service = &status.services[0];
    let cells = |table: &str| {
        format!(
            "[...document.querySelectorAll('#detail section[aria-label=\"{table}\"] tbody tr')]\
             .map((row) => [...row.querySelectorAll('[data-value]')].map((it) => \
             Number(it.dataset.value)))"
        )
    };
    let waits = tab.value(&cells("Waits and figures"));
    let minute = service.trends.minute.wait_ms.expect("somebody waited");
    for (shown, expected) in [minute.p50, minute.p90, minute.p99].into_iter().enumerate() {
        assert_close(&waits[0][shown], expected);
    }
    let refusals = tab.value(&cells("Refused by reason"));
    assert_eq!(refusals, json!([[61], [20], [4], [3]]));
    let models = tab.value(&cells("Models"));
    assert_eq!(models[0], json!([6_905, 69, 6_902 * 760 + 77]));
    assert_eq!(models.as_array().map(Vec::len), Some(3));
    let counted = tab.value(&cells("Counted at the service"));
    let here = service.sample.granted();
    assert_eq!([&counted[0][0], &counted[2][0]], [&json!(here), &json!(11_902)]);
    let ahead =
        tab.text("document.querySelector('#detail .notes').innerText.replaceAll('\\u00a0', ' ')");
    let forecast = "used up in about 40 min (25 min to 1 h 10 min), before it resets";
    assert!(ahead.contains(forecast), "{ahead}");
    assert!(ahead.contains(&service.advice[0].text), "{ahead}");
    let plots = "[...document.querySelectorAll('#detail .plot path')].filter((it) => \
         it.getAttribute('class')[0] === 'l' && it.getAttribute('d').length > 100).length";
    assert_eq!(tab.value(plots), json!(10), "limits, flows, paces, a queue");
}

pub(super) fn of_nothing(tab: &mut Tab<'_>, site: &Site) {
    site.says(&fixture::empty());
    tab.until("document.querySelector('#services .nothing')");
    tab.picture("empty-light");
    assert_eq!(tab.text("document.getElementById('state').textContent"), "All clear");
    assert_eq!(tab.value("document.querySelectorAll('.card, .alert').length"), json!(1));
    assert_eq!(tab.value("checks.seen(document.getElementById('shared-part'))"), json!(false));
    assert_eq!(tab.value("checks.wrong()"), json!([]));
}

fn assert_close(shown: &Value, expected: f64) {
    let shown = shown.as_f64().unwrap_or(f64::NAN);
    assert!((shown - expected).abs() < 1e-6, "{shown} is shown for {expected}");
}
