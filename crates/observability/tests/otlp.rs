//! What is pushed, received by a server of the test's own and read with OpenTelemetry's types.

#[path = "metrics/rich.rs"]
mod rich;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics};
use prost::Message;
use tidegate_observability::otlp::{OtlpError, OtlpSettings, Pushed, Pusher, encode};
use tidegate_observability::{Sample, catalogue, prometheus};
use tidegate_units::Span;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it came: its head, and its body.
type Received = (Vec<String>, Vec<u8>);

/// Takes one request for each answer, and ends.
struct Collector {
    address: SocketAddr,
    received: Receiver<Received>,
    thread: JoinHandle<()>,
}

impl Collector {
    fn start(answers: Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, received) = channel();
        let thread = thread::spawn(move || {
            for (head, body) in answers {
                let (stream, _) = listener.accept().expect("somebody comes");
                stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
                let mut reader = BufReader::new(stream);
                let request = read(&mut reader);
                let mut answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\n");
                write!(answer, "Content-Length: {}\r\n\r\n", body.len()).expect("it takes all");
                let stream = reader.get_mut();
                stream.write_all(answer.as_bytes()).expect("they listen");
                stream.write_all(&body).expect("they listen");
                sender.send(request).expect("the test waits");
            }
        });
        Self { address, received, thread }
    }

    fn settings(&self) -> OtlpSettings {
        let endpoint = format!("http://{}/v1/metrics", self.address);
        OtlpSettings { timeout: Span::from_secs(30), ..OtlpSettings::to(endpoint) }
    }

    fn next(&self) -> Received {
        self.received.recv_timeout(PATIENCE).expect("something was pushed")
    }

    fn end(self) {
        self.thread.join().expect("it ends well");
    }
}

fn read(reader: &mut impl BufRead) -> Received {
    let head: Vec<String> = reader
        .by_ref()
        .lines()
        .map(|line| line.expect("it is text").to_lowercase())
        .take_while(|line| !line.is_empty())
        .collect();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.expect("it says how long it is").parse().expect("a number");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("it is as long as it says");
    (head, body)
}

fn decoded(body: &[u8]) -> ResourceMetrics {
    let mut request = ExportMetricsServiceRequest::decode(body).expect("it is a request");
    assert_eq!(request.resource_metrics.len(), 1);
    request.resource_metrics.remove(0)
}

fn text(attribute: &KeyValue) -> &str {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(AnyValue::StringValue(text)) => text,
        other => panic!("{other:?} is no text"),
    }
}

/// The row as it would be scraped.
fn series(name: &str, attributes: &[KeyValue]) -> String {
    let labels: BTreeMap<&str, &str> =
        attributes.iter().map(|attribute| (attribute.key.as_str(), text(attribute))).collect();
    format!("{name} {labels:?}")
}

/// Every number that was pushed, by its series.
fn numbers(metrics: &[Metric]) -> BTreeMap<String, f64> {
    let mut numbers = BTreeMap::new();
    for metric in metrics {
        let points = match metric.data.as_ref().expect("it has data") {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{}", metric.name);
                &sum.data_points
            }
            Data::Histogram(_) => continue,
            other => panic!("{other:?}"),
        };
        for point in points {
            let value = match point.value.expect("it has a value") {
                Value::AsDouble(value) => value,
                Value::AsInt(value) => value.to_string().parse().expect("a number"),
            };
            let before = numbers.insert(series(&metric.name, &point.attributes), value);
            assert_eq!(before, None, "{} is there once", metric.name);
        }
    }
    numbers
}

/// The same, from the text that is scraped; without labels that do not apply.
fn scraped(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines = lines.filter(|line| !line.starts_with(catalogue::WAIT.name));
    let numbers = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}');
        let labels: BTreeMap<&str, &str> = labels
            .split("\",")
            .filter_map(|label| label.trim_end_matches('"').split_once("=\""))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        (format!("{name} {labels:?}"), value.parse().expect("a number"))
    });
    numbers.collect()
}

/// A rich sample whose labels need no escapes.
fn sample() -> Sample {
    let mut sample = rich::sample();
    "planner".clone_into(&mut sample.services[0].keys.rows[0].name);
    sample
}

#[test]
fn what_is_pushed_is_what_is_scraped() {
    let collector = Collector::start(vec![("200 OK", Vec::new())]);
    let mut settings = collector.settings();
    settings.headers.insert("Authorization".to_owned(), "Bearer a-token".to_owned());
    settings.attributes.insert("service.name".to_owned(), "shop".to_owned());
    let pusher = Pusher::start(&settings).expect("it can be pushed to");
    pusher.offer(Sample::default(), Vec::new());
    pusher.offer(sample(), rich::alerts());
    let came = pusher.stop();
    assert_eq!(came, Pushed { taken: 1, ..Pushed::default() });
    let (head, body) = collector.next();
    collector.end();
    assert_eq!(head[0], "post /v1/metrics http/1.1");
    for header in ["content-type: application/x-protobuf", "authorization: bearer a-token"] {
        assert!(head.iter().any(|line| line == header), "{header} is missing in {head:?}");
    }
    let request = decoded(&body);
    let resource = request.resource.expect("it says what it is");
    assert_eq!(series("", &resource.attributes), " {\"service.name\": \"shop\"}");
    let InstrumentationScope { name, .. } =
        request.scope_metrics[0].scope.clone().expect("a scope");
    assert_eq!(name, "tidegate-observability");
    let numbers = numbers(&request.scope_metrics[0].metrics);
    assert_eq!(numbers, scraped(&prometheus::render(&sample(), &rich::alerts())));
    assert!(numbers.len() > 100);
}

#[test]
fn waits_times_units_and_texts_are_those_of_the_sample_and_the_catalogue() {
    let pushed = decoded(&encode(&sample(), &rich::alerts(), &BTreeMap::new()));
    let metrics = &pushed.scope_metrics[0].metrics;
    assert_eq!(metrics.len(), catalogue::ALL.len());
    for (metric, listed) in metrics.iter().zip(catalogue::ALL) {
        let said = (metric.name.as_str(), metric.description.as_str(), metric.unit.as_str());
        assert_eq!(said, (listed.name, listed.help, listed.unit.ucum()));
    }
    let wait = metrics.iter().find(|metric| metric.name == catalogue::WAIT.name);
    let Some(Data::Histogram(wait)) = wait.and_then(|metric| metric.data.clone()) else {
        panic!("waits are a histogram");
    };
    assert_eq!((wait.aggregation_temporality, wait.data_points.len()), (2, 1));
    let point = &wait.data_points[0];
    // 0, 3, 40, 700 ms, and one that waited longer than all bounds.
    assert_eq!(
        point.bucket_counts,
        [1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    );
    assert_eq!((point.count, point.sum), (5, Some(400.743)));
    assert_eq!((point.explicit_bounds.len(), point.explicit_bounds[1]), (21, 0.002));
    let times = (point.start_time_unix_nano, point.time_unix_nano);
    assert_eq!(times, (1_699_999_939_750_000_000, 1_700_000_001_000_000_000));
}

#[test]
fn it_pushes_at_intervals_and_the_last_once_more() {
    let collector = Collector::start(vec![("200 OK", Vec::new()), ("200 OK", Vec::new())]);
    let settings = OtlpSettings { interval: OtlpSettings::SHORTEST, ..collector.settings() };
    let pusher = Pusher::start(&settings).expect("it can be pushed to");
    let dropped = |events_dropped| Sample { events_dropped, ..Sample::default() };
    pusher.offer(dropped(1), Vec::new());
    let value = |body: &[u8]| numbers(&decoded(body).scope_metrics[0].metrics);
    let name = "tidegate_events_dropped_total {}";
    assert_eq!(value(&collector.next().1).get(name), Some(&1.0));
    pusher.offer(dropped(2), Vec::new());
    assert_eq!(pusher.stop().taken, 2);
    assert_eq!(value(&collector.next().1).get(name), Some(&2.0));
    collector.end();
}

#[test]
fn what_a_collector_refuses_is_counted_with_its_reason() {
    let partial = ExportMetricsPartialSuccess {
        rejected_data_points: 7,
        error_message: "too old".to_owned(),
    };
    let answer = ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let collector = Collector::start(vec![("200 OK", answer)]);
    let pusher = Pusher::start(&collector.settings()).expect("it can be pushed to");
    pusher.offer(Sample::default(), Vec::new());
    assert_eq!(pusher.stop(), Pushed { taken: 1, rejected_rows: 7, ..Pushed::default() });
    collector.end();

    let collector = Collector::start(vec![("503 Service Unavailable", Vec::new())]);
    let pusher = Pusher::start(&collector.settings()).expect("it can be pushed to");
    pusher.offer(Sample::default(), Vec::new());
    let came = pusher.stop();
    assert_eq!((came.taken, came.failed), (0, 1));
    let why = came.last_error.expect("it failed");
    assert_eq!(why, "the collector answered 503 Service Unavailable");
    collector.end();
}

#[test]
fn a_collector_that_is_back_is_pushed_to_as_before() {
    let gone = ("429 Too Many Requests", Vec::new());
    let back = ("200 OK", Vec::new());
    let collector = Collector::start(vec![gone, back.clone(), back]);
    let settings = OtlpSettings { interval: OtlpSettings::SHORTEST, ..collector.settings() };
    let pusher = Pusher::start(&settings).expect("it can be pushed to");
    for _ in 0..2 {
        pusher.offer(Sample::default(), Vec::new());
        collector.next();
    }
    pusher.offer(Sample::default(), Vec::new());
    assert_eq!(pusher.stop(), Pushed { taken: 2, failed: 1, ..Pushed::default() });
    collector.end();
}

#[test]
fn a_collector_that_wants_to_be_left_alone_is() {
    let quick = |collector: &Collector| {
        let settings = OtlpSettings { interval: OtlpSettings::SHORTEST, ..collector.settings() };
        Pusher::start(&settings).expect("it can be pushed to")
    };
    let alone = Collector::start(vec![("429 Too Many\r\nRetry-After: 3600", Vec::new())]);
    let patient = quick(&alone);
    patient.offer(Sample::default(), Vec::new());
    alone.next();
    patient.offer(Sample::default(), Vec::new());
    // Meanwhile another one is pushed to five times.
    let other = Collector::start(vec![("200 OK", Vec::new()); 5]);
    let pusher = quick(&other);
    for _ in 0..5 {
        pusher.offer(Sample::default(), Vec::new());
        other.next();
    }
    assert_eq!((patient.pushed().failed, pusher.stop().taken), (1, 5));
    assert_eq!(patient.stop().failed, 1, "nor is it bothered at the end");
    alone.end();
    other.end();
}

#[test]
fn a_collector_that_is_not_there_is_no_reason_to_wait() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let settings = OtlpSettings::to(format!("http://{gone}/v1/metrics"));
    let pusher = Pusher::start(&settings).expect("it is an address");
    pusher.offer(Sample::default(), Vec::new());
    let came = pusher.stop();
    assert_eq!((came.taken, came.failed), (0, 1));
    assert!(came.last_error.is_some());
}

#[test]
fn a_header_that_is_none_is_refused() {
    let mut settings = OtlpSettings::to("http://localhost:4318/v1/metrics");
    settings.headers.insert("X-Token".to_owned(), "a\r\nb: c".to_owned());
    let refused = Pusher::start(&settings).expect_err("it would be two headers");
    assert!(matches!(&refused, OtlpError::Header { name } if name == "X-Token"), "{refused}");
}
