// Draws the page, and again what a change of state touches.

function applyTheme() {
  document.documentElement.dataset.theme = currentTheme();
}

/** Draws what differs from the state before; everything without one. */
function render(before) {
  const changed = (...names) => !before || names.some((name) => before[name] !== state[name]);
  const themeChanged = changed('theme');
  const pinsChanged = changed('pins');
  if (themeChanged) applyTheme();
  if (changed('point', 'order', 'hidden', 'words')) renderGrid();
  else if (changed('color', 'theme')) paintTable(grid);
  if (changed('row', 'pos', 'rank', 'hold')) markGrid();
  if (themeChanged || changed('color', 'point', 'hidden')) renderLegend();
  if (themeChanged || pinsChanged || changed('color', 'point', 'hidden', 'order', 'words') || Boolean(controls.reset.hidden) === (encodeState({ ...state, theme: 'auto' }) !== '')) renderControls();
  renderDetails();
  renderChart();
}

let hoverFrame = 0;
/** The mouse may cross many cells in a frame; only the last of them is drawn. */
function scheduleHoverRender() {
  hoverFrame ||= requestAnimationFrame(() => {
    hoverFrame = 0;
    renderDetails();
    renderChart();
  });
}

// On paper the heatmap is cut into tables that fit the page's width.
const PAPER_WIDTH = 680;
const PAPER_SCALE_MIN = 0.72;

const CH_WIDTH = 7.25; // of the heatmap's font, in pixels
const ROW_HEADER_WIDTH = 86;

function buildPrintGrid() {
  const cell = columnWidth() * CH_WIDTH;
  const perTable = Math.max(1, Math.floor((PAPER_WIDTH / PAPER_SCALE_MIN - ROW_HEADER_WIDTH) / cell));
  const tableCount = Math.ceil(columns.length / perTable);
  const each = Math.ceil(columns.length / tableCount);
  const tables = Array.from({ length: tableCount }, (_, i) => {
    const part = buildTable(columns.slice(i * each, (i + 1) * each), i * each);
    paintTable(part);
    part.table.style.zoom = Math.min(1, PAPER_WIDTH / (ROW_HEADER_WIDTH + each * cell)).toFixed(3);
    return part.table;
  });
  document.getElementById('print-grid').replaceChildren(...tables);
}

function setPrinting(on) {
  if (printing === on) return;
  printing = on;
  hover = null;
  applyTheme();
  if (on) buildPrintGrid();
  else document.getElementById('print-grid').replaceChildren();
  renderLegend();
  renderDetails();
  renderChart();
}

function clearAll() {
  hover = null;
  const colorGone = /^[pr]:/.test(state.color) && !defaultPins.includes(state.color.slice(2));
  update({ hold: null, pins: null, ...(colorGone && { color: 'prob' }) });
  announce('Pins and position cleared');
}

function listen() {
  listenToGrid();
  addEventListener('hashchange', () => {
    if (location.hash.replace(/^#/, '') === encodeState(state)) return;
    state = decodeState(location.hash);
    hover = null;
    render();
  });
  addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    if (layersPanel.details.open) layersPanel.details.open = false;
    else if (sheetIsOpen()) closeSheet();
    else clearAll();
  });
  darkQuery.addEventListener('change', () => render({ ...state, theme: null }));
  const printQuery = matchMedia('print');
  printQuery.addEventListener('change', () => setPrinting(printQuery.matches));
  addEventListener('beforeprint', () => setPrinting(true));
  addEventListener('afterprint', () => setPrinting(false));
  const resized = new ResizeObserver(() => {
    if (printing) return;
    grid.table.style.setProperty('--col', `${columnWidth()}ch`);
    if (plot && plot.width !== chartSize().width) renderChart();
  });
  resized.observe(gridBox);
  resized.observe(gridBox.closest('main'));
  resized.observe(chartBox);
}

function start() {
  renderHeading();
  renderHelp();
  renderAbout();
  renderProvenance();
  makeControls();
  makeSheet();
  render();
  listen();
  const cell = currentElement();
  if (cell) revealCell(cell);
}

start();
