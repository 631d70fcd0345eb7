//! Where results go: stdout, or a file that appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::draft::{Draft, end_of_links};
use super::startup;
use anstream::StripStream;
use anyhow::Result;
use logit_lens::error::Error;
use logit_lens::report::{self, Content, Depth, Failure, Presentation, UNBOUNDED};

/// The destination of a run's results, opened before any work is done so that a wrong path is
/// found first.
pub enum Output {
    Stdout,
    /// What is no file and must not be replaced by one: `/dev/null`, a named pipe.
    Stream {
        path: PathBuf,
        stream: File,
    },
    /// A file beside the one asked for, which it replaces at the end.
    File(Draft),
}

impl Output {
    /// Stdout, or the file `path`.
    ///
    /// # Errors
    /// A path that cannot be written to.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return match startup::stdout_is_closed() {
                true => Err(stdout_failed(io::Error::other("it is closed"))),
                false => Ok(Self::Stdout),
            };
        };
        let there = fs::metadata(path).ok();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(Error::usage(
                format!("{} is a directory.", path.display()),
                "Give --output the name of a file.",
            )
            .into());
        }
        let unwritable = |e: io::Error| unwritable(path, &e);
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            return Ok(Self::Stream {
                path: path.to_path_buf(),
                stream: File::options().write(true).open(path).map_err(unwritable)?,
            });
        }
        // A link stays, and what it points to is made or replaced.
        let end = end_of_links(path).map_err(unwritable)?;
        Ok(Self::File(Draft::of(end).map_err(unwritable)?))
    }

    /// The file that is written, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(draft) => Some(draft.path()),
            Self::Stdout | Self::Stream { .. } => None,
        }
    }

    /// The columns that a table may take: those that `COLUMNS` says, else the terminal's; a file and a
    /// pipe have no end.
    fn width(&self) -> usize {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let said = columns.filter(|&columns: &usize| columns > 0);
        said.unwrap_or_else(|| match (self, terminal_size::terminal_size()) {
            (Self::Stdout, Some((terminal_size::Width(width), _))) if self.is_terminal() => width.into(),
            _ => UNBOUNDED,
        })
    }

    /// How results are to look here: as wide as it is, in the colours it has.
    pub fn presentation(&self, presentation: &Presentation) -> Presentation {
        Presentation {
            width: self.width(),
            colors: match self {
                Self::Stdout => presentation.colors,
                _ => Depth::Shades,
            },
            terminal: self.is_terminal(),
            ..presentation.clone()
        }
    }

    /// Writes what `report` writes: text without its colours where they would not be seen. On stdout it
    /// is seen at once.
    ///
    /// # Errors
    /// What keeps the report from being made or written.
    pub fn write(
        &mut self,
        content: Content,
        report: impl FnOnce(&mut dyn Write) -> report::Result<()>,
    ) -> Result<()> {
        let styled = content == Content::Styled;
        let written = match self {
            Self::Stdout if styled => buffered(anstream::stdout().lock(), report),
            Self::Stdout => buffered(io::stdout().lock(), report),
            Self::Stream { stream, .. } if styled => {
                buffered(StripStream::new(stream as &mut dyn Write), report)
            }
            Self::Stream { stream, .. } => buffered(stream, report),
            Self::File(draft) if styled => buffered(StripStream::new(draft as &mut dyn Write), report),
            Self::File(draft) => buffered(draft, report),
        };
        written.map_err(|failure| match (failure, self) {
            (Failure::Report(error), _) => error.into(),
            (Failure::Output(error), Self::Stdout) => stdout_failed(error),
            (Failure::Output(error), Self::Stream { path, .. }) => unwritable(path, &error).into(),
            (Failure::Output(error), Self::File(draft)) => unwritable(draft.path(), &error).into(),
        })
    }

    /// Whether it is a terminal, where bytes that are no text do not belong.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// Lets a file appear under its name, with all that was written.
    pub fn finish(self) -> Result<()> {
        if let Self::File(draft) = self {
            let path = draft.path().to_path_buf();
            draft.finish().map_err(|e| unwritable(&path, &e))?;
        }
        Ok(())
    }
}

/// What `report` writes, in pieces that are worth a system call.
fn buffered(
    out: impl Write,
    report: impl FnOnce(&mut dyn Write) -> report::Result<()>,
) -> report::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    report(&mut out)?;
    Ok(out.flush()?)
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, FileTooLarge, InvalidFilename, NotFound, PermissionDenied, StorageFull};
    let (what, remedy) = match error.kind() {
        NotFound => (
            "its directory is not there".to_string(),
            "Make the directory first, or give --output another path.",
        ),
        PermissionDenied => (
            "you may not write there".to_string(),
            "Give --output a path in a directory that you may write to.",
        ),
        StorageFull => (
            "no space is left there".to_string(),
            "Make room, or give --output a path on another disk.",
        ),
        FileTooLarge => (
            "it may not grow further".to_string(),
            "Raise the limit (ulimit -f), or write less.",
        ),
        InvalidFilename => (
            "its name is too long or not allowed".to_string(),
            "Give --output another name.",
        ),
        BrokenPipe => ("nobody reads it any more".to_string(), "Start its reader first."),
        _ => (
            error.to_string(),
            "Check the path, its directory, and the system's limits.",
        ),
    };
    Error::failed(format!("{} cannot be written: {what}.", path.display()), remedy)
}

/// A closed pipe stays what it is, for `is_closed_pipe`.
pub fn stdout_failed(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => error.into(),
        _ => Error::failed(
            format!("The results cannot be written to stdout: {error}."),
            "Check where stdout goes, or write to a file with --output.",
        )
        .into(),
    }
}

/// Whether the reader of our stdout went away, which is no error of ours (`lens … | head`).
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
