//! The program itself, serving its demonstration: ends with its owner, by its process id.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// What changes need.
pub(crate) const TOKEN: &str = "a-token-of-the-test-that-is-long-enough";

/// `tidegate serve`.
#[derive(Debug)]
pub(crate) struct Program {
    /// Where it listens, as a browser writes it.
    pub(crate) url: String,
    child: Child,
    folder: PathBuf,
}

impl Program {
    /// Starts it, and stops its traffic after a while, so that its figures can be held against each other.
    pub(crate) fn serve(traffic_for: &str) -> Self {
        let name = format!("page-serve-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the folder is ours");
        fs::write(folder.join("token"), TOKEN).expect("the folder is ours");
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--token-file", "token"])
            .args(["--seed", "7", "--speed", "10", "--traffic-for", traffic_for, "--log", "error"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        // From here on it ends with its owner.
        let mut program = Self { url: String::new(), child, folder };
        program.url = program.address();
        program
    }

    /// Reads on after the address, so that the program never waits for somebody to read.
    fn address(&mut self) -> String {
        let output = self.child.stdout.take().expect("it was asked for");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    let _ = sender.send(format!("{url}/"));
                }
            }
        });
        receiver.recv_timeout(PATIENCE).expect("it says where it listens")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
