//! What is open above the panes, and what the loop has to do.

use super::Cursor;
use crate::explore::line::Line;

/// What a line is typed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A token to be found; with the cursor to come back to.
    Find(Cursor),
    /// A token to be pinned.
    Token,
    /// The prompt; with what it was.
    Prompt(String),
    /// Words that entries of the list have; with what they were.
    Filter(String),
    /// A second prompt, to stand beside the first.
    Beside,
    /// The name of a file for the view; whether one that is there may be replaced.
    Write(bool),
}

/// What stands above the panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    Nothing,
    /// The help, with what is searched in it and how far it is scrolled.
    Help(Line, usize),
    Input(Purpose, Line),
    /// The command that gives this view.
    Command(String),
}

/// What the status line says once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    pub is_error: bool,
}

/// What the loop has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Quit,
    Suspend,
    /// Draw everything anew, whatever the terminal shows.
    Redraw,
    /// Read the prompt at the point that is chosen.
    Read,
    /// Follow these tokens everywhere.
    Follow(Vec<u32>),
    /// Read what is near this position first.
    Look(usize),
    /// Find the token that a text is, and pin it.
    Resolve(String),
    /// Read this text once the keys rest, or at once.
    Edit {
        text: String,
        now: bool,
    },
    /// Read one token more: the one that the model would say.
    Continue,
    /// Read one token less.
    TakeBack,
    /// Write the view to this file; whether it may replace one that is there.
    Write {
        file: String,
        replace: bool,
    },
    /// Measure how far the two sides are apart, or stop it.
    Measure(bool),
    /// Open this prompt of the list in the grid.
    Open(usize),
    /// Put this text beside as a second prompt.
    Beside(String),
    /// Take the second away.
    LeaveBeside,
    /// Show and copy the command that gives this view.
    Command,
}

/// How far a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// What there are `total` of.
    pub what: &'static str,
    pub done: usize,
    pub total: usize,
}
