//! The prompt above its readings: its tokens, and what the model continued it by.

use std::io::{self, Write};

use anstyle::{Effects, Style};

use super::{BOLD, DIM, GENERATED, Table};
use crate::report::Document;
use crate::report::text::{cut, plain, width, wrap};
use crate::text::tokens::visible;

/// The tokens of a longer prompt are not all listed: the first and the last few are.
const LISTED_TOKENS: usize = 120;

impl Table {
    /// The prompt as the model sees it: its tokens with bars between, those read set off.
    pub(super) fn prompt(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let trajectory = document.trajectory;
        let tokens = trajectory.prompt.ids.len();
        let (head, tail) = match tokens {
            n if n <= LISTED_TOKENS => (n, n),
            n => (LISTED_TOKENS / 4, n - LISTED_TOKENS * 3 / 4),
        };
        let plural = if tokens == 1 { "token" } else { "tokens" };
        let generated = match trajectory.prompt.generated {
            0 => String::new(),
            n => format!(", the last {n} generated"),
        };
        let id = document
            .id
            .map_or(String::new(), |id| format!("{} · ", plain(id)));
        writeln!(out)?;
        for line in wrap(&format!("{id}{tokens} {plural}{generated}"), self.text) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
        let mut column = 0;
        for (i, &id) in trajectory.prompt.ids.iter().enumerate() {
            if (head..tail).contains(&i) {
                if i == head {
                    let more = format!("… {} more …", tail - head);
                    self.piece(&cut(&more, self.text.saturating_sub(2)), DIM, &mut column, out)?;
                }
                continue;
            }
            if trajectory.prompt.generated > 0 && i + trajectory.prompt.generated == tokens {
                self.piece("»", DIM, &mut column, out)?;
            }
            let read = trajectory.positions.binary_search(&i).is_ok();
            let style = if read { BOLD } else { Style::new() };
            let style = match i + trajectory.prompt.generated >= tokens {
                true => style.fg_color(Some(GENERATED.into())).effects(Effects::ITALIC),
                false => style,
            };
            let label = document.tokens.label(id);
            let label = cut(&label, self.text.saturating_sub(4).max(1));
            self.piece(&label, style, &mut column, out)?;
        }
        writeln!(out)?;
        self.continuation(document, out)
    }

    /// What the model wrote, as text.
    fn continuation(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let prompt = &document.trajectory.prompt;
        if prompt.generated == 0 {
            return Ok(());
        }
        let written = &prompt.ids[prompt.ids.len() - prompt.generated..];
        let bytes: Vec<u8> = written
            .iter()
            .flat_map(|&id| document.tokens.bytes(id).unwrap_or_default())
            .collect();
        let text = visible(&bytes).replace('␣', " ");
        for line in wrap(
            &format!(
                "Continuation:{}{text}",
                if text.starts_with(' ') { "" } else { " " }
            ),
            self.text,
        ) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// One token of the prompt, on the next line where it does not fit on this one.
    fn piece(&self, label: &str, style: Style, column: &mut usize, out: &mut dyn Write) -> io::Result<()> {
        let wide = width(label);
        if *column == 0 || *column + wide + 1 > self.text {
            let new_line = if *column == 0 { "" } else { "\n" };
            write!(out, "{new_line}  {style}{label}{style:#}")?;
            *column = 2 + wide;
        } else {
            write!(out, "{DIM}│{DIM:#}{style}{label}{style:#}")?;
            *column += wide + 1;
        }
        Ok(())
    }
}
