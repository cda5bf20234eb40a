//! Reading the sections of a configuration: `[global]`, `[alerts]` and each `[services.NAME]`.

mod adaptive;
mod alerts;
mod breaker;
mod concurrency;
mod provider;
mod queue;
mod retry;
mod scoped;
mod service;

use std::collections::BTreeMap;

use tidegate_units::dimension::BUILT_IN;
use tidegate_units::{Dimension, DimensionName, ServiceName};

use crate::cursor::Cursor;
use crate::document::Node;
use crate::error::Problems;
use crate::limits;
use crate::problem::{Expected, Problem};
use crate::{Config, GlobalConfig, ServiceConfig};

pub(crate) use provider::check as check_provider;
pub(crate) use scoped::MODEL_KEYS;

/// Reads the whole tree.
pub(crate) fn read(root: &Node, problems: &mut Problems) -> Config {
    let root = Cursor::root(root);
    root.check_keys(&["alerts", "global", "services"], problems);
    let global = root.get("global").map(|at| read_global(&at, problems)).unwrap_or_default();
    let services = root.get("services");
    let services = services.map(|at| read_services(&at, &global.dimensions, problems));
    let alerts = root.get("alerts").map(|at| alerts::read(&at, problems)).unwrap_or_default();
    Config { global, alerts, services: services.unwrap_or_default() }
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
    if text == Dimension::Slots.name() {
        return Err(Problem::SlotsDeclared);
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
        let service = service::read(&at, declared, problems);
        if let Some(name) = at.valid(name.parse(), problems) {
            services.insert(name, service);
        }
    }
    services
}
