//! One page in the browser: what is typed there, what it shows, and what it complains of.

use std::fs;

use serde_json::{Value, json};

use crate::browser::Browser;

/// Runs before anything of the page does: says where the policy is violated.
const WATCH: &str = "addEventListener('securitypolicyviolation', (event) => \
     console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))";
/// How long something may take to show, in milliseconds.
const PATIENCE_MS: u32 = 10_000;

/// A page.
#[derive(Debug)]
pub(crate) struct Tab<'a> {
    browser: &'a mut Browser,
    session: String,
    complaints: Vec<String>,
    requests: Vec<String>,
}

impl<'a> Tab<'a> {
    /// An empty page.
    pub(crate) fn new(browser: &'a mut Browser) -> Self {
        let target = browser.call(None, "Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call(None, "Target.attachToTarget", attach);
        let session = attached["sessionId"].as_str().expect("it has one").to_owned();
        let mut tab = Self { browser, session, complaints: Vec::new(), requests: Vec::new() };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        tab.before(WATCH);
        tab.wide(1_400);
        tab
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.browser.call(Some(&self.session), method, parameters);
        self.sort();
        answer
    }

    /// Runs `script` before each page from now on; what it returns undoes that.
    pub(crate) fn before(&mut self, script: &str) -> String {
        let source = json!({ "source": script });
        let answer = self.call("Page.addScriptToEvaluateOnNewDocument", source);
        answer["identifier"].as_str().expect("it has one").to_owned()
    }

    /// Undoes what [`Tab::before`] did.
    pub(crate) fn no_more(&mut self, identifier: &str) {
        let identifier = json!({ "identifier": identifier });
        self.call("Page.removeScriptToEvaluateOnNewDocument", identifier);
    }

    /// Leaves what it shows for `url`, and waits until that is there.
    pub(crate) fn open(&mut self, url: &str) {
        // What differs only behind the `#` would not be loaded.
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        self.until("location.href === 'about:blank'");
        self.call("Page.navigate", json!({ "url": url }));
        self.until("location.href !== 'about:blank' && document.readyState === 'complete'");
    }

    /// What a script comes to; promises are waited for.
    pub(crate) fn value(&mut self, script: &str) -> Value {
        let parameters =
            json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", parameters);
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{script}\n{:#}", failed["exception"]["description"]);
        answer["result"]["value"].take()
    }

    /// The same as text.
    pub(crate) fn text(&mut self, script: &str) -> String {
        match self.value(script) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// Waits until `condition` holds.
    pub(crate) fn until(&mut self, condition: &str) {
        let script = format!(
            "new Promise((yes, no) => {{ const end = performance.now() + {PATIENCE_MS}; \
             (function look() {{ let holds = false; try {{ holds = ({condition}); }} catch {{}} \
             if (holds) yes(true); else if (performance.now() > end) yes(false); \
             else setTimeout(look, 15); }})(); }})"
        );
        let holds = self.value(&script) == json!(true);
        if !holds {
            let shown = self.text("document.body ? document.body.innerText.slice(0, 700) : ''");
            panic!("it never holds: {condition}\n{:?}\n{shown}", self.complaints);
        }
    }

    /// Presses and lets go of a key.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowRight" => (39, ""),
            _ => panic!("no such key here: {key}"),
        };
        let mut down = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" },
            "key": key, "code": key, "windowsVirtualKeyCode": code,
        });
        if !text.is_empty() {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down);
        let up = json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Writes into what has the focus.
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Makes the window so wide; narrow ones are phones.
    pub(crate) fn wide(&mut self, width: u32) {
        let size = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the system prefers.
    pub(crate) fn prefers(&mut self, scheme: &str) {
        let feature = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": feature }));
    }

    /// Keeps a picture of all of it, if somebody wants to look: `TIDEGATE_PICTURES` names a folder.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("TIDEGATE_PICTURES") else { return };
        let taken = self.call(
            "Page.captureScreenshot",
            json!({ "format": "png", "captureBeyondViewport": true }),
        );
        let data = taken["data"].as_str().unwrap_or_default();
        let file = std::path::Path::new(&folder).join(format!("{name}.png.base64"));
        fs::write(&file, data).expect("the folder is there");
    }

    /// What went wrong since this was last asked: errors, exceptions, violations.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.value("new Promise((yes) => setTimeout(yes, 0))");
        std::mem::take(&mut self.complaints)
    }

    /// Everything that was asked for so far.
    pub(crate) fn requests(&self) -> &[String] {
        &self.requests
    }

    fn sort(&mut self) {
        for event in self.browser.events() {
            let said = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => {
                    self.complaints.push(said["exceptionDetails"].to_string());
                }
                "Runtime.consoleAPICalled" if said["type"] == "error" => {
                    self.complaints.push(said["args"].to_string());
                }
                "Log.entryAdded" if said["entry"]["level"] == "error" => {
                    let entry = &said["entry"];
                    let source = entry["source"].as_str().unwrap_or_default();
                    self.complaints.push(format!("{source}: {}", entry["text"]));
                }
                "Network.requestWillBeSent" => {
                    let url = said["request"]["url"].as_str().unwrap_or_default();
                    self.requests.push(url.to_owned());
                }
                _ => {}
            }
        }
    }
}
