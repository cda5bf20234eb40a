//! A running server, and the plainest client there can be: text over a socket, so that tests may send what no
//! library would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{folder, tidegate};

/// The token of every server here.
pub(crate) const TOKEN: &str = "a-token-for-tests-0123";
/// A server that does not answer for so long has failed the test.
const WITHIN: Duration = Duration::from_secs(20);

/// A server on a free port; it is ended when this is dropped.
pub(crate) struct Served {
    /// None if another value of this type ends it.
    child: Option<Child>,
    pub(crate) address: SocketAddr,
    pub(crate) folder: PathBuf,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Served {
    /// Starts a server in a folder of its own.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::with(name, arguments, |_| {})
    }

    /// The same, after `prepare` had a look at the folder.
    pub(crate) fn with(name: &str, arguments: &[&str], prepare: impl FnOnce(&PathBuf)) -> Self {
        let folder = folder(name);
        prepare(&folder);
        let all = [&["serve", "--listen", "127.0.0.1:0", "--log", "warn"], arguments].concat();
        let mut child = tidegate(&folder, &all)
            .env("TIDEGATE_ADMIN_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on http://").expect("the first line");
        let address = address.parse().expect("an address");
        Self { child: Some(child), address, folder }
    }

    /// Another address of a server that runs.
    pub(crate) fn at(address: &str) -> Self {
        let address = address.parse().expect("an address");
        Self { child: None, address, folder: PathBuf::new() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells it to end as `kill` does, and waits; answers its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it is ours");
        let killed = Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.expect("kill is there").success());
        child.wait().expect("it ends").code()
    }

    /// A connection on which nothing was sent.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(WITHIN)).expect("a socket");
        stream.set_write_timeout(Some(WITHIN)).expect("a socket");
        stream
    }

    /// Sends this as it is, and reads until the server closes.
    pub(crate) fn raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        // Who is refused early may not read everything.
        let _ = stream.write_all(request.as_bytes());
        Self::rest(stream)
    }

    /// The same from a client that says that nothing more comes.
    pub(crate) fn raw_and_no_more(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        Self::rest(stream)
    }

    fn rest(mut stream: TcpStream) -> Answer {
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        Answer::of(&String::from_utf8(text).expect("text"))
    }

    /// A request with further lines in its head, and a body.
    pub(crate) fn ask(&self, method: &str, path: &str, head: &[&str], body: &str) -> Answer {
        let head = head.iter().map(|line| (*line).to_owned() + "\r\n").collect::<Vec<_>>().concat();
        let (host, length) = (self.address, body.len());
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{head}\r\n{body}"
        ))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// The JSON at a path.
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// JSON sent with the token.
    pub(crate) fn change(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Authorization: Bearer {TOKEN}");
        self.ask(method, path, &[&token, "Content-Type: application/json"], body)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { whole(body) } else { body.to_owned() };
        Self { status, head: head.to_owned(), body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Its status and what is said in words, for snapshots.
    pub(crate) fn said(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        match problem.get("detail").and_then(Value::as_str) {
            Some(detail) => format!("{} {detail}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// The body behind its chunks.
fn whole(mut chunks: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        whole.push_str(rest.get(..length).unwrap_or(rest));
        chunks = rest.get(length + 2..).unwrap_or_default();
    }
    whole
}
