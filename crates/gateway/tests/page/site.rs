//! A small server on loopback that answers as `tidegate serve` does, with what a test puts into it.
//!
//! It says what it was asked, can go away and come back, and ends with its owner.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::fixture;

/// The page, as it is in the program.
pub(crate) const PAGE: &str = include_str!("../../page/index.html");
/// As strict as what the program sends; a number used once stands for the hashes, and like them it lets
/// neither `style=` nor `on…=` through.
const POLICY: &str = "default-src 'none'; style-src 'nonce-once'; script-src 'nonce-once'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// As often as the program does.
const TICK: Duration = Duration::from_secs(1);
/// Who says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A site of a test's own.
#[derive(Debug)]
pub(crate) struct Site {
    /// Where it is.
    pub(crate) address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    stop: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner {
    status: String,
    here: bool,
    silent: bool,
    ended: bool,
    listeners: Vec<TcpStream>,
    asked: Vec<Asked>,
}

/// A request with a body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) what: String,
    /// The token that came with it.
    pub(crate) token: Option<String>,
    /// What it says.
    pub(crate) body: Value,
}

impl Site {
    /// Answers from now on, with the fixture.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port left");
        let address = listener.local_addr().expect("it is bound");
        let status = serde_json::to_string(&fixture::status()).expect("it serialises");
        let inner = Arc::new(Mutex::new(Inner {
            status,
            here: true,
            silent: false,
            ended: false,
            listeners: Vec::new(),
            asked: Vec::new(),
        }));
        let (stop, stopped) = mpsc::channel();
        let (accepting, ticking) = (Arc::clone(&inner), Arc::clone(&inner));
        let threads = vec![
            thread::spawn(move || accept(&listener, &accepting)),
            thread::spawn(move || tick(&stopped, &ticking)),
        ];
        Self { address, inner, stop: Some(stop), threads }
    }

    /// Its address as a browser writes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on it says this, and says it at once.
    pub(crate) fn says(&self, status: &impl serde::Serialize) {
        self.says_text(serde_json::to_string(status).expect("it serialises"));
    }

    /// The same with a text that no status of ours would come to.
    pub(crate) fn says_text(&self, status: String) {
        let mut inner = self.inner();
        inner.status = status;
        inner.tell_status();
    }

    /// Something happened.
    pub(crate) fn happens(&self, event: &impl serde::Serialize) {
        let text = serde_json::to_string(event).expect("it serialises");
        self.inner().tell("event", &text);
    }

    /// Hangs up on everybody and answers nobody.
    pub(crate) fn goes_away(&self) {
        let mut inner = self.inner();
        inner.here = false;
        inner.listeners.clear();
    }

    /// Says nothing more to those who listen, without hanging up; it answers others.
    pub(crate) fn falls_silent(&self) {
        let mut inner = self.inner();
        inner.silent = true;
    }

    /// Answers again.
    pub(crate) fn comes_back(&self) {
        let mut inner = self.inner();
        (inner.here, inner.silent) = (true, false);
    }

    /// How many listen, those included who are gone and were not told anything since.
    pub(crate) fn listeners(&self) -> usize {
        self.inner().listeners.len()
    }

    /// What was sent to it.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner().asked.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop = None;
        {
            let mut inner = self.inner();
            inner.ended = true;
            inner.listeners.clear();
        }
        // Who accepts looks up when somebody comes.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Inner {
    fn tell(&mut self, kind: &str, data: &str) {
        if self.silent {
            return;
        }
        let text = format!("event: {kind}\ndata: {data}\n\n");
        self.listeners.retain_mut(|listener| listener.write_all(text.as_bytes()).is_ok());
    }

    fn tell_status(&mut self) {
        let status = self.status.clone();
        self.tell("status", &status);
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn tick(stopped: &mpsc::Receiver<()>, inner: &Mutex<Inner>) {
    while stopped.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
        lock(inner).tell_status();
    }
}

fn accept(listener: &TcpListener, inner: &Arc<Mutex<Inner>>) {
    for stream in listener.incoming().flatten() {
        let (here, ended) = {
            let inner = lock(inner);
            (inner.here, inner.ended)
        };
        if ended {
            return;
        }
        if here {
            let inner = Arc::clone(inner);
            // Each ends by itself within the patience, for it answers once and closes.
            thread::spawn(move || answer(stream, &inner));
        }
    }
}

/// Reads one request and answers it; a browser that hangs up meanwhile is its own affair.
fn answer(mut stream: TcpStream, inner: &Mutex<Inner>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = stream.set_write_timeout(Some(PATIENCE));
    let Some(asked) = read(&stream) else { return };
    if asked.what == "GET /api/v1/events" {
        return listen(stream, inner);
    }
    let (status, kind, body) = respond(&asked, inner);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Content-Security-Policy: {POLICY}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn listen(mut stream: TcpStream, inner: &Mutex<Inner>) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\nretry: 300\n\n";
    let mut inner = lock(inner);
    let first = format!("{head}event: status\ndata: {}\n\n", inner.status);
    if stream.write_all(first.as_bytes()).is_ok() {
        inner.listeners.push(stream);
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let what = line.rsplit_once(' ')?.0.to_owned();
    let (mut length, mut token) = (0, None);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => token = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { what, token, body: serde_json::from_slice(&body).unwrap_or_default() })
}

fn respond(asked: &Asked, inner: &Mutex<Inner>) -> (&'static str, &'static str, String) {
    const JSON: &str = "application/json";
    match asked.what.as_str() {
        "GET /" => {
            let page = PAGE.replacen("<style>", "<style nonce=\"once\">", 1);
            let page = page.replacen("<script>", "<script nonce=\"once\">", 1);
            ("200 OK", "text/html; charset=utf-8", page)
        }
        "GET /api/v1/status" => ("200 OK", JSON, lock(inner).status.clone()),
        "GET /api/v1/series" => ("200 OK", JSON, fixture::series().to_string()),
        what if what.starts_with("POST ") || what.starts_with("PATCH ") => {
            lock(inner).asked.push(asked.clone());
            change(asked)
        }
        _ => ("404 Not Found", "application/problem+json", "{\"title\":\"not found\"}".to_owned()),
    }
}

fn change(asked: &Asked) -> (&'static str, &'static str, String) {
    if asked.what.ends_with("/explain") {
        let text = "It would wait about 3.2 s:\nthe limit of 50 requests per 1m is reached.";
        let body = serde_json::json!({ "schema": "tidegate.explanation/1", "text": text });
        return ("200 OK", "application/json", body.to_string());
    }
    let refused = "application/problem+json";
    if asked.token.as_deref() != Some("Bearer right") {
        let body = "{\"title\":\"no such token\",\"status\":401,\"detail\":\"the token is wrong\"}";
        return ("401 Unauthorized", refused, body.to_owned());
    }
    ("200 OK", "application/json", "{\"schema\":\"tidegate.service/1\"}".to_owned())
}
