// The heatmap: a table with the ARIA grid pattern, one cell in the tab order at a time.

const gridBox = document.getElementById('grid');
const SHORT_ROWS = 18;
let grid = null; // {table, rows, cells: [row][column]}

const settlesShown = () => isStream(state.point) && reading(state.point).settles_at?.some((layer) => layer != null);

/** Widths of columns, in characters. */
const FITTING_WIDTH = 7.5;
const NARROWEST = 6;
const WIDEST = 24;
const WIDEST_SCROLLED = 14;
const CELL_PADDING = 1.6;
const NARROW_BOX = 60;

/** The pixels there are for the heatmap. Its own box is as wide as its table, so it cannot be asked. */
function figureRoom() {
  const { clientWidth } = gridBox.closest('main');
  if (narrow.matches) return clientWidth;
  const style = getComputedStyle(document.documentElement);
  return clientWidth - parseFloat(style.fontSize) * parseFloat(style.getPropertyValue('--side'));
}

const tokenLengths = new Map();
/** The longest token of a point's cells and heads, and the length that most of them keep to. */
function lengthsAt(point) {
  if (!tokenLengths.has(point)) {
    const lengths = ranksAsColumns ? [] : columns.map((col) => showToken(doc.input[col.pos]).length);
    for (const row of rowsByPoint.get(point)) {
      for (const col of columns) lengths.push(showToken(valueAt(point, row, 'topk', col.pos)?.[col.rank] ?? '').length);
    }
    tokenLengths.set(point, { longest: lengths.reduce((a, b) => Math.max(a, b), 0), most: quantile(lengths, 0.95) });
  }
  return tokenLengths.get(point);
}

/** In characters: as wide as the longest token where there is room for that, else as most tokens need. */
function columnWidth() {
  const { longest, most } = lengthsAt(state.point);
  const room = Math.max(NARROW_BOX, Math.floor((figureRoom() - ROW_HEADER_WIDTH) / CH_WIDTH));
  const share = room / columns.length;
  // A few columns are made to fit without scrolling; many scroll anyhow.
  if (share >= FITTING_WIDTH) return Math.max(NARROWEST, Math.min(share, WIDEST, Math.max(9, longest + CELL_PADDING)));
  return Math.min(WIDEST_SCROLLED, Math.max(NARROWEST, share, most + CELL_PADDING, Math.min(9, longest + CELL_PADDING)));
}

/** What stands for a token that is no word where only words are wanted, as in the terminal. */
const NO_WORD = '·';

/** The output's row is whole, and so is the top token where ranks are columns. */
const isKept = (row, col) => row.kind === 'output' || (ranksAsColumns && col.rank === 0);

function cellText(row, col) {
  const token = valueAt(state.point, row, 'topk', col.pos)?.[col.rank];
  if (token == null) return '';
  return state.words && !isKept(row, col) && !isWord(token) ? NO_WORD : showToken(token);
}

function makeCell(row, col, colIndex) {
  const cell = document.createElement('td');
  cell.setAttribute('role', 'gridcell');
  cell.tabIndex = -1;
  cell.dir = 'auto';
  cell.dataset.row = row.key;
  cell.dataset.col = colIndex;
  cell.dataset.pos = col.pos;
  cell.textContent = cellText(row, col);
  return cell;
}

function rowHeader(row) {
  const names = { embed: ['embed', ''], output: ['output', row.layer ?? ''], layer: ['', row.layer] };
  const [word, number] = names[row.kind];
  const header = element('th', { role: 'rowheader', scope: 'row' });
  if (word) header.append(element('span', { class: 'word' }, word));
  if (number !== '') header.append(' ', element('span', { class: 'number' }, String(number)));
  return header;
}

function columnHeader(col, colIndex) {
  const header = element('th', { role: 'columnheader', scope: 'col', 'data-col': colIndex });
  if (ranksAsColumns) {
    header.append(element('span', { class: 'index' }, `rank ${col.rank + 1}`));
    return header;
  }
  const generated = col.pos >= generatedFrom;
  if (generated) header.classList.add('generated');
  if (generated && col.pos === generatedFrom) header.classList.add('first-generated');
  header.append(element('span', { class: 'index' }, String(col.pos)), tokenElement(doc.input[col.pos]));
  header.title = generated ? 'generated' : 'pin this position in the chart';
  return header;
}

/** The first row at or above the layer where a position settles, since rows may be hidden. */
function settlingRow(rows, pos) {
  const layer = reading(state.point).settles_at?.[pos];
  if (layer == null) return undefined;
  return rows.filter((row) => row.kind !== 'embed' && (row.layer ?? Infinity) >= layer)
    .sort((a, b) => (a.layer ?? Infinity) - (b.layer ?? Infinity))[0];
}

/** A table of some columns: the one on the page has all, those on paper a few each. */
function buildTable(cols, colOffset = 0) {
  const rows = orderedRows();
  const table = element('table', { role: 'grid', class: `heatmap ${state.order}`, 'aria-readonly': 'true' });
  table.setAttribute('aria-label', `Likeliest token by layer and ${ranksAsColumns ? 'rank' : 'position'}`);
  table.style.setProperty('--col', `${columnWidth()}ch`);
  table.style.width = `calc(var(--head) + ${cols.length} * var(--col))`;
  const corner = element('th', { class: 'corner', role: 'columnheader', scope: 'col' }, 'layer');
  const head = element('tr', { role: 'row' }, corner, ...cols.map((col, i) => columnHeader(col, i + colOffset)));
  const body = element('tbody', { role: 'rowgroup' });
  const cells = rows.map((row) => {
    const made = cols.map((col, i) => makeCell(row, col, i + colOffset));
    body.append(element('tr', { role: 'row', class: row.kind }, rowHeader(row), ...made));
    return made;
  });
  if (settlesShown()) {
    cols.forEach((col, i) => {
      const row = settlingRow(rows, col.pos);
      if (row) cells[rows.indexOf(row)][i].classList.add('settle');
    });
  }
  table.append(element('thead', { role: 'rowgroup' }, head), body);
  return { table, rows, cells, cols };
}

/** Colours the cells; black or white text, whichever contrasts more. */
function paintTable({ rows, cells, cols }) {
  const scale = makeScale(state.color);
  rows.forEach((row, r) => cols.forEach((col, c) => {
    const value = scale.value(row, col);
    const cell = cells[r][c];
    const color = value == null ? null : rampColor(scale.t(value));
    cell.classList.toggle('none', !color);
    cell.style.backgroundColor = color?.css ?? '';
    cell.style.color = color?.ink ?? '';
  }));
}

function renderGrid() {
  const hadFocus = gridBox.contains(document.activeElement);
  grid = buildTable(columns);
  // A short heatmap leaves room below it for the chart.
  document.querySelector('main').classList.toggle('short', rowsByPoint.get(state.point).length <= SHORT_ROWS);
  gridBox.replaceChildren(grid.table);
  paintTable(grid);
  markGrid();
  if (hadFocus) currentElement()?.focus({ preventScroll: true });
}

const columnIndexOf = (cell) => columns.findIndex((col) => col.pos === cell.pos && (!ranksAsColumns || col.rank === cell.rank));

/** The table cell of the current cell; the nearest row if its own is hidden. */
function currentElement() {
  const rowIndex = grid.rows.findIndex((row) => row.key === state.row);
  return grid.cells[rowIndex < 0 ? 0 : rowIndex]?.[columnIndexOf(state)];
}

/** Marks the current cell, its headers and the held position, and puts it in the tab order. */
function markGrid() {
  for (const old of grid.table.querySelectorAll('.current, .held, [tabindex="0"]')) {
    old.classList.remove('current', 'held');
    if (old.tabIndex === 0) old.tabIndex = -1;
    old.removeAttribute('aria-selected');
  }
  const cell = currentElement();
  if (cell) {
    cell.tabIndex = 0;
    cell.classList.add('current');
    cell.setAttribute('aria-selected', 'true');
    cell.parentElement.firstChild.classList.add('current');
  }
  const headers = grid.table.tHead.rows[0].cells;
  headers[columnIndexOf(state) + 1]?.classList.add('current');
  if (state.hold != null && !ranksAsColumns) {
    headers[columns.findIndex((col) => col.pos === state.hold) + 1]?.classList.add('held');
  }
}

/** The cell's place as the state has it. */
function placeOf(td) {
  const col = columns[Number(td.dataset.col)];
  return { row: td.dataset.row, pos: col.pos, rank: col.rank };
}
const samePlace = (a, b) => a?.row === b?.row && a?.pos === b?.pos && a?.rank === b?.rank;

function setHover(place) {
  if (samePlace(hover, place) || (!hover && !place)) return;
  hover = place;
  scheduleHoverRender();
}

function focusCell(td) {
  if (!td) return;
  hover = null;
  td.focus({ preventScroll: true });
  revealCell(td);
}

/** Scrolls the grid's own box so that a cell is not under the sticky headers. */
function revealCell(td) {
  const box = gridBox.getBoundingClientRect();
  const rect = td.getBoundingClientRect();
  const headers = grid.table.tHead.rows[0].cells[0].getBoundingClientRect();
  const left = box.left + headers.width;
  const top = box.top + headers.height;
  const right = box.left + gridBox.clientWidth;
  const bottom = box.top + gridBox.clientHeight;
  if (rect.left < left) gridBox.scrollLeft -= left - rect.left;
  else if (rect.right > right) gridBox.scrollLeft += rect.right - right;
  if (rect.top < top) gridBox.scrollTop -= top - rect.top;
  else if (rect.bottom > bottom) gridBox.scrollTop += rect.bottom - bottom;
}

/** Where a key leads from a cell, as [row, column] on the page. */
function moveByKey(event, r, c) {
  const lastRow = grid.rows.length - 1;
  const lastCol = columns.length - 1;
  const clamp = (value, high) => Math.min(high, Math.max(0, value));
  switch (event.key) {
    case 'ArrowLeft': return [r, clamp(c - 1, lastCol)];
    case 'ArrowRight': return [r, clamp(c + 1, lastCol)];
    case 'ArrowUp': return [clamp(r - 1, lastRow), c];
    case 'ArrowDown': return [clamp(r + 1, lastRow), c];
    case 'PageUp': return [0, c];
    case 'PageDown': return [lastRow, c];
    case 'Home': return [event.ctrlKey ? 0 : r, 0];
    case 'End': return [event.ctrlKey ? lastRow : r, lastCol];
    default: return null;
  }
}

function onGridKey(event) {
  const td = event.target.closest('td');
  if (!td || event.altKey || event.metaKey) return;
  const r = grid.rows.findIndex((row) => row.key === td.dataset.row);
  const target = moveByKey(event, r, Number(td.dataset.col));
  if (target) focusCell(grid.cells[target[0]][target[1]]);
  else if (event.key === 'Enter' || event.key === ' ') {
    toggleHold(placeOf(td).pos);
    openSheetFor(td);
  }
  else if (/^[1-9]$/.test(event.key) && !event.ctrlKey) pinByNumber(placeOf(td), Number(event.key));
  else return;
  event.preventDefault();
}

function pinByNumber({ row, pos }, rank) {
  const token = topTokens(state.point, findRow(state.point, row), pos)[rank - 1];
  if (token) togglePin(pinOfToken(token.id));
}

function listenToGrid() {
  let pressedOnCurrent = false;
  gridBox.addEventListener('pointerover', (event) => {
    if (event.pointerType !== 'touch') setHover(event.target.closest('td') ? placeOf(event.target.closest('td')) : null);
  });
  gridBox.addEventListener('pointerleave', () => setHover(null));
  gridBox.addEventListener('pointerdown', (event) => {
    const td = event.target.closest('td');
    // Focus arrives before the click and moves the current cell.
    pressedOnCurrent = Boolean(td) && samePlace(placeOf(td), state);
  });
  gridBox.addEventListener('focusin', (event) => {
    const td = event.target.closest('td');
    if (td && !samePlace(placeOf(td), state)) update(placeOf(td));
  });
  gridBox.addEventListener('click', (event) => {
    const target = event.target.closest('td, thead th[data-col]');
    if (!target) return;
    if (target.tagName === 'TH') {
      toggleHold(columns[Number(target.dataset.col)].pos);
      return;
    }
    const place = placeOf(target);
    const release = pressedOnCurrent && state.hold === place.pos;
    update({ ...place, hold: release ? null : place.pos });
    openSheetFor(target);
  });
  gridBox.addEventListener('keydown', onGridKey);
}
