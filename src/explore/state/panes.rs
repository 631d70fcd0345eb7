//! What of the state is on the screen: panes, columns, lines, and how far they are scrolled.

use ratatui::layout::Rect;

use super::{Cursor, State};
use crate::explore::grid::{self, Columns, GridLine, Seen};

/// Fewer columns than this are no grid: of two, the cursor's alone is shown then.
const NARROWEST: u16 = 20;

impl State {
    /// Where the top tokens of the cursor's cell are and, of two prompts, those of the cell beside it.
    pub fn tops(&self) -> (Option<Rect>, Option<Rect>) {
        let layout = self.layout();
        match self.lines_give_way() {
            true => (layout.top, layout.lines),
            false => layout.tops(self.beside.is_some()),
        }
    }

    /// Where the lines are.
    pub fn lines_pane(&self) -> Option<Rect> {
        self.layout().lines.filter(|_| !self.lines_give_way())
    }

    /// On a narrow screen with two prompts the lines give way to the second's top tokens, until a token is pinned.
    fn lines_give_way(&self) -> bool {
        let layout = self.layout();
        let is_beside = layout
            .top
            .zip(layout.lines)
            .is_some_and(|(top, lines)| top.y == lines.y);
        is_beside && self.beside.is_some() && self.side.pins.is_empty()
    }

    /// Where the grids are on the screen, each with the number of its side: two where there are two prompts and
    /// room for both.
    pub fn grids(&self) -> Vec<(usize, Rect)> {
        let pane = self.layout().grid;
        let half = pane.width / 2;
        if self.beside.is_none() || half < NARROWEST {
            return vec![(self.side.which, pane)];
        }
        let right = Rect {
            x: pane.x + half,
            width: pane.width - half,
            ..pane
        };
        vec![(0, Rect { width: half, ..pane }), (1, right)]
    }

    fn grid_width(&self) -> usize {
        let grids = self.grids();
        // A column between the two.
        let between = grids.len() - 1;
        usize::from(grids[0].1.width).saturating_sub(between)
    }

    /// The columns of the grids.
    fn grid_columns(&self) -> Option<Columns<'_>> {
        Some(Columns {
            picture: self.side.picture.as_ref()?,
            beside: (self.beside.as_ref()).and_then(|beside| beside.side.picture.as_ref()),
            numbers: self.numbers,
        })
    }

    /// The columns of the rows' names.
    pub fn label_width(&self) -> usize {
        self.grid_columns().map_or(0, Columns::label)
    }

    /// The positions that are seen.
    pub fn seen(&self) -> Vec<Seen> {
        let columns = self.grid_columns();
        columns.map_or(Vec::new(), |columns| {
            grid::seen(columns, self.left, self.grid_width())
        })
    }

    /// The lines of the grid from the top down, seen or not.
    pub fn grid_lines(&self) -> Vec<GridLine> {
        let (first, second) = self.sides();
        let grids = std::iter::once(first).chain(second);
        let grids: Vec<_> = grids
            .filter_map(|side| Some((side.picture.as_ref()?, &side.names)))
            .collect();
        let seen = self.seen();
        let fold = self.view.fold.then_some(seen.as_slice());
        grid::lines(&grids, self.view.order, fold, self.cursor.row)
    }

    /// How many lines of cells the grid shows: all but the prompt's tokens, the legend and, of two, the heading.
    pub fn grid_height(&self) -> usize {
        let others = 2 + usize::from(self.grid_heading());
        usize::from(self.layout().grid.height)
            .saturating_sub(others)
            .max(1)
    }

    /// The lines of a grid's heading.
    pub fn grid_heading(&self) -> u16 {
        u16::from(self.beside.is_some())
    }

    /// Scrolls so that the cursor is seen.
    pub(in crate::explore) fn settle(&mut self) {
        let Some(columns) = self.grid_columns() else {
            return;
        };
        let (rows, positions) = (columns.picture.rows(), columns.positions());
        let at = self.cursor.at.min(positions.saturating_sub(1));
        let room = self.grid_width().saturating_sub(columns.label());
        let left = grid::scrolled(columns, self.left, at, room);
        // Room that is left over at the end shows what is before.
        let from_the_end = grid::scrolled(columns, 0, positions.saturating_sub(1), room);
        self.left = left.min(from_the_end);
        self.cursor = Cursor {
            row: self.cursor.row.min(rows.saturating_sub(1)),
            at,
        };
        let lines = self.grid_lines();
        let line = lines
            .iter()
            .position(|line| line.has(self.cursor.row))
            .unwrap_or(0);
        let height = self.grid_height();
        self.above = self.above.min(line).max((line + 1).saturating_sub(height));
        self.above = self.above.min(lines.len().saturating_sub(height));
        self.candidate = self.candidate.min(self.top().len().saturating_sub(1));
    }
}
