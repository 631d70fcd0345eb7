//! A line of text that is typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// A line of text and where the next character goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// In bytes, between what is seen as one character.
    cursor: usize,
}

impl Line {
    /// A line with the cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.len(),
            text,
        }
    }

    /// The whole line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor and after it.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Puts text in at the cursor. Line breaks stay: a prompt may have some.
    pub fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Does what an editing key does; whether it changed the text.
    pub fn press(&mut self, key: &KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let before = self.text.len();
        match key.code {
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = self.text.len(),
            KeyCode::Char('u') if ctrl => self.remove(0, self.cursor),
            KeyCode::Char('k') if ctrl => self.remove(self.cursor, self.text.len()),
            KeyCode::Char('w') if ctrl => self.remove(self.start_of_word(), self.cursor),
            KeyCode::Left if ctrl => self.cursor = self.start_of_word(),
            KeyCode::Right if ctrl => self.cursor = self.end_of_word(),
            KeyCode::Char(c) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace => self.remove(self.before(), self.cursor),
            KeyCode::Delete => self.remove(self.cursor, self.after()),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => {}
        }
        self.text.len() != before
    }

    fn remove(&mut self, start: usize, end: usize) {
        self.text.replace_range(start..end, "");
        self.cursor = start;
    }

    /// The place one character back.
    fn before(&self) -> usize {
        let (before, _) = self.parts();
        let last = before.grapheme_indices(true).next_back();
        last.map_or(0, |(start, _)| start)
    }

    /// The place one character on.
    fn after(&self) -> usize {
        let (_, after) = self.parts();
        self.cursor + after.graphemes(true).next().map_or(0, str::len)
    }

    fn start_of_word(&self) -> usize {
        let before = self.parts().0.trim_end();
        before.rfind(char::is_whitespace).map_or(0, |space| {
            space + before[space..].chars().next().map_or(0, char::len_utf8)
        })
    }

    fn end_of_word(&self) -> usize {
        let after = self.parts().1;
        let blank = after.len() - after.trim_start().len();
        let word = after.trim_start();
        self.cursor + blank + word.find(char::is_whitespace).unwrap_or(word.len())
    }
}
