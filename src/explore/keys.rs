//! The one table of keys: what is pressed, what it does, and how help, status line and documentation say it.

use std::fmt::Write as _;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Left,
    Right,
    Up,
    Down,
    FirstLayer,
    LastLayer,
    FirstPosition,
    LastPosition,
    PageUp,
    PageDown,
    NextPane,
    PreviousPane,
    Find,
    NextHit,
    PreviousHit,
    Edit,
    Continue,
    TakeBack,
    Pin,
    TypeToken,
    Unpin,
    NextColor,
    PreviousColor,
    NextPoint,
    NextLens,
    NextPrompt,
    PreviousPrompt,
    Open,
    Filter,
    Sort,
    ShowAll,
    Beside,
    LeaveBeside,
    Difference,
    FewerTokens,
    MoreTokens,
    TurnOrder,
    Fold,
    Words,
    Write,
    Command,
    Help,
    Quit,
    Close,
    Suspend,
    Redraw,
}

/// What a group of keys is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Moving,
    Asking,
    Showing,
    Leaving,
    /// In a list of prompts, before those for moving.
    Listing,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 5] = [
        Self::Moving,
        Self::Asking,
        Self::Showing,
        Self::Leaving,
        Self::Listing,
    ];

    /// Its heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Moving => "Move",
            Self::Asking => "Ask",
            Self::Showing => "Show",
            Self::Leaving => "Leave",
            Self::Listing => "In a list of prompts",
        }
    }
}

/// A key, with Ctrl or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Plain(KeyCode),
    Ctrl(char),
}

/// Keys and what they do.
pub struct Binding {
    pub keys: &'static [Key],
    /// The keys as people write them.
    pub written: &'static str,
    pub action: Action,
    pub group: Group,
    /// What they do, for the help.
    pub help: &'static str,
    /// The same in a word or two for the status line; empty for what it does not name.
    pub brief: &'static str,
}

const fn char(c: char) -> Key {
    Key::Plain(KeyCode::Char(c))
}

const fn binding(
    keys: &'static [Key],
    written: &'static str,
    action: Action,
    group: Group,
    help: &'static str,
    brief: &'static str,
) -> Binding {
    Binding {
        keys,
        written,
        action,
        group,
        help,
        brief,
    }
}

use Action as A;
use Group::{Asking, Leaving, Listing, Moving, Showing};

/// Every key of the grid and of the panes. Those with a brief name are shown in the status line, in this order
/// as far as there is room.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    binding(&[char('?')], "?", A::Help, Leaving, "This help; type to search it", "keys"),
    binding(&[char('q'), Key::Ctrl('c')], "q  Ctrl-C", A::Quit, Leaving, "Quit", "quit"),
    binding(&[Key::Plain(KeyCode::Enter)], "Enter", A::Pin, Asking, "Pin the selected token: its line is drawn below", "pin"),
    binding(&[char('e')], "e", A::Edit, Asking, "Edit the prompt in place; it is read again as you type", "edit"),
    binding(&[char('c')], "c", A::NextColor, Showing, "Next colour: probability, a pinned token, its rank, entropy, KL", "colour"),
    binding(&[char('/')], "/", A::Find, Moving, "Find a token: where it is likeliest", "find"),
    binding(&[char('n')], "n", A::NextHit, Moving, "The next place, less likely; with d, where the two differ less", ""),
    binding(&[char('N')], "N", A::PreviousHit, Moving, "The place before it", ""),
    binding(&[char('t')], "t", A::TypeToken, Asking, "Type a token and pin it", "type"),
    binding(&[char('+'), char('=')], "+", A::Continue, Asking, "Continue by the token that the model would say", ""),
    binding(&[char('-')], "-", A::TakeBack, Asking, "Take the last token back", ""),
    binding(&[char('x'), Key::Plain(KeyCode::Delete)], "x  Del", A::Unpin, Asking, "Unpin the selected token", ""),
    binding(&[char('p')], "p", A::NextPoint, Asking, "Next point in the blocks: resid_post, resid_mid, attn_out, mlp_out", "point"),
    binding(&[char(']')], "]", A::NextPrompt, Moving, "Next prompt of the list", ""),
    binding(&[char('[')], "[", A::PreviousPrompt, Moving, "Previous prompt of the list", ""),
    binding(&[char('a')], "a", A::Beside, Asking, "A second prompt beside it, aligned from the end; or edit it", "beside"),
    binding(&[char('d')], "d", A::Difference, Asking, "How far the two are apart: KL, total variation, top tokens, off", ""),
    binding(&[char('A')], "A", A::LeaveBeside, Asking, "Take the second prompt away", ""),
    binding(&[char('L')], "L", A::NextLens, Asking, "Next lens of those that --lens names", ""),
    binding(&[Key::Plain(KeyCode::Tab)], "Tab", A::NextPane, Moving, "Next pane: grid, top tokens, pinned tokens", "pane"),
    binding(&[Key::Plain(KeyCode::BackTab)], "Shift-Tab", A::PreviousPane, Moving, "Previous pane", ""),
    binding(&[Key::Plain(KeyCode::Left), char('h')], "←  h", A::Left, Moving, "Previous position", ""),
    binding(&[Key::Plain(KeyCode::Right), char('l')], "→  l", A::Right, Moving, "Next position", ""),
    binding(&[Key::Plain(KeyCode::Up), char('k')], "↑  k", A::Up, Moving, "Up", ""),
    binding(&[Key::Plain(KeyCode::Down), char('j')], "↓  j", A::Down, Moving, "Down", ""),
    binding(&[char('g')], "g", A::FirstLayer, Moving, "First layer", ""),
    binding(&[char('G')], "G", A::LastLayer, Moving, "Last layer: the output", ""),
    binding(&[char('0'), Key::Plain(KeyCode::Home)], "0  Home", A::FirstPosition, Moving, "First position", ""),
    binding(&[char('$'), Key::Plain(KeyCode::End)], "$  End", A::LastPosition, Moving, "Last position", ""),
    binding(&[Key::Plain(KeyCode::PageUp), Key::Ctrl('u')], "PgUp  Ctrl-U", A::PageUp, Moving, "A screen up", ""),
    binding(&[Key::Plain(KeyCode::PageDown), Key::Ctrl('d')], "PgDn  Ctrl-D", A::PageDown, Moving, "A screen down", ""),
    binding(&[char('C')], "C", A::PreviousColor, Showing, "Previous colour", ""),
    binding(&[char('<'), char(',')], "<", A::FewerTokens, Showing, "One top token less", ""),
    binding(&[char('>'), char('.')], ">", A::MoreTokens, Showing, "One top token more", ""),
    binding(&[char('v')], "v", A::TurnOrder, Showing, "Turn the order of the layers", "turn"),
    binding(&[char('z')], "z", A::Fold, Showing, "Fold rows that hold no words, or unfold them", "fold"),
    binding(&[char('w')], "w", A::Words, Showing, "Hide top tokens that are no words, or show them", "words"),
    binding(&[char('o')], "o", A::Write, Leaving, "Write this view to a file: .html, .svg, .png, .pdf, .json, .csv, .md", "write"),
    binding(&[char('y')], "y", A::Command, Leaving, "Show and copy the command that gives this view", "command"),
    binding(&[Key::Plain(KeyCode::Esc)], "Esc", A::Close, Leaving, "Close what is open; go back to the list of prompts", ""),
    binding(&[Key::Ctrl('z')], "Ctrl-Z", A::Suspend, Leaving, "Suspend; fg comes back", ""),
    binding(&[Key::Ctrl('l')], "Ctrl-L", A::Redraw, Leaving, "Draw everything anew", ""),
    binding(&[Key::Plain(KeyCode::Enter)], "Enter", A::Open, Listing, "Open the prompt in the grid; Esc there goes back", "open"),
    binding(&[char('/')], "/", A::Filter, Listing, "Only prompts with these words, or with: failed", "filter"),
    binding(&[char('s')], "s", A::Sort, Listing, "Next order: as given, worst first, latest to settle first", "sort"),
    binding(&[Key::Plain(KeyCode::Esc)], "Esc", A::ShowAll, Listing, "All prompts again", ""),
];

/// What the mouse does, for the help.
pub const MOUSE: [(&str, &str); 2] = [
    ("click", "Go to a cell, or select a token"),
    ("wheel", "Move over the layers"),
];

impl Key {
    /// Whether `event` is this key. Shift counts only where it makes another character.
    fn is(self, event: &KeyEvent) -> bool {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        match self {
            Self::Plain(code) => !ctrl && !alt && event.code == code,
            Self::Ctrl(c) => ctrl && matches!(event.code, KeyCode::Char(d) if d.eq_ignore_ascii_case(&c)),
        }
    }
}

/// What a key does where no text is typed: in a list of prompts, or elsewhere.
pub fn action(event: &KeyEvent, in_list: bool) -> Option<Action> {
    let is_it = |binding: &&Binding| binding.keys.iter().any(|key| key.is(event));
    let of_list = || BINDINGS.iter().filter(|binding| binding.group == Listing);
    let others = || BINDINGS.iter().filter(|binding| binding.group != Listing);
    let own = in_list.then(|| of_list().find(is_it)).flatten();
    own.or_else(|| others().find(is_it)).map(|binding| binding.action)
}

/// A line of the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpLine {
    Heading(&'static str),
    Key(&'static str, &'static str),
}

/// The help, of which each line has all words of `search`; every line for an empty one.
pub fn help(search: &str) -> Vec<HelpLine> {
    help_of(&Group::ALL, search)
}

/// The same in a list of prompts, whose own keys come first.
pub fn help_in_list(search: &str) -> Vec<HelpLine> {
    let mut groups = Group::ALL;
    groups.rotate_right(1);
    help_of(&groups, search)
}

fn help_of(groups: &[Group], search: &str) -> Vec<HelpLine> {
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    let fits = |keys: &str, help: &str| {
        let line = format!("{keys} {help}").to_lowercase();
        words.iter().all(|word| line.contains(word))
    };
    let mut lines = Vec::new();
    for &group in groups {
        let own = BINDINGS.iter().filter(|binding| binding.group == group);
        let mut keys: Vec<(&str, &str)> = own.map(|binding| (binding.written, binding.help)).collect();
        if group == Moving {
            keys.extend(MOUSE);
        }
        keys.retain(|(keys, help)| fits(keys, help));
        if !keys.is_empty() {
            lines.push(HelpLine::Heading(group.name()));
            lines.extend(keys.into_iter().map(|(keys, help)| HelpLine::Key(keys, help)));
        }
    }
    lines
}

/// The keys as tables of Markdown, for the documentation.
pub fn markdown() -> String {
    let mut text = String::new();
    for line in help("") {
        // Writing to a String cannot fail.
        let _ = match line {
            HelpLine::Heading(name) => write!(text, "\n| {name} | |\n|---|---|\n"),
            HelpLine::Key(keys, help) => {
                let keys: Vec<String> = keys.split("  ").map(|key| format!("`{key}`")).collect();
                writeln!(text, "| {} | {help} |", keys.join(" "))
            }
        };
    }
    text.trim_start().to_string()
}
