//! The run mark on disk.
//!
//! A mark is written to a file beside it and renamed over the old one, so that a reader, or a crash
//! at any moment, finds either the old mark or the new one, whole.
//!
//! One file is for one process at a time. Two that share it lose nothing of the form, but each
//! overwrites when the other was alive, and both spend what the limit gives to one: give every
//! process a file and a share of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tidegate_units::Span;

use crate::{MalformedMark, RunMark};

/// Where a run mark is kept.
///
/// ```
/// use tidegate_store::{RunMark, RunMarkFile};
/// use tidegate_units::Span;
///
/// let path = std::env::temp_dir().join(format!("tidegate-example-{}.json", std::process::id()));
/// let file = RunMarkFile::new(path);
/// assert_eq!(file.idle_since(1_000, Span::from_secs(1))?, None, "the first run");
///
/// file.write(RunMark::alive_at(1_000))?;
/// assert_eq!(file.idle_since(3_001, Span::from_secs(1))?, Some(Span::from_secs(1)));
///
/// std::fs::write(file.path(), "something else")?;
/// assert!(file.read().is_err());
/// # std::fs::remove_file(file.path())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMarkFile {
    path: PathBuf,
}

/// Why a run mark could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunMarkError {
    /// The file is there but could not be read.
    #[error("cannot read the run mark {}: {source}; let this program read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is no run mark. Until it is one, take it that the last run has only just ended.
    #[error(
        "{} holds {source}; delete it once the longest window has passed since the last run",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MalformedMark,
    },
    /// The file could not be written. What stands there is the old mark or the new one, whole.
    #[error(
        "cannot write the run mark {}: {source}; let this program create files in its directory",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl RunMarkFile {
    /// The run mark at `path`. Nothing is read or written yet; the directory must be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long before `now` certainly nothing was spent: see [`RunMark::idle_since`]. Nothing when
    /// there is no file, for then nothing was ever spent.
    ///
    /// # Errors
    ///
    /// As [`RunMarkFile::read`]. Who wants to go on regardless takes [`Span::ZERO`], never nothing.
    pub fn idle_since(
        &self,
        now_unix_ms: u64,
        heartbeat: Span,
    ) -> Result<Option<Span>, RunMarkError> {
        Ok(self.read()?.map(|mark| mark.idle_since(now_unix_ms, heartbeat)))
    }

    /// The mark that the last run left behind, or nothing when there is no file.
    ///
    /// # Errors
    ///
    /// [`RunMarkError::Read`] when the file is there but cannot be read, and
    /// [`RunMarkError::Malformed`] when it is no run mark. At most 4 KiB of it are read.
    pub fn read(&self) -> Result<Option<RunMark>, RunMarkError> {
        let path = || self.path.clone();
        let bytes = match self.read_bytes() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RunMarkError::Read { path: path(), source }),
        };
        let mark = RunMark::decode(&bytes);
        mark.map(Some).map_err(|source| RunMarkError::Malformed { path: path(), source })
    }

    fn read_bytes(&self) -> io::Result<Vec<u8>> {
        // One byte more than allowed, to tell a file that is too long.
        let most = u64::try_from(RunMark::BYTES_MAX + 1).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Replaces what the file says. Returns once it would survive a loss of power, so it blocks for
    /// as long as the disk takes: call it where no caller waits.
    ///
    /// # Errors
    ///
    /// [`RunMarkError::Write`]; the old mark or the new one then stands there, whole.
    pub fn write(&self, mark: RunMark) -> Result<(), RunMarkError> {
        let written = self.replace(mark.encode().as_bytes());
        written.map_err(|source| RunMarkError::Write { path: self.path.clone(), source })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let beside = self.beside();
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        sync_directory(&self.path)
    }

    /// The file that is renamed over the mark. Always the same, so that crashes leave one at most.
    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(".new");
        PathBuf::from(name)
    }
}

/// Makes the rename itself survive a loss of power.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Directories cannot be opened here; the file system orders the rename itself.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
