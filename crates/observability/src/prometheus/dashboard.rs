//! A dashboard for Grafana, of version 10 and later: import the JSON and choose a data source.
//!
//! Panels are a table of titles, expressions and sizes; where they stand follows from their order.

mod panel;
mod rows;

use serde_json::{Value, json};

use panel::{Panel, Row, Shape};

/// The version of the form: Grafana 10.4 writes it, and later ones read it.
const SCHEMA: u32 = 39;
/// How wide a dashboard is, in its own units.
const WIDTH: u32 = 24;

/// Which source of data a panel asks: the one that is chosen at the top.
fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// The dashboard as JSON. It asks for the figures that [`rules_yaml`](super::rules_yaml) has computed.
///
/// ```
/// let dashboard = tidegate_observability::prometheus::dashboard_json();
/// assert!(dashboard.contains("\"title\": \"Tidegate\""));
/// ```
///
/// # Panics
///
/// Never: a value made of strings and numbers is JSON.
pub fn dashboard_json() -> String {
    let dashboard = json!({
        "uid": "tidegate",
        "title": "Tidegate",
        "description": "Rates, limits, waits and paces of the services that a program calls.",
        "tags": ["tidegate", "rate-limiting"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "browser",
        "annotations": { "list": [] },
        "links": [],
        "templating": { "list": variables() },
        "panels": placed(rows::ROWS),
    });
    let text = serde_json::to_string_pretty(&dashboard);
    text.expect("a value made of strings and numbers is JSON") + "\n"
}

/// The source of data, the jobs that are scraped and the services, to choose from.
fn variables() -> Value {
    let choice = |name: &str, label: &str, query: &str| {
        json!({
            "name": name,
            "label": label,
            "type": "query",
            "datasource": source(),
            "definition": query,
            "query": { "query": query, "refId": name },
            "refresh": 2,
            "sort": 1,
            "multi": true,
            "includeAll": true,
            "allValue": ".*",
            "current": { "selected": true, "text": "All", "value": "$__all" },
        })
    };
    json!([
        {
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "current": {},
        },
        choice("instance", "Instance", "label_values(tidegate_build_info, instance)"),
        choice("service", "Service", "label_values(tidegate_limiter_running, service)"),
    ])
}

/// Row under row, panels from left to right.
fn placed(rows: &[Row]) -> Vec<Value> {
    let (mut all, mut top) = (Vec::new(), 0);
    for row in rows {
        all.push(json!({
            "id": all.len() + 1,
            "type": "row",
            "title": row.title,
            "collapsed": false,
            "panels": [],
            "gridPos": { "x": 0, "y": top, "w": WIDTH, "h": 1 },
        }));
        top += 1;
        let (mut left, mut height) = (0, 0);
        for panel in row.panels {
            if left + panel.width > WIDTH {
                (left, top) = (0, top + height);
            }
            height = panel.height;
            let place = json!({ "x": left, "y": top, "w": panel.width, "h": panel.height });
            all.push(self::panel(panel, all.len() + 1, &place));
            left += panel.width;
        }
        top += height;
    }
    all
}

fn panel(panel: &Panel, id: usize, place: &Value) -> Value {
    let target = |(number, (expression, legend)): (usize, &(&str, &str))| {
        let name = char::from(b'A'.saturating_add(u8::try_from(number).unwrap_or(0)));
        json!({
            "refId": name.to_string(),
            "datasource": source(),
            "expr": Panel::expression(expression),
            "legendFormat": legend,
            "range": panel.shape.is_over_time(),
            "instant": !panel.shape.is_over_time(),
        })
    };
    json!({
        "id": id,
        "type": panel.shape.name(),
        "title": panel.title,
        "description": panel.description,
        "datasource": source(),
        "gridPos": place,
        "targets": panel.targets.iter().enumerate().map(target).collect::<Vec<_>>(),
        "fieldConfig": { "defaults": defaults(panel), "overrides": [] },
        "options": options(panel.shape),
    })
}

fn defaults(panel: &Panel) -> Value {
    let steps: Vec<Value> = std::iter::once(json!({ "color": "green", "value": null }))
        .chain(panel.steps.iter().map(|(value, colour)| json!({ "color": colour, "value": value })))
        .collect();
    let mut defaults = json!({
        "unit": panel.unit,
        "min": 0,
        "color": { "mode": if panel.shape == Shape::Lines { "palette-classic" } else { "thresholds" } },
        "thresholds": { "mode": "absolute", "steps": steps },
    });
    if panel.unit == "percentunit" && panel.shape != Shape::Lines {
        defaults["max"] = json!(1);
    }
    if panel.signed {
        defaults["min"] = Value::Null;
    }
    defaults
}

fn options(shape: Shape) -> Value {
    let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    match shape {
        Shape::Lines => json!({
            "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
        Shape::Figure => {
            json!({ "reduceOptions": last, "colorMode": "value", "graphMode": "area" })
        }
        Shape::Bars => json!({
            "reduceOptions": last,
            "orientation": "horizontal",
            "displayMode": "gradient",
        }),
        Shape::States => json!({ "showValue": "never", "mergeValues": true, "rowHeight": 0.8 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_panel_is_wider_than_the_board_and_none_stands_on_another() {
        let mut taken = std::collections::BTreeSet::new();
        for panel in placed(rows::ROWS) {
            let at = |name: &str| panel["gridPos"][name].as_u64().expect("a number");
            assert!(at("x") + at("w") <= u64::from(WIDTH), "{}", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{} stands on another", panel["title"]);
                }
            }
        }
    }

    #[test]
    fn panels_are_numbered_from_one() {
        for (index, panel) in placed(rows::ROWS).iter().enumerate() {
            assert_eq!(panel["id"], json!(index + 1));
        }
    }
}
