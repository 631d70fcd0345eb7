// Trajectories across the layers at one position, drawn by uPlot. Lines differ in
// colour and dashes and carry their names, so that the chart reads without colour.

const chartBox = document.getElementById('chart');
const chartHead = document.getElementById('chart-head');
const keyBox = document.getElementById('key');
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const LABEL_FONT = '12px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const LABEL_CHARS = 12;
const LEADER = 14; // from a line's end to its name
let plot = null;
let chartMade = ''; // what the plot was made for; data alone can change without a new one
let chartCursor = null; // the layer's index under the mouse

const MEASURES = {
  prob: { label: 'Probability', axis: 'probability', of: (track) => track.probs },
  logprob: { label: 'Log-probability', axis: 'ln p', of: (track) => track.probs?.map((p) => (p > 0 ? Math.log(p) : null)) },
  rank: { label: 'Rank', axis: 'rank (log scale)', of: (track) => track.ranks },
};

const isStatMeasure = () => state.measure.startsWith('s:');

/** The lines at a position: [{pin, label, values}]; values is null where nothing was recorded. */
function chartLines(pos) {
  const { layers } = section(state.point);
  if (isStatMeasure()) {
    const name = state.measure.slice(2);
    const values = layers.map((_, index) => section(state.point)[name][index][pos]);
    return [{ label: statInfo(name).label, values: values.every((v) => v == null) ? null : values }];
  }
  return chartedPins(pos).map((pin) => {
    const track = trajectory(state.point, pin, pos);
    const values = track && MEASURES[state.measure].of(track);
    return { pin, label: pinLabel(pin), values: values?.some((v) => v != null) ? values : null };
  });
}

function valueRange(lines) {
  const values = lines.flatMap((line) => line.values ?? []).filter((v) => v != null);
  const high = Math.max(...values, 0);
  if (state.measure === 'prob') return [0, high > 0.5 ? 1 : niceCeil(high || 1)];
  if (state.measure === 'rank') return [0.8, Math.max(10, 10 ** Math.ceil(Math.log10(Math.max(...values, 1))))];
  const low = Math.min(...values, 0);
  return [low < 0 ? -niceCeil(-low) : 0, high > 0 ? niceCeil(high) : 0.01];
}

const showAxisValue = (v) => (state.measure === 'rank' ? (Number.isInteger(Math.log10(v)) ? showShortCount(v) : '') : minus(String(+v.toPrecision(3))));

function cssColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Wide enough for its longest number. */
const axisSize = (_, ticks) => 16 + 7 * Math.max(4, ...(ticks ?? []).map((tick) => tick.length));

function chartAxes(layers) {
  const common = { stroke: cssColor('--muted'), font: FONT, labelFont: FONT, labelSize: 18, grid: { stroke: cssColor('--grid'), width: 1 }, ticks: { show: false } };
  const axisName = isStatMeasure() ? [statInfo(state.measure.slice(2)).label, statInfo(state.measure.slice(2)).unit].filter(Boolean).join(', ') : MEASURES[state.measure].axis;
  const width = layers.length > 1 ? layers.at(-1) - layers[0] : 1;
  const incrs = [1, 2, 3, 4, 5, 10, 20, 50].filter((n) => n === 50 || width / n <= 16);
  return [
    { ...common, label: 'layer', size: 26, space: 26, incrs, values: (_, ticks) => ticks.map(String), grid: { show: false } },
    { ...common, label: axisName, size: axisSize, space: state.measure === 'rank' ? 18 : 30, values: (_, ticks) => ticks.map(showAxisValue) },
  ];
}

function chartOptions(lines, layers, size, theme) {
  const reach = valueRange(lines);
  const logged = state.measure === 'rank';
  return {
    ...size, padding: [16, lines.some((line) => line.pin) ? LEADER + 2 + 7.3 * Math.min(LABEL_CHARS, Math.max(...lines.map((line) => line.label.length))) : 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
    scales: {
      x: { time: false, range: () => (layers.length > 1 ? [layers[0], layers.at(-1)] : [layers[0] - 1, layers[0] + 1]) },
      y: { range: () => plot?.reach ?? reach, ...(logged && { distr: 3, dir: -1 }) },
    },
    axes: chartAxes(layers),
    series: [{}, ...lines.map((line, i) => {
      const { color, dash } = lineStyle(i, theme);
      return { label: line.label, stroke: color, width: 2, dash, spanGaps: false, points: { show: layers.length <= 40, size: 4, stroke: color, fill: color } };
    })],
    hooks: { drawClear: [drawMarkers], draw: [drawLabels], setCursor: [onChartCursor] },
  };
}

function drawVertical(u, layer, dash, color, text, end) {
  const x = Math.round(u.valToPos(layer, 'x', true)) + 0.5;
  const { ctx } = u;
  const ratio = uPlot.pxRatio;
  ctx.strokeStyle = color;
  ctx.lineWidth = ratio;
  ctx.setLineDash(dash.map((n) => n * ratio));
  ctx.beginPath();
  ctx.moveTo(x, u.bbox.top);
  ctx.lineTo(x, u.bbox.top + u.bbox.height);
  ctx.stroke();
  if (!text) return;
  ctx.setLineDash([]);
  ctx.fillStyle = color;
  ctx.font = FONT.replace('12px', `${11 * ratio}px`);
  ctx.textBaseline = 'bottom';
  ctx.textAlign = end ? 'right' : 'center';
  ctx.fillText(text, x, u.bbox.top - 3 * ratio);
}

/** Under the lines: where the prediction settles, and the layer of the current cell. */
function drawMarkers(u) {
  const { layers } = section(state.point);
  const settles = reading(state.point).settles_at?.[chartedPosition()];
  const row = findRow(state.point, currentCell().row);
  u.ctx.save();
  if (row?.index != null) drawVertical(u, row.layer, [], cssColor('--grid-strong'));
  if (settles != null && settlesShown() && layers.includes(settles)) {
    drawVertical(u, settles, [3, 3], cssColor('--muted'), 'settles', u.valToPos(settles, 'x') > u.over.clientWidth - 20);
  }
  u.ctx.restore();
}

/** Heights for labels that want to stand at `wanted`, at least `gap` apart, in the same order. */
function spreadLabels(wanted, gap, bottom) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [...wanted];
  for (let i = 1; i < order.length; i += 1) {
    placed[order[i]] = Math.max(placed[order[i]], placed[order[i - 1]] + gap);
  }
  let limit = bottom;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i], limit);
    limit = placed[i] - gap;
  }
  return placed;
}

/** A thin stroke from a line's end to its name. */
function drawLeader(u, fromY, toY, color) {
  const ratio = uPlot.pxRatio;
  const right = u.bbox.left + u.bbox.width;
  u.ctx.strokeStyle = color;
  u.ctx.lineWidth = 0.75 * ratio;
  u.ctx.beginPath();
  u.ctx.moveTo(right + 2 * ratio, fromY);
  u.ctx.lineTo(right + (LEADER - 2) * ratio, toY);
  u.ctx.stroke();
}

/** Each line's name at its right end. */
function drawLabels(u) {
  const lines = (u.lines ?? []).filter((line) => line.values && line.pin);
  const ratio = uPlot.pxRatio;
  const ends = lines.map((line) => line.values.findLastIndex((v) => v != null));
  const wanted = lines.map((line, i) => u.valToPos(line.values[ends[i]], 'y', true));
  const heights = spreadLabels(wanted, 13 * ratio, u.bbox.top + u.bbox.height);
  const { ctx } = u;
  ctx.save();
  ctx.font = LABEL_FONT.replace('12px', `${12 * ratio}px`);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  lines.forEach((line, i) => {
    ctx.fillStyle = lineStyle(u.lines.indexOf(line), currentTheme()).color;
    drawLeader(u, wanted[i], heights[i], ctx.fillStyle);
    const text = line.label.length > LABEL_CHARS ? `${line.label.slice(0, LABEL_CHARS - 1)}…` : line.label;
    ctx.fillText(text, u.bbox.left + u.bbox.width + LEADER * ratio, heights[i]);
  });
  ctx.restore();
}

function onChartCursor(u) {
  const index = u.cursor.left < 0 ? null : u.cursor.idx;
  if (index === chartCursor) return;
  chartCursor = index;
  renderKey(u.lines ?? []);
}

function chartSize() {
  if (printing) return { width: 640, height: 280 };
  return { width: Math.max(240, Math.floor(chartBox.clientWidth)), height: 260 };
}

function emptyChartText(lines) {
  if (isStatMeasure()) return 'This statistic has no value at this position.';
  if (!lines.length) return 'No token was followed at this position. Pin one in the list above.';
  return 'The pinned tokens were not recorded at this position: none of them is among its likeliest at any layer.';
}

/** What the chart shows, in words, for those who cannot see it. */
function describeChart(lines, layers, pos) {
  const measure = isStatMeasure() ? statInfo(state.measure.slice(2)).label : MEASURES[state.measure].label;
  const parts = lines.map((line) => (line.values
    ? `${line.label}: ${showNumber(line.values[0])} at layer ${layers[0]}, ${showNumber(line.values.at(-1))} at layer ${layers.at(-1)}`
    : `${line.label}: not recorded`));
  return `${measure} by layer at position ${pos}. ${parts.join('; ')}`;
}

function renderChart() {
  const pos = chartedPosition();
  const { layers } = section(state.point);
  const lines = chartLines(pos);
  const drawn = lines.some((line) => line.values);
  const size = chartSize();
  const theme = currentTheme();
  renderChartHead(pos);
  renderKey(lines);
  chartBox.dataset.pos = pos;
  chartBox.setAttribute('aria-label', describeChart(lines, layers, pos));
  if (!drawn) {
    plot?.destroy();
    plot = null;
    chartBox.plot = null;
    chartBox.replaceChildren(element('p', { class: 'empty' }, emptyChartText(lines)));
    return;
  }
  const data = [layers, ...lines.map((line) => line.values ?? layers.map(() => null))];
  const made = JSON.stringify([state.point, state.measure, theme, size, lines.map((line) => line.label)]);
  if (plot && made === chartMade) {
    plot.lines = lines;
    plot.reach = valueRange(lines);
    plot.setData(data);
    return;
  }
  plot?.destroy();
  plot = null;
  chartBox.replaceChildren();
  chartMade = made;
  plot = new uPlot(chartOptions(lines, layers, size, theme), data, (u, start) => {
    u.lines = lines;
    chartBox.append(u.root);
    start();
  });
  plot.reach = valueRange(lines);
  chartBox.plot = plot;
}

function renderChartHead(pos) {
  const held = state.hold != null;
  const title = element('h2', {}, 'Across the layers');
  const where = element('p', { class: 'where' }, `at position ${pos} `, tokenElement(doc.input[pos], 'boxed'));
  if (!ranksAsColumns) {
    const button = element('button', { type: 'button', class: 'quiet hold', 'aria-pressed': String(held), title: 'Keep this position charted while the mouse is elsewhere' }, held ? 'Pinned position – release' : 'Pin position');
    button.addEventListener('click', () => toggleHold(chartedPosition()));
    where.append(' ', button);
  }
  chartHead.replaceChildren(element('div', { class: 'chart-title' }, title, where), measureSelect());
}

function measureSelect() {
  const select = element('select', { 'aria-label': 'What the chart shows' });
  const options = Object.entries(MEASURES).map(([value, { label }]) => [value, label]);
  for (const name of statNames) {
    if (typeof section(state.point)[name].flat().find((v) => v != null) === 'number') options.push([`s:${name}`, statInfo(name).label]);
  }
  for (const [value, label] of options) select.append(element('option', { value, selected: value === state.measure }, label));
  select.addEventListener('change', () => update({ measure: select.value }));
  return select;
}

function followedNote(lines) {
  const all = reading(state.point).followed_ids?.[chartedPosition()]?.length ?? 0;
  const some = all > lines.length ? `The ${lines.length} likeliest of ${all} tokens` : 'Tokens';
  return `${some} that lead at some layer here (none is pinned)`;
}

/** The key: each line's swatch and name, and its value at the current layer. */
function renderKey(lines) {
  const row = findRow(state.point, currentCell().row);
  const { layers } = section(state.point);
  const index = chartCursor ?? row?.index;
  const items = lines.filter((line) => line.pin).map((line, i) => {
    const pinned = chosenPins().includes(line.pin);
    const value = line.values && index != null ? line.values[index] : null;
    const text = !line.values ? 'not recorded here' : value == null ? '' : state.measure === 'prob' ? showPercent(value) : state.measure === 'rank' ? showCount(value) : showNumber(value);
    const button = element('button', {
      type: 'button', class: 'pin', 'data-pin': line.pin, 'aria-pressed': String(pinned),
      title: `${pinDescription(line.pin)} – ${pinned ? 'unpin' : 'pin'}`, onclick: () => togglePin(line.pin),
    }, lineSwatch(i), element('span', { class: 'token', dir: 'auto' }, line.label), pinned ? element('span', { class: 'remove', 'aria-hidden': 'true' }, '×') : '');
    return element('li', {}, button, element('span', { class: 'value' }, text));
  });
  const note = chosenPins().length ? 'Pinned tokens' : followedNote(lines);
  const at = index == null ? '' : `, with the values at layer ${layers[index]}`;
  const focusedPin = keyBox.contains(document.activeElement) ? document.activeElement.dataset.pin : undefined;
  keyBox.replaceChildren(...(items.length ? [element('li', { class: 'key-note' }, `${note}${at}:`)] : []), ...items);
  if (focusedPin) keyBox.querySelector(`button[data-pin="${focusedPin}"]`)?.focus({ preventScroll: true });
}
