//! The command `alerts`: what it prints is what others read.

use crate::support::{folder, run, text};

#[test]
fn rules_and_dashboard_are_printed() {
    let folder = folder("alerts");
    let rules = run(&folder, &["alerts"]);
    assert_eq!(rules.status.code(), Some(0));
    assert!(text(&rules.stdout).contains("groups:"));
    let dashboard = run(&folder, &["alerts", "--format", "dashboard"]);
    let dashboard: serde_json::Value = serde_json::from_slice(&dashboard.stdout).expect("JSON");
    assert!(dashboard["panels"].is_array());
    assert_eq!(run(&folder, &["alerts", "--format", "mail"]).status.code(), Some(2));
}
