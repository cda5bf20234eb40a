//! How it is drawn: services, the chosen one in detail, warnings, keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Row, Table, TableState};
use tidegate_observability::{LimitSample, ServiceStatus, Severity, Status};

use crate::figures::{amount, span_ms};
use crate::status::text::{owner, state};
use crate::top::app::{self, App};
use crate::top::gauge;

/// The most lines for warnings.
const ALERTS_MAX: u16 = 4;
/// The width of a bar.
const BAR: u16 = 12;

const KEYS: &str = "arrows choose  s sort  r reverse  p pause  ? help  q quit";
const HELP: &str = "\
 up, down, k, j   choose a service
 home, end        the first, the last
 s                sort: name, queue, rate, throttled, limits
 r                reverse the order
 p, space         pause, and go on
 ?, h             this help
 q, escape        quit

 A limit is as full as calls have made it; what
 is lent to gates counts as free.
 Throttled is the share of operations that were
 not granted at once.";

const DIM: Style = Style::new().fg(Color::Gray);
const HEAD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws everything into whatever room there is.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App) {
    let services = app.services();
    let rows = u16::try_from(services.len()).unwrap_or(u16::MAX).saturating_add(1);
    let alerts = app.status.as_ref().map_or(0, |status| status.alerts.len());
    let alerts = u16::try_from(alerts).unwrap_or(u16::MAX).min(ALERTS_MAX);
    let areas = Layout::vertical([
        Constraint::Length(1),
        Constraint::Max(rows),
        Constraint::Min(4),
        Constraint::Length(alerts),
        Constraint::Length(1),
    ]);
    let [title, table, detail, warnings, keys] = areas.areas(frame.area());
    frame.render_widget(title_line(app), title);
    draw_services(frame, table, app, &services);
    if let (Some(service), Some(status)) = (services.get(app.chosen_at()), &app.status) {
        draw_detail(frame, detail, service, status);
    }
    if let Some(status) = &app.status {
        frame.render_widget(Paragraph::new(alert_lines(status)), warnings);
    }
    frame.render_widget(Line::styled(KEYS, DIM), keys);
    if app.help {
        draw_help(frame);
    }
}

fn title_line(app: &App) -> Line<'static> {
    let mut spans = vec![Span::styled(" Tidegate ", HEAD.bg(Color::Blue).fg(Color::White))];
    if let Some(status) = &app.status {
        spans.push(format!(" {}  up {}", status.version, span_ms(status.uptime_ms)).into());
    }
    spans.push(format!("  {}  by {}", app.url, app.sort.name()).into());
    if app.paused {
        spans.push(Span::styled("  paused", HEAD.fg(Color::Yellow)));
    }
    if let Some(fault) = &app.fault {
        spans.push(Span::styled(format!("  {fault}"), HEAD.fg(Color::Red)));
    }
    Line::from(spans)
}

fn draw_services(frame: &mut Frame<'_>, area: Rect, app: &App, services: &[&ServiceStatus]) {
    let widths = [
        Constraint::Min(10),
        Constraint::Length(12),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(BAR + 5),
    ];
    let header = ["service", "state", "calls/s", "queue", "thrott", "429/s", "fullest limit"];
    let table = Table::new(services.iter().map(|service| service_row(service)), widths)
        .header(Row::new(header).style(HEAD))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut chosen = TableState::new().with_selected(app.chosen_at());
    frame.render_stateful_widget(table, area, &mut chosen);
}

fn service_row(service: &ServiceStatus) -> Row<'static> {
    let ServiceStatus { sample, statistics, trends, .. } = service;
    let state = state(service);
    let alarming = matches!(state.as_str(), "down" | "breaker open");
    let colour = if alarming { Color::Red } else { Color::Reset };
    let fullest = app::fullest(service);
    let gauge = match sample.all_limits().next() {
        Some(_) => Line::from(vec![
            gauge::bar(fullest, BAR),
            format!(" {}", gauge::percent(fullest)).into(),
        ]),
        None => Line::from("-"),
    };
    Row::new([
        Line::from(sample.service.to_string()),
        Line::styled(state, Style::new().fg(colour)),
        Line::from(format!("{:.2}", trends.minute.granted_per_second)),
        Line::from(format!("{}/{}", sample.queued, sample.queue_capacity)),
        Line::from(gauge::percent(statistics.throttle_rate)),
        Line::from(format!("{:.2}", trends.minute.refused_upstream_per_second)),
        gauge,
    ])
}

fn draw_detail(frame: &mut Frame<'_>, area: Rect, service: &ServiceStatus, status: &Status) {
    let name = service.sample.service.as_str();
    let block = Block::bordered().title(Span::styled(format!(" {name} "), HEAD));
    let mut lines = vec![calls_line(service), queue_line(service)];
    lines.extend(flow_line(service));
    lines.extend(upstream_line(service, status));
    lines.extend(service.sample.limits.iter().chain(&status.shared).map(limit_line));
    let parts = service.sample.parts.iter().flat_map(|part| &part.limits);
    lines.extend(parts.map(limit_line));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn calls_line(service: &ServiceStatus) -> Line<'static> {
    let sample = &service.sample;
    let ended: Vec<String> = tidegate_units::Outcome::ALL
        .into_iter()
        .filter(|outcome| sample.ended(*outcome) > 0)
        .map(|outcome| format!("{} {}", amount(sample.ended(outcome)), outcome.name()))
        .collect();
    let ended = if ended.is_empty() { "-".to_owned() } else { ended.join(", ") };
    Line::from(vec![
        Span::styled("calls   ", DIM),
        format!("{} granted, {} refused: ", amount(sample.granted()), amount(sample.refused))
            .into(),
        ended.into(),
    ])
}

fn queue_line(service: &ServiceStatus) -> Line<'static> {
    let sample = &service.sample;
    let classes = sample.queued_by_class.iter();
    let classes: Vec<String> = classes.map(|(class, count)| format!("{count} {class}")).collect();
    let classes = if classes.is_empty() { "nobody waits".to_owned() } else { classes.join(", ") };
    let wait =
        service.trends.minute.wait_ms.map(|wait| {
            format!("   waits: half {:.0} ms, nine in ten {:.0} ms", wait.p50, wait.p90)
        });
    Line::from(vec![Span::styled("queue   ", DIM), classes.into(), wait.unwrap_or_default().into()])
}

/// Slots, paces, what is left for retries.
fn flow_line(service: &ServiceStatus) -> Option<Line<'static>> {
    let sample = &service.sample;
    let slots = sample.slots.map(|slots| format!("{} of {} slots", slots.held, slots.slots));
    let paces = sample.paces.iter().map(|pace| {
        let learned = pace.learned_per_second.map(|rate| format!(", learned {rate:.2}"));
        format!("pace {:.2} {}/s{}", pace.per_second, pace.dimension, learned.unwrap_or_default())
    });
    let again = sample.retries.retries.saturating_add(sample.retries.hedges);
    let retries = (again > 0).then(|| format!("{} made again", amount(again)));
    let parts: Vec<String> = slots.into_iter().chain(paces).chain(retries).collect();
    (!parts.is_empty())
        .then(|| Line::from(vec![Span::styled("flow    ", DIM), parts.join("   ").into()]))
}

fn upstream_line(service: &ServiceStatus, status: &Status) -> Option<Line<'static>> {
    let count = status.upstream.get(&service.sample.service)?;
    let capacity = count.capacity_per_second.map(|rate| format!(", bears {rate:.2}/s"));
    let refused = count.rate_limited + count.overloaded + count.contended + count.failed;
    let text = format!(
        "{} arrived, {} done, {} not, {} under way{}",
        amount(count.arrived),
        amount(count.admitted),
        amount(refused),
        count.under_way,
        capacity.unwrap_or_default()
    );
    Some(Line::from(vec![Span::styled("there   ", DIM), text.into()]))
}

fn limit_line(limit: &LimitSample) -> Line<'static> {
    let used = app::used(limit);
    let debt =
        if limit.debt > 0 { format!("  owes {}", amount(limit.debt)) } else { String::new() };
    Line::from(vec![
        gauge::bar(used, BAR),
        format!(" {} ", gauge::percent(used)).into(),
        format!(
            "{} of {} {} per {}",
            amount(limit.used()),
            amount(limit.capacity),
            limit.dimension,
            limit.per
        )
        .into(),
        Span::styled(format!("  {}", owner(limit)), DIM),
        Span::styled(debt, Style::new().fg(Color::Red)),
    ])
}

fn alert_lines(status: &Status) -> Vec<Line<'static>> {
    let line = |alert: &tidegate_observability::Alert| {
        let colour = match alert.severity {
            Severity::Critical => Color::Red,
            Severity::Warning => Color::Yellow,
        };
        Line::styled(alert.to_string(), Style::new().fg(colour))
    };
    status.alerts.iter().take(usize::from(ALERTS_MAX)).map(line).collect()
}

fn draw_help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let lines = u16::try_from(HELP.lines().count()).unwrap_or(u16::MAX).saturating_add(2);
    let area = area.centered(Constraint::Max(60), Constraint::Max(lines));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(HELP).block(Block::bordered().title(" keys ")), area);
}

#[cfg(test)]
mod tests;
