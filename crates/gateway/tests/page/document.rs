//! The page as text: what can be said of it without a browser.

use crate::site::PAGE;

/// What it may weigh.
const BYTES_MAX: usize = 150_000;

#[test]
fn it_is_one_document_with_one_style_and_one_script() {
    for tag in ["style", "script"] {
        // The policy names the hash of one of each, without attributes.
        assert_eq!(PAGE.matches(&format!("<{tag}")).count(), 1, "{tag}");
        assert_eq!(PAGE.matches(&format!("<{tag}>")).count(), 1, "{tag}");
        assert_eq!(PAGE.matches(&format!("</{tag}>")).count(), 1, "{tag}");
    }
    assert!(PAGE.len() < BYTES_MAX, "{} bytes", PAGE.len());
}

#[test]
fn it_asks_nobody_else_for_anything() {
    let namespace = "http://www.w3.org/2000/svg";
    for elsewhere in ["http://", "https://", "src=", "@import", "url("] {
        let found = PAGE.replace(namespace, "").matches(elsewhere).count();
        assert_eq!(found, 0, "{elsewhere}");
    }
}

#[test]
fn nothing_from_outside_can_become_markup() {
    for way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        "createContextualFragment",
    ] {
        assert!(!PAGE.contains(way), "{way}");
    }
    let markup = PAGE.split("<script>").next().expect("something stands before it");
    for attribute in [" style=", " onclick=", " onload=", " onerror="] {
        assert!(!markup.contains(attribute), "{attribute}");
    }
}
