//! Reading the sections of a configuration: `[global]` and each `[services.NAME]`.

use std::collections::BTreeMap;

use tidegate_units::dimension::BUILT_IN;
use tidegate_units::{DimensionName, Limit, QueuePolicy, ServiceName, Span};

use crate::cursor::Cursor;
use crate::document::Node;
use crate::error::Problems;
use crate::limits::{self, Stated};
use crate::problem::{Expected, Problem};
use crate::validate::{check_capacity, check_timeout};
use crate::{Config, GlobalConfig, ServiceConfig};

/// Reads the whole tree.
pub(crate) fn read(root: &Node, problems: &mut Problems) -> Config {
    let root = Cursor::root(root);
    root.check_keys(&["global", "services"], problems);
    let global = root.get("global").map(|at| read_global(&at, problems)).unwrap_or_default();
    let services = root.get("services");
    let services = services.map(|at| read_services(&at, &global.dimensions, problems));
    Config { global, services: services.unwrap_or_default() }
}

fn read_global(at: &Cursor<'_>, problems: &mut Problems) -> GlobalConfig {
    at.check_keys(&["dimensions", "limits"], problems);
    let dimensions = at.get("dimensions").map(|at| read_dimensions(&at, problems));
    let dimensions = dimensions.unwrap_or_default();
    let limits = at.get("limits").map(|at| limits::read(&at, &dimensions, problems));
    let limits = limits.unwrap_or_default().into_iter().map(|stated| stated.limit).collect();
    GlobalConfig { limits, dimensions }
}

fn read_dimensions(at: &Cursor<'_>, problems: &mut Problems) -> Vec<DimensionName> {
    let items = at.items(Expected::Dimensions, problems);
    if items.len() > Config::DIMENSIONS_MAX {
        at.fault(Problem::ManyDeclared { count: items.len() }, problems);
    }
    let mut declared = Vec::new();
    for item in items.iter().take(Config::DIMENSIONS_MAX) {
        let text = item.text(Expected::Dimension, problems);
        let name = text.and_then(|text| item.valid(text.parse(), problems));
        if let Some(name) = name {
            item.valid(check_declaration(name, &declared), problems);
            declared.push(name);
        }
    }
    declared
}

/// Whether `name` may be declared after `declared`.
pub(crate) fn check_declaration(
    name: DimensionName,
    declared: &[DimensionName],
) -> Result<(), Problem> {
    let text = name.as_str();
    if BUILT_IN.iter().any(|dimension| dimension.name() == text) {
        return Err(Problem::BuiltIn { name: text.to_owned() });
    }
    if limits::KEYS.contains(&text) {
        return Err(Problem::Reserved { name: text.to_owned() });
    }
    if declared.contains(&name) {
        return Err(Problem::DeclaredTwice { name: text.to_owned() });
    }
    Ok(())
}

fn read_services(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> BTreeMap<ServiceName, ServiceConfig> {
    let entries = at.entries(problems);
    if entries.len() > Config::SERVICES_MAX {
        at.fault(Problem::ManyServices { count: entries.len() }, problems);
    }
    let mut services = BTreeMap::new();
    for (name, at) in entries.into_iter().take(Config::SERVICES_MAX) {
        let service = read_service(&at, declared, problems);
        if let Some(name) = at.valid(name.parse(), problems) {
            services.insert(name, service);
        }
    }
    services
}

fn read_service(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> ServiceConfig {
    at.check_keys(&["guard", "limits", "queue"], problems);
    let limits = at.get("limits").map(|at| limits::read(&at, declared, problems));
    let limits = limits.unwrap_or_default();
    let guard = at.get("guard").and_then(|at| read_guard(&at, &limits, problems));
    let limits = limits.into_iter().map(|stated| guarded(stated, guard)).collect();
    let queue = at.get("queue").map(|at| read_queue(&at, problems)).unwrap_or_default();
    ServiceConfig { limits, queue, ..ServiceConfig::default() }
}

/// The guard of a service, which must fit the shortest window that it is for.
fn read_guard(at: &Cursor<'_>, limits: &[Stated], problems: &mut Problems) -> Option<Span> {
    let guard = at.span(problems)?;
    let without = limits.iter().filter(|stated| !stated.has_guard).map(|stated| &stated.limit);
    if let Some(shortest) = without.min_by_key(|limit| limit.window()) {
        at.valid(shortest.clone().guard(guard), problems)?;
    }
    Some(guard)
}

/// The limit with the service's guard, unless it has its own.
fn guarded(stated: Stated, guard: Option<Span>) -> Limit {
    let limit = stated.limit;
    match guard.filter(|_| !stated.has_guard) {
        Some(guard) => limit.clone().guard(guard).unwrap_or(limit),
        None => limit,
    }
}

fn read_queue(at: &Cursor<'_>, problems: &mut Problems) -> QueuePolicy {
    at.check_keys(&["capacity", "timeout"], problems);
    let mut queue = QueuePolicy::default();
    if let Some(at) = at.get("capacity")
        && let Some(capacity) = at.whole(|text| Problem::Capacity { text }, problems)
        && let Some(capacity) = at.valid(check_capacity(capacity), problems)
    {
        queue.capacity = capacity;
    }
    if let Some(at) = at.get("timeout")
        && let Some(timeout) = at.span(problems)
        && let Some(timeout) = at.valid(check_timeout(timeout), problems)
    {
        queue.timeout = timeout;
    }
    queue
}
