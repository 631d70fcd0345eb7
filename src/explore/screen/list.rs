//! A list of prompts as a table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{BOLD, Colors, DIM, REVERSED};
use crate::explore::screen::prompt::end as end_of;
use crate::explore::state::{Entry, List, Outcome, State};
use crate::report::text::{fit, percent, plain, width};

/// The columns of numbers, each with the spaces before it.
const PROB: usize = 8;
const RANK: usize = 8;
const SETTLES: usize = 9;
/// The most of an id and of a token.
const ID: usize = 16;
const TOKEN: usize = 14;
/// The least of a prompt.
const PROMPT: usize = 18;

/// Draws the selected prompt as a whole, and below it a line for each that is seen.
pub fn draw(buffer: &mut Buffer, area: Rect, state: &State, colors: Colors) {
    let Some(list) = &state.list else {
        return;
    };
    let columns = usize::from(area.width);
    let mut put = |line: usize, text: &str, style: Style| {
        if line < usize::from(area.height) {
            buffer.set_stringn(area.x, area.y + line as u16, fit(text, columns), columns, style);
        }
    };
    let selected = list.selection().map(|nth| &list.entries[nth]);
    put(0, &title(selected, columns), BOLD);
    let table = Columns::of(list, columns);
    put(1, &table.head(), DIM);
    if list.shown.is_empty() {
        return put(2, " No prompt has that.", DIM);
    }
    let seen = list
        .shown
        .iter()
        .enumerate()
        .skip(list.above)
        .take(state.list_height());
    for (line, (nth, &entry)) in seen.enumerate() {
        let entry = &list.entries[entry];
        let style = match &entry.outcome {
            Outcome::Refused(_) => colors.error(),
            _ if !entry.failures.is_empty() => colors.error(),
            Outcome::Awaited => DIM,
            Outcome::Read(_) => Style::new(),
        };
        let style = if nth == list.selected {
            style.patch(REVERSED)
        } else {
            style
        };
        put(2 + line, &table.line(entry), style);
    }
}

/// What there is to say of the selected prompt beside its columns: what failed, or all of its text.
fn title(selected: Option<&Entry>, columns: usize) -> String {
    let Some(entry) = selected else {
        return String::new();
    };
    let said = match &entry.outcome {
        Outcome::Refused(why) => plain(why),
        _ if !entry.failures.is_empty() => {
            let failures: Vec<String> = entry.failures.iter().map(|failure| plain(failure)).collect();
            format!("failed: {}", failures.join(", "))
        }
        _ => plain(&entry.prompt),
    };
    let room = columns.saturating_sub(2);
    match width(&said) <= room {
        true => format!(" {said}"),
        false => format!(" …{}", end_of(&said, room.saturating_sub(1))),
    }
}

/// A token's label, whose sign for a space is no text of its own, without what a terminal would obey.
fn visible(label: &str) -> String {
    let parts: Vec<String> = label.split('␣').map(plain).collect();
    parts.join("␣")
}

/// How wide what there is room for is; 0 of what there is none of.
struct Columns {
    id: usize,
    prompt: usize,
    target: usize,
    output: usize,
    settles: usize,
    rank: usize,
}

impl Columns {
    /// Room goes to the prompt; where it is scarce, the layer gives way first, then the id.
    fn of(list: &List, columns: usize) -> Self {
        let column = |width: usize, most: usize| if width == 0 { 0 } else { width.min(most) + 2 };
        let [widest_id, widest_target] = list.widths;
        let target = match widest_target {
            0 => 0,
            widest => column(widest.max("target".len()), TOKEN),
        };
        let rank = if target > 0 { RANK } else { 0 };
        let output = TOKEN + 2;
        let fixed = 1 + target + output + PROB + rank;
        let room = columns.saturating_sub(fixed + PROMPT);
        let id = column(widest_id, ID);
        let id = if id <= room { id } else { 0 };
        let settles = if SETTLES <= room - id { SETTLES } else { 0 };
        Self {
            id,
            prompt: columns.saturating_sub(fixed + id + settles),
            target,
            output,
            settles,
            rank,
        }
    }

    /// The names of the columns; probability and rank are the target's where there is one.
    fn head(&self) -> String {
        let mut head = " ".to_string();
        head.push_str(&fit("id", self.id));
        head.push_str(&fit("prompt", self.prompt));
        head.push_str(&fit("  target", self.target));
        head.push_str(&fit("  output", self.output));
        head.push_str(&format!("{:>PROB$}", "prob"));
        if self.rank > 0 {
            head.push_str(&format!("{:>RANK$}", "rank"));
        }
        if self.settles > 0 {
            head.push_str(&format!("{:>SETTLES$}", "settles"));
        }
        head
    }

    fn line(&self, entry: &Entry) -> String {
        let cell = |text: &str, columns: usize| match columns {
            0 => String::new(),
            _ => format!("  {}", fit(&visible(text), columns - 2)),
        };
        let mut line = if entry.failures.is_empty() { " " } else { "✗" }.to_string();
        if self.id > 0 {
            line.push_str(&fit(&plain(entry.id.as_deref().unwrap_or_default()), self.id - 2));
            line.push_str("  ");
        }
        let prompt = plain(&entry.prompt);
        let prompt = match width(&prompt) <= self.prompt {
            true => prompt,
            // Its end is what is read.
            false => format!("…{}", end_of(&prompt, self.prompt.saturating_sub(1))),
        };
        line.push_str(&fit(&prompt, self.prompt));
        line.push_str(&cell(entry.target.as_deref().unwrap_or_default(), self.target));
        let Some(summary) = entry.summary() else {
            let said = match &entry.outcome {
                Outcome::Refused(_) => "cannot be read",
                _ => "…",
            };
            line.push_str(&cell(said, self.output));
            return line;
        };
        line.push_str(&cell(&summary.output, self.output));
        let prob = summary.target.map_or(summary.output_prob, |(prob, _)| prob);
        line.push_str(&format!("{:>PROB$}", percent(prob)));
        if self.rank > 0 {
            let rank = summary.target.map_or(String::new(), |(_, rank)| rank.to_string());
            line.push_str(&format!("{rank:>RANK$}"));
        }
        if self.settles > 0 {
            let settles = summary.settles.map_or("–".to_string(), |layer| layer.to_string());
            line.push_str(&format!("{settles:>SETTLES$}"));
        }
        line
    }
}
