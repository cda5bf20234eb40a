//! A real browser without a window, spoken to by its debugging protocol over one WebSocket.
//!
//! It has a folder of its own and ends with its owner, by its process id, even if a test panics.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// Where Debian and its relatives put it.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// How long it may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most events that nobody has looked at.
const EVENTS_MAX: usize = 10_000;

/// A browser.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    folder: PathBuf,
    socket: WebSocket<TcpStream>,
    last: u64,
    events: VecDeque<Value>,
}

/// Where the browser is, if there is one.
pub(crate) fn program() -> Option<PathBuf> {
    let named = std::env::var_os("TIDEGATE_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = PROGRAMS.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    named.into_iter().chain(found).find(|program| program.is_file())
}

impl Browser {
    /// Starts it.
    pub(crate) fn start(program: &Path) -> Self {
        let name = format!("browser-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the folder is ours");
        let mut child = Command::new(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-port=0", "--no-first-run", "--disable-extensions"])
            .args(["--disable-background-networking", "--disable-sync", "--hide-scrollbars"])
            .args(["--disable-component-update", "--force-color-profile=srgb", "--mute-audio"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let stderr = child.stderr.take().expect("it was asked for");
        // From here on the guard ends it.
        let mut guard = Started { child: Some(child), folder };
        let socket = connect(&address(stderr).expect("the browser says where it listens"));
        let child = guard.child.take().expect("it was put there");
        let folder = std::mem::take(&mut guard.folder);
        Self { child, folder, socket, last: 0, events: VecDeque::new() }
    }

    /// Asks and waits for the answer; what happens meanwhile is kept.
    pub(crate) fn call(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method });
        message["params"] = parameters;
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).expect("the browser listens");
        loop {
            let message = self.socket.read().unwrap_or_else(|why| panic!("{method}: {why}"));
            let Message::Text(text) = message else { continue };
            let mut answer: Value = serde_json::from_str(&text).expect("it speaks JSON");
            if answer["id"] == json!(self.last) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            if answer["method"].is_string() && self.events.len() < EVENTS_MAX {
                self.events.push_back(answer);
            }
        }
    }

    /// What happened since this was last asked, as far as answers have come in.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        self.events.drain(..).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // One that ends by itself leaves nobody behind who still writes into its folder.
        let close = json!({ "id": 0, "method": "Browser.close" }).to_string();
        let _ = self.socket.send(Message::text(close));
        while self.socket.read().is_ok() {}
        end(&mut self.child, &self.folder);
    }
}

/// A browser that nobody speaks to yet.
struct Started {
    child: Option<Child>,
    folder: PathBuf,
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child, &self.folder);
        }
    }
}

/// Its own children end when they find it gone.
fn end(child: &mut Child, folder: &Path) {
    let _ = child.kill();
    let _ = child.wait();
    let _ = fs::remove_dir_all(folder);
}

/// Reads on after the address, so that the browser never waits for somebody to read.
fn address(stderr: ChildStderr) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("DevTools listening on ") {
                let _ = sender.send(address.trim().to_owned());
            }
        }
    });
    receiver.recv_timeout(PATIENCE).ok()
}

fn connect(address: &str) -> WebSocket<TcpStream> {
    let host = address.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
    let stream = TcpStream::connect(host.expect("it is a WebSocket")).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("the patience is not zero");
    tungstenite::client(address, stream).expect("it shakes hands").0
}
