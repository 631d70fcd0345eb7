//! Where the panes are on a screen of any size.

use ratatui::layout::Rect;

/// Where the panes are. What there is no room for gives way in this order: the lines, the top tokens, the
/// prompt. The grid and the status line are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub prompt: Option<Rect>,
    pub grid: Rect,
    pub top: Option<Rect>,
    pub lines: Option<Rect>,
    pub status: Rect,
}

/// From so many columns on, the top tokens stand beside the grid.
const WIDE: u16 = 100;
/// Of the pane beside the grid.
const BESIDE: u16 = 38;
/// The least lines of a pane below the grid, its heading among them.
const STRIP: u16 = 7;
/// The least lines of a grid that leaves room for a pane below it.
const GRID: u16 = 7;
/// The least columns of two panes beside each other.
const TWO: u16 = 56;

impl Layout {
    /// The panes of a screen of so many columns and lines.
    pub fn of(columns: u16, lines: u16) -> Self {
        let status = Rect::new(0, lines.saturating_sub(1), columns, lines.min(1));
        let above = lines.saturating_sub(1);
        let prompt = (above >= GRID).then(|| Rect::new(0, 0, columns, 1));
        let first = if prompt.is_some() { 1 } else { 0 };
        let body = Rect::new(0, first, columns, above - first);
        let (grid, top, lines) = match columns >= WIDE {
            true => beside(body),
            false => below(body),
        };
        Self {
            prompt,
            grid,
            top,
            lines,
            status,
        }
    }
}

/// With fewer lines than this the top tokens of one of two cells are enough.
const BOTH: u16 = 12;

impl Layout {
    /// Where the top tokens of the cursor's cell are and, of two prompts, those of the cell beside it.
    pub fn tops(&self, two: bool) -> (Option<Rect>, Option<Rect>) {
        match self.top {
            Some(pane) if two && pane.height >= BOTH => {
                let height = pane.height.div_ceil(2);
                let below = Rect {
                    y: pane.y + height,
                    height: pane.height - height,
                    ..pane
                };
                (Some(Rect { height, ..pane }), Some(below))
            }
            pane => (pane, None),
        }
    }
}

type Panes = (Rect, Option<Rect>, Option<Rect>);

/// The top tokens beside the grid, the lines below both; on a low screen the lines below the top tokens.
fn beside(body: Rect) -> Panes {
    let right = BESIDE.max(body.width / 4).min(52);
    let split = |height: u16| {
        let grid = Rect::new(body.x, body.y, body.width - right, height);
        let top = Rect::new(body.x + grid.width, body.y, right, height);
        (grid, top)
    };
    if body.height >= GRID + STRIP + 8 {
        let strip = (body.height / 3).clamp(STRIP + 1, 18);
        let (grid, top) = split(body.height - strip);
        let lines = Rect::new(body.x, body.y + grid.height, body.width, strip);
        return (grid, Some(top), Some(lines));
    }
    let (grid, top) = split(body.height);
    if body.height < 2 * STRIP {
        return (grid, Some(top), None);
    }
    let upper = body.height.div_ceil(2);
    let lines = Rect::new(top.x, top.y + upper, top.width, top.height - upper);
    (grid, Some(Rect { height: upper, ..top }), Some(lines))
}

/// Top tokens and lines side by side below the grid.
fn below(body: Rect) -> Panes {
    if body.height < GRID + STRIP {
        return (body, None, None);
    }
    let strip = (body.height * 2 / 5).clamp(STRIP, 14);
    let grid = Rect {
        height: body.height - strip,
        ..body
    };
    let y = body.y + grid.height;
    if body.width < TWO {
        return (grid, Some(Rect::new(body.x, y, body.width, strip)), None);
    }
    let left = body.width.div_ceil(2).min(44);
    let top = Rect::new(body.x, y, left, strip);
    let lines = Rect::new(body.x + left, y, body.width - left, strip);
    (grid, Some(top), Some(lines))
}
