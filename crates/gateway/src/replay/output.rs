//! Files that are whole or not there: written beside their place, then moved into it.
//!
//! Whether a file can be written is found out before a run that may take long. What the run then
//! writes replaces the file in one step, so that an interrupted one leaves the former file or none.
//! A pipe or a device cannot be replaced; it is opened at once and written to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file to be written, known to be writable when it was opened.
#[derive(Debug)]
pub(crate) struct OutputFile {
    /// As on the command line, for messages.
    shown: PathBuf,
    place: Place,
}

/// Where the content goes.
#[derive(Debug)]
enum Place {
    /// A file of this path, which may not exist yet.
    File(PathBuf),
    /// Something that is no file and can only be written to once.
    Stream(File),
}

impl OutputFile {
    /// Prepares to write `path`, without touching what is there.
    ///
    /// # Errors
    ///
    /// A message when it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let place = Place::of(path).map_err(|error| unwritable(path, &error))?;
        Ok(Self { shown: path.to_owned(), place })
    }

    /// The file, whatever it is called.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::File(one), Place::File(other)) => one == other,
            _ => false,
        }
    }

    /// Whether there is a file to replace: a stream must be written once, at the end.
    pub(crate) fn is_replaceable(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// Writes `content` as the whole of the file.
    ///
    /// # Errors
    ///
    /// A message when it cannot be written; what was there before is then still there.
    pub(crate) fn write(&self, content: &str) -> Result<(), String> {
        let written = match &self.place {
            Place::File(path) => replace(path, content),
            Place::Stream(stream) => write_to_stream(stream, content),
        };
        written.map_err(|error| unwritable(&self.shown, &error))
    }
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let Ok(found) = fs::metadata(path) else {
            return Self::new_file(path);
        };
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Also refuses a file that its owner has protected, which a rename would not.
        let opened = OpenOptions::new().write(true).open(path)?;
        if !found.is_file() {
            return Ok(Self::Stream(opened));
        }
        // A link stays a link: what it leads to is replaced.
        Self::new_file(&fs::canonicalize(path)?)
    }

    /// A path at which a file can be made.
    fn new_file(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let path = fs::canonicalize(folder.unwrap_or(Path::new(".")))?.join(name);
        let beside = beside(&path);
        File::create(&beside)?;
        fs::remove_file(&beside)?;
        Ok(Self::File(path))
    }
}

/// A name in the same folder, which no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn replace(path: &Path, content: &str) -> io::Result<()> {
    let beside = beside(path);
    let replaced = write_beside(&beside, path, content).and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        // The first error is the one to tell; a file that was never made cannot be removed.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

fn write_beside(beside: &Path, path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create(beside)?;
    if let Ok(former) = fs::metadata(path) {
        file.set_permissions(former.permissions())?;
    }
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// Writes to a pipe or a device; that its reader has left is no failure.
fn write_to_stream(mut stream: &File, content: &str) -> io::Result<()> {
    match stream.write_all(content.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("{}: cannot be written: {error}", path.display())
}
