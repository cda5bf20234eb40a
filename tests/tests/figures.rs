//! Every surface shows the same numbers, and they are those that the service counted: samples, the text that is
//! scraped, the status as it is read back from its JSON, reports and `usage()`, through the real actors (OBS-4).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tidegate::{
    AcquireError, Cost, Dimension, Handle, Observation, Outcome, Priority, ReportBy, ReportQuery,
    ReportRow, Sample, ServiceConfig, ServiceSample, Span, Status, Tidegate,
};
use tidegate_simulator::{
    Behaviour, DimensionLimit, HeaderStyle, Provider, ProviderLimits, Rate, Reply, Tally,
};
use tidegate_tests::on_virtual_time;
use tidegate_units::Instant;

/// What the callers and the service wrote down, each for itself.
#[derive(Debug, Default)]
struct Books {
    refused: Cell<u64>,
    withdrawn: Cell<u64>,
    cancelled: Cell<u64>,
    /// Tokens of the calls that the service did.
    tokens: Cell<u64>,
    by_model: RefCell<BTreeMap<&'static str, u64>>,
    refused_by_model: RefCell<BTreeMap<&'static str, u64>>,
    by_agent: RefCell<BTreeMap<String, u64>>,
}

fn add(cell: &Cell<u64>, more: u64) {
    cell.set(cell.get() + more);
}

/// A service that refuses a little earlier than Tidegate is told, so that it has something to say.
fn provider() -> Provider {
    let rate = Rate::from_micros_per_second(1_600_000).expect("in range");
    let requests = DimensionLimit::bucket(rate, Span::from_secs(20), Span::from_secs(60));
    let behaviour = Behaviour::new(HeaderStyle::None, 0.0, 0.02);
    Provider::new(&ProviderLimits::requests(requests), behaviour, 7)
}

fn start() -> (Tidegate, Handle) {
    let limits = ["120 requests per minute", "60_000 tokens per minute"];
    let service = ServiceConfig::limited(limits.map(|text| text.parse().expect("a limit")));
    let shared = "110 requests per minute".parse().expect("a limit");
    let builder = Tidegate::builder().service("model", service).expect("a name");
    let builder = builder.service("idle", ServiceConfig::default()).expect("a name");
    let tidegate = builder.global_limit(shared).start().expect("it starts");
    let handle = tidegate.service("model").expect("configured");
    (tidegate, handle)
}

/// One call of many, different from the others by its number.
async fn call(number: u64, handle: Handle, provider: Rc<RefCell<Provider>>, books: Rc<Books>) {
    let model = ["small", "large", "vision"][index(number, 3)];
    let agent = format!("agent-{}", number % 7);
    let class = Priority::ALL[index(number, 5)];
    let request = handle.request().tokens(200 + number % 300).priority(class);
    let request = request.model(model).key("agent", &agent);
    let permit = match number % 11 {
        0 => request.try_acquire(),
        1 => {
            let patience = Duration::from_millis(700 + number % 5);
            let Ok(granted) = tokio::time::timeout(patience, request.acquire()).await else {
                return add(&books.withdrawn, 1);
            };
            granted
        }
        _ => request.within(Duration::from_secs(number % 40)).acquire().await,
    };
    let permit = match permit {
        Ok(permit) => permit,
        Err(AcquireError::Later(_) | AcquireError::Never(_)) => {
            *books.refused_by_model.borrow_mut().entry(model).or_default() += 1;
            return add(&books.refused, 1);
        }
        Err(other) => panic!("{other}"),
    };
    *books.by_model.borrow_mut().entry(model).or_default() += 1;
    *books.by_agent.borrow_mut().entry(agent).or_default() += 1;
    if number.is_multiple_of(13) {
        add(&books.cancelled, 1);
        return if number.is_multiple_of(2) { permit.cancel() } else { drop(permit) };
    }
    let actual = 100 + number % 500;
    let reply = provider.borrow_mut().arrive(now(), actual, 0);
    let observation = match reply {
        Reply::Ok { .. } => {
            tokio::time::sleep(Duration::from_millis(200 + number % 900)).await;
            add(&books.tokens, actual);
            Observation::ok().actual(Cost::request().tokens(actual))
        }
        Reply::RateLimited { .. } => Observation::new(Outcome::RateLimited).actual(Cost::request()),
        Reply::Overloaded => Observation::new(Outcome::Overloaded).actual(Cost::request()),
    };
    permit.settle(observation);
}

fn index(number: u64, of: u64) -> usize {
    usize::try_from(number % of).expect("it is small")
}

/// The service's own clock: virtual, and none of Tidegate's.
fn now() -> Instant {
    thread_local! {
        static ORIGIN: tokio::time::Instant = tokio::time::Instant::now();
    }
    let elapsed = ORIGIN.with(tokio::time::Instant::elapsed);
    Instant::ZERO + Span::from(elapsed)
}

/// One value of the text that is scraped.
fn scraped(text: &str, series: &str) -> u64 {
    let prefix = format!("{series} ");
    let mut values = text.lines().filter_map(|line| line.strip_prefix(prefix.as_str()));
    let value = values.next().unwrap_or_else(|| panic!("no {series} in\n{text}"));
    assert_eq!(values.next(), None, "{series} is there once");
    value.parse().unwrap_or_else(|_| panic!("{series} is {value}"))
}

/// The sum over every series of a family that begins so.
fn summed(text: &str, beginning: &str) -> u64 {
    let lines = text.lines().filter(|line| line.starts_with(beginning));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[test]
fn every_surface_shows_what_the_service_counted() {
    on_virtual_time(async {
        let (tidegate, handle) = start();
        let provider = Rc::new(RefCell::new(provider()));
        let books = Rc::new(Books::default());
        // Twice the limit for ten minutes, with a pause in which everybody ends, and the same again.
        for round in 0..2 {
            let mut calls = Vec::new();
            for number in 0..2_400_u64 {
                let number = number + round * 2_400;
                let (handle, books) = (handle.clone(), Rc::clone(&books));
                calls.push(actix::spawn(call(number, handle, Rc::clone(&provider), books)));
                tokio::time::sleep(Duration::from_millis(150 + (number * 37) % 200)).await;
            }
            for call in calls {
                call.await.expect("no call panics");
            }
            let tally = provider.borrow().tally();
            agree(&tidegate, &handle, tally, &books).await;
        }
        let tally = provider.borrow().tally();
        assert!(tally.rate_limited > 50 && tally.overloaded > 20, "{tally:?}");
        assert!(books.refused.get() > 100 && books.withdrawn.get() > 100, "{books:?}");
    });
}

/// The numbers of the sample are those of the books and of the service; all the others are the sample's.
async fn agree(tidegate: &Tidegate, handle: &Handle, tally: Tally, books: &Books) {
    let sample = tidegate.sample().await.expect("everybody answers");
    let service = sample.service("model").expect("configured");
    assert_eq!(service.granted() - books.cancelled.get(), tally.arrived);
    assert_eq!(service.ended(Outcome::Ok), tally.admitted);
    assert_eq!(service.ended(Outcome::RateLimited), tally.rate_limited);
    assert_eq!(service.ended(Outcome::Overloaded), tally.overloaded);
    assert_eq!(service.ended(Outcome::Cancelled), books.cancelled.get());
    assert_eq!(service.refused, books.refused.get());
    let told_apart: u64 = service.refusals.iter().map(|row| row.count).sum();
    assert_eq!(told_apart + service.refusals_other, service.refused);
    // Who gave up and was granted at that very instant was counted as a grant that nobody took.
    assert_eq!(service.withdrawn + service.unclaimed, books.withdrawn.get());
    // A permit that is dropped keeps its estimate; of no call of those is it known what it used.
    let dropped = (0..4_800_u64).filter(|number| number.is_multiple_of(13) && number % 2 == 1);
    let used = service.spent.used(Dimension::Tokens);
    assert!(used >= books.tokens.get(), "{used} used, {} counted there", books.tokens.get());
    assert!(used - books.tokens.get() <= dropped.map(|number| 200 + number % 300).sum());
    for (table, book) in
        [(&service.models, by(&books.by_model)), (&service.keys, by(&books.by_agent))]
    {
        let rows = table.rows.iter().map(|row| (row.name.clone(), row.count.calls()));
        assert_eq!(rows.collect::<BTreeMap<_, _>>(), book);
        assert_eq!(table.total.calls(), book.values().sum::<u64>());
    }
    let refused = service.models.rows.iter().map(|row| (row.name.clone(), row.count.refused));
    assert_eq!(refused.collect::<BTreeMap<_, _>>(), by(&books.refused_by_model));
    assert_eq!((service.queued, service.running), (0, true));
    status_agrees(tidegate, &sample).await;
    for by in [ReportBy::Service, ReportBy::Hour, ReportBy::Model, ReportBy::Key] {
        report_agrees(tidegate, service, by).await;
    }
    text_agrees(&tidegate.metrics().await.expect("they render"), &sample);
    let usage = handle.usage().await.expect("it answers");
    assert_eq!(usage.statistics.total_operations, service.operations());
    assert_eq!(usage.statistics.throttled_operations, service.throttled());
    assert!(usage.statistics.last_acquire.is_some());
    for (limit, shown) in usage.service.limits.iter().zip(&service.limits) {
        assert_eq!((limit.capacity, limit.available), (shown.capacity, shown.available));
    }
}

fn by<K: ToString>(book: &RefCell<BTreeMap<K, u64>>) -> BTreeMap<String, u64> {
    book.borrow().iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

async fn status_agrees(tidegate: &Tidegate, sample: &Sample) {
    let status = tidegate.status().await.expect("everybody answers");
    let text = serde_json::to_string(&status).expect("it serialises");
    let status: Status = serde_json::from_str(&text).expect("it is its own");
    for (shown, sample) in status.sample().services.iter().zip(&sample.services) {
        assert_eq!(shown, sample);
    }
    assert_eq!(status.services[1].statistics.total_operations, sample.services[1].operations());
}

/// Sums over the rows of a report, whatever the rows are about.
async fn report_agrees(tidegate: &Tidegate, service: &ServiceSample, by: ReportBy) {
    let query = ReportQuery { by, ..ReportQuery::default() };
    let report = tidegate.report(&query).await.expect("everybody answers");
    let granted: Option<u64> = report.rows.iter().map(|row| row.granted).sum();
    let refused: u64 = report.rows.iter().map(|row| row.refused).sum();
    let ok: u64 = report.rows.iter().map(|row| row.outcomes[Outcome::Ok.index()]).sum();
    let used = |row: &ReportRow| row.used.get(&Dimension::Tokens).copied().unwrap_or(0);
    let used: u64 = report.rows.iter().map(used).sum();
    if matches!(by, ReportBy::Service | ReportBy::Hour) {
        assert_eq!(granted, Some(service.granted()), "by {by:?}");
        assert_eq!(refused, service.refused, "by {by:?}");
    }
    assert_eq!(ok, service.ended(Outcome::Ok), "by {by:?}");
    assert_eq!(used, service.spent.used(Dimension::Tokens), "by {by:?}");
    assert_eq!(report.total.outcomes, service.outcomes, "by {by:?}");
}

fn text_agrees(text: &str, sample: &Sample) {
    let service = sample.service("model").expect("configured");
    let of_model =
        |name: &str, rest: &str| scraped(text, &format!("{name}{{service=\"model\"{rest}}}"));
    let by_gate = of_model("tidegate_granted_total", ",way=\"gate\"");
    let by_queue = of_model("tidegate_granted_total", ",way=\"queue\"");
    let unclaimed = of_model("tidegate_unclaimed_total", "");
    assert_eq!(by_gate + by_queue - unclaimed, service.granted());
    for outcome in Outcome::ALL {
        let labels = format!(",outcome=\"{outcome}\"");
        assert_eq!(of_model("tidegate_outcomes_total", &labels), service.ended(outcome));
    }
    assert_eq!(summed(text, "tidegate_refused_total{service=\"model\""), service.refused);
    assert_eq!(of_model("tidegate_withdrawn_total", ""), service.withdrawn);
    let waits = summed(text, "tidegate_wait_seconds_count{service=\"model\"");
    assert_eq!(waits, service.granted_by_queue);
    let tokens = ",dimension=\"tokens\"";
    let used = of_model("tidegate_reserved_total", tokens)
        + of_model("tidegate_owed_total", tokens)
        - of_model("tidegate_refunded_total", tokens);
    assert_eq!(used, service.spent.used(Dimension::Tokens));
}
