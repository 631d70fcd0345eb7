// What the reader has chosen, kept in the address's hash so that a view can be shared.

const THEMES = ['auto', 'light', 'dark'];
const ORDERS = ['up', 'down'];

function defaultState() {
  const pos = readPositions.at(-1) ?? 0;
  const rows = rowsByPoint.get(FIRST_POINT);
  return {
    point: FIRST_POINT, // where in each block the rows are read
    row: rows.at(-1)?.key, pos, rank: 0, // the current cell; rank counts columns where ranks are columns
    hold: null, // the position whose trajectories stay charted
    pins: null, // an array of pins, or null for the default ones
    color: isColor(doc.view?.color) ? doc.view.color : 'prob', // 'prob', 'p:PIN', 'r:PIN' or 's:STATISTIC'
    measure: 'prob', // the chart's: 'prob', 'logprob', 'rank' or 's:STATISTIC'
    hidden: new Set(), // layers, and perhaps 'embed'
    order: doc.view?.order ?? 'up',
    words: doc.view?.words ?? false, // whether tokens that are no words are hidden
    theme: 'auto',
  };
}

/** 'embed' and [0,1,2,5] as "embed,0-2,5". */
function writeRanges(hidden) {
  const numbers = [...hidden].filter((item) => item !== 'embed').sort((a, b) => a - b);
  const parts = hidden.has('embed') ? ['embed'] : [];
  for (let i = 0; i < numbers.length;) {
    let j = i;
    while (numbers[j + 1] === numbers[j] + 1) j += 1;
    parts.push(j > i ? `${numbers[i]}-${numbers[j]}` : String(numbers[i]));
    i = j + 1;
  }
  return parts.join(',');
}

/** The layers of "embed,0-2,5" that this document has. */
function readRanges(text) {
  const hidden = new Set();
  const layers = new Set([...rowsByPoint.values()].flat().map((row) => row.layer).filter(Number.isInteger));
  for (const part of text.split(',')) {
    const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (part === 'embed') hidden.add('embed');
    else if (from) [...layers].filter((layer) => layer >= Number(from) && layer <= Number(to ?? from)).forEach((layer) => hidden.add(layer));
    // A link may say the same a million times.
    if (hidden.size > layers.size) break;
  }
  return hidden;
}

function encodeState(state) {
  const base = defaultState();
  const fields = [];
  const put = (name, value) => fields.push(`${name}=${encodeURIComponent(value).replaceAll('%2C', ',').replaceAll('%3A', ':')}`);
  for (const name of ['point', 'row', 'pos', 'rank', 'color', 'measure', 'order', 'words', 'theme']) {
    if (state[name] !== base[name]) put(name, state[name]);
  }
  if (state.hold != null) put('hold', state.hold);
  if (state.pins) put('pins', state.pins.join(','));
  if (state.hidden.size) put('hide', writeRanges(state.hidden));
  return fields.join('&');
}

function isColor(color) {
  const [, kind, name] = /^([prs]):(.+)$/.exec(color) ?? [];
  return color === 'prob' || (kind === 's' ? statNames.includes(name) : Boolean(kind) && isPin(name));
}

/** The state a hash stands for; what it names that this document lacks is left out. */
function decodeState(hash) {
  const state = defaultState();
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const take = (name, accepts, read = (text) => text) => {
    if (given.has(name) && accepts(given.get(name))) state[name] = read(given.get(name));
  };
  const isPosition = (text) => /^\d+$/.test(text) && readPositions.includes(Number(text));
  take('point', (text) => pointNames.includes(text));
  take('row', (text) => Boolean(findRow(state.point, text)), (text) => findRow(state.point, text).key);
  take('pos', isPosition, Number);
  take('hold', isPosition, Number);
  take('rank', (text) => columns.some((col) => String(col.rank) === text), Number);
  take('color', isColor);
  take('measure', (text) => ['prob', 'logprob', 'rank'].includes(text) || (text.startsWith('s:') && isColor(text)));
  take('order', (text) => ORDERS.includes(text));
  take('words', (text) => ['true', 'false'].includes(text), (text) => text === 'true');
  take('theme', (text) => THEMES.includes(text));
  take('pins', () => true, (text) => text.split(',').filter(isPin));
  if (given.has('hide')) state.hidden = readRanges(given.get('hide'));
  return state;
}

let state = decodeState(location.hash);
let hover = null; // the cell under the mouse, {row, pos, rank}; never in the hash
let printing = false;

const darkQuery = matchMedia('(prefers-color-scheme: dark)');
/** Where the details lie below the heatmap, as in style.css. */
const narrow = matchMedia('(max-width: 960px)');

/** The theme in effect; paper is light. */
function currentTheme() {
  if (printing) return 'light';
  return state.theme === 'auto' ? (darkQuery.matches ? 'dark' : 'light') : state.theme;
}

const currentCell = () => hover ?? { row: state.row, pos: state.pos, rank: state.rank };
const chartedPosition = () => state.hold ?? currentCell().pos;
const chosenPins = () => state.pins ?? defaultPins;

/** The pins that are charted at a position: the chosen ones, else those the run followed. */
function chartedPins(pos) {
  const pins = chosenPins();
  return pins.length ? pins : followedPins(state.point, pos);
}

/** Rows that are shown, from the input up. */
function visibleRows() {
  return rowsByPoint.get(state.point).filter((row) => row.kind === 'output'
    || !state.hidden.has(row.kind === 'embed' ? 'embed' : row.layer));
}

/** Rows in the order in which they stand on the page, from the top. */
function orderedRows() {
  const rows = visibleRows();
  return state.order === 'up' ? rows.reverse() : rows;
}

function writeHash() {
  const hash = encodeState(state);
  if (hash === location.hash.replace(/^#/, '')) return;
  try {
    history.replaceState(null, '', `#${hash}`);
  } catch {
    // Some embeddings forbid it; the view then just has no address.
  }
}

/** Changes the state, its address, and what is drawn of it. */
function update(patch) {
  const before = state;
  state = { ...state, ...patch };
  if (!findRow(state.point, state.row)) state.row = rowsByPoint.get(state.point).at(-1).key;
  writeHash();
  render(before);
}

function togglePin(pin) {
  const pins = chosenPins();
  const next = pins.includes(pin) ? pins.filter((other) => other !== pin) : [...pins, pin];
  const colorGone = /^[pr]:/.test(state.color) && !next.includes(state.color.slice(2));
  update({ pins: next, ...(colorGone && { color: 'prob' }) });
  announce(`${pinLabel(pin)} ${next.includes(pin) ? 'pinned' : 'no longer pinned'}`);
}

function toggleHold(pos) {
  const hold = state.hold === pos ? null : pos;
  update({ hold });
  announce(hold == null ? 'Position released' : `Position ${pos} pinned`);
}

/** Says to a screen reader what happened elsewhere on the page. */
function announce(message) {
  document.getElementById('live').textContent = message;
}
