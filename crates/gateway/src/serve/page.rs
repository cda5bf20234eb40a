//! The page, and what it may do in a browser.
//!
//! The page is one document with one `<style>` and one `<script>`. Browsers run these two because their
//! hashes are in the policy that is sent along, and nothing else: no other script, no other place to ask.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The document.
pub(super) const PAGE: &str = include_str!("../../page/index.html");

/// What the page may do (CSP Level 3).
pub(super) static PAGE_POLICY: LazyLock<String> = LazyLock::new(|| policy(PAGE));

/// What everything else may do that is shown in a browser: nothing.
pub(super) const POLICY: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

fn policy(page: &str) -> String {
    let sources = |tag| match inside(page, tag) {
        Some(text) => format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes()))),
        None => "'none'".to_owned(),
    };
    format!(
        "{POLICY}; style-src {}; script-src {}; connect-src 'self'; img-src data:",
        sources("style"),
        sources("script")
    )
}

/// What stands between the first opening tag of this name and its end.
fn inside<'a>(page: &'a str, tag: &str) -> Option<&'a str> {
    let (_, from) = page.split_once(&format!("<{tag}>"))?;
    let (text, _) = from.split_once(&format!("</{tag}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_style_and_one_script_and_asks_nobody_else() {
        for tag in ["style", "script"] {
            assert_eq!(PAGE.matches(&format!("<{tag}")).count(), 1, "{tag}");
            assert!(inside(PAGE, tag).is_some_and(|text| !text.trim().is_empty()), "{tag}");
        }
        for other in [" style=\"", " onclick=", "https://", "rel=\"stylesheet", "<iframe"] {
            assert!(!PAGE.contains(other), "{other}");
        }
    }

    #[test]
    fn the_policy_allows_by_hash() {
        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`
        let policy = policy("<style>p{}</style><script>alert(1)</script>");
        insta::assert_snapshot!(policy, @"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='; connect-src 'self'; img-src data:");
    }
}
