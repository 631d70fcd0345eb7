//! The tokens asked for with `--track`, row by row.

use std::io::{self, Write};

use anstyle::Style;

use super::{BOLD, DIM, is_output};
use crate::report::Document;
use crate::report::text::{self, fit, percent, right, width};

const GAP: usize = 3;

/// What a target is: its name, and the tokens that it stands for with their ids.
pub fn title(document: &Document, nth: usize) -> String {
    let target = &document.trajectory.targets[nth];
    match target.ids.as_slice() {
        [id] if target.name == document.tokens.label(*id) => format!("{} (id {id})", target.name),
        ids => {
            let members = ids
                .iter()
                .map(|&id| format!("{} (id {id})", document.tokens.label(id)));
            format!("{} = {}", target.name, members.collect::<Vec<_>>().join(" + "))
        }
    }
}

/// For each target, probability, log-probability, logit and rank at every row of one position,
/// and its logit's lead over the token compared with. Targets stand side by side while they fit.
pub fn table(document: &Document, at: usize, available: usize, out: &mut dyn Write) -> io::Result<()> {
    let trajectory = document.trajectory;
    let label = (trajectory.rows.iter().map(|row| row.site.to_string().len()))
        .chain([5])
        .max()
        .unwrap_or(5);
    let blocks: Vec<Vec<String>> = (0..trajectory.targets.len())
        .map(|nth| block(document, nth, at))
        .collect();
    let widths: Vec<usize> = (blocks.iter())
        .map(|block| block.iter().map(|line| width(line)).max().unwrap_or(0))
        .collect();
    let rows = trajectory
        .rows
        .iter()
        .map(|row| match is_output(row.site, document.card.layers) {
            true => (row.site.to_string(), BOLD, Style::new()),
            false => (row.site.to_string(), DIM, Style::new()),
        });
    let head = [(String::new(), DIM, BOLD), ("layer".to_string(), DIM, DIM)];
    let lines: Vec<(String, Style, Style)> = head.into_iter().chain(rows).collect();
    for band in text::bands(&widths, label, GAP, available) {
        writeln!(out)?;
        for (line, (name, style, body)) in lines.iter().enumerate() {
            let blocks = blocks[band.clone()].iter().zip(&widths[band.clone()]);
            let texts: Vec<String> = blocks
                .map(|(block, &columns)| fit(&block[line], columns))
                .collect();
            let text = texts.join(&" ".repeat(GAP));
            let text = text.trim_end();
            writeln!(
                out,
                "{style}{name:>label$}{style:#}{:GAP$}{body}{text}{body:#}",
                ""
            )?;
        }
    }
    Ok(())
}

/// Title, heading and a line for each row.
fn block(document: &Document, nth: usize, at: usize) -> Vec<String> {
    let trajectory = document.trajectory;
    let target = &trajectory.targets[nth];
    let mut heading = format!("{:>6} {:>8} {:>8} {:>6}", "prob", "logprob", "logit", "rank");
    if let Some(against) = document.against {
        heading.push_str(&format!(" {:>9}", format!("−{}", against.name)));
    }
    let mut lines = vec![title(document, nth), heading];
    for row in 0..trajectory.rows.len() {
        let Some(value) = trajectory.value(target, row, at) else {
            lines.push("–".to_string());
            continue;
        };
        let mut line = format!(
            "{:>6} {:>8.3} {:>8.3} {:>6}",
            percent(value.prob),
            value.logprob,
            value.logit,
            value.rank
        );
        let against = document
            .against
            .and_then(|against| trajectory.value(against, row, at));
        if let Some(against) = against {
            line.push_str(&format!(
                " {}",
                right(&format!("{:+.3}", value.logit - against.logit), 9)
            ));
        }
        lines.push(line);
    }
    lines
}
