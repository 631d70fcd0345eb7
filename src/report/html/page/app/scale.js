// What the heatmap's colour stands for: a scale is {label, value, t, ticks}, where
// value(row, col) is a number or null and t puts a value on the colour ramp, 0 to 1.

/** The next number upward that reads well at the end of a scale. */
function niceCeil(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * power >= value * 0.9999);
  return +(step * power).toPrecision(3);
}

function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function probabilityScale(label, value) {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((t) => ({ t, label: `${100 * t}%` }));
  return { label, value, t: (p) => p, ticks };
}

function rankScale(pin) {
  const worst = meta.vocabulary ?? 1e5;
  const t = (rank) => 1 - Math.log(rank) / Math.log(worst);
  const decades = [];
  for (let rank = 1; rank <= worst; rank *= 10) decades.push({ t: t(rank), label: showShortCount(rank) });
  return {
    label: `Rank of ${pinLabel(pin)} (log scale)`, t, ticks: decades,
    value: (row, col) => pinInCell(state.point, row, pin, col.pos)?.rank ?? null,
  };
}

function yesNoScale(label, value) {
  const t = (yes) => (yes ? 0.72 : 0.06);
  return { label, value, t, ticks: [{ t: 0.06, label: 'no' }, { t: 0.72, label: 'yes' }] };
}

// Of fewer values than this none is an extreme.
const FEW = 40;

/** The 98th percentile; of few values, the largest. */
const nearlyLargest = (values) => quantile(values, values.length < FEW ? 1 : 0.98) ?? 0;

/**
 * The embed row and a few extremes are left out of the range, lest they flatten the rest;
 * pictures have the same rule (`Scale::fit` in scale.rs).
 */
function statScale(name) {
  const { label, unit } = statInfo(name);
  const value = (row, col) => valueAt(state.point, row, name, col.pos) ?? null;
  const values = section(state.point)[name].flat().filter((v) => v !== null);
  if (typeof values[0] === 'boolean') return yesNoScale(label, value);
  const high = name === 'tv' ? 1 : niceCeil(nearlyLargest(values));
  const clipped = visibleRows().some((row) => columns.some((col) => value(row, col) > high));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((t) => {
    const text = minus(String(+(t * high).toPrecision(3)));
    return { t, label: t === 1 && clipped ? `≥ ${text}` : text };
  });
  return { label: unit ? `${label} (${unit})` : label, value, t: (v) => v / high, ticks };
}

function makeScale(color) {
  const name = color.slice(2);
  if (color.startsWith('s:')) return statScale(name);
  if (color.startsWith('r:')) return rankScale(name);
  if (color.startsWith('p:')) {
    return probabilityScale(`Probability of ${pinLabel(name)}`,
      (row, col) => pinInCell(state.point, row, name, col.pos)?.p ?? null);
  }
  return probabilityScale(ranksAsColumns ? 'Probability of the token' : 'Probability of the top-1 token',
    (row, col) => valueAt(state.point, row, 'topk_probs', col.pos)?.[col.rank] ?? null);
}

/** The legend: the ramp with numbers, and the marks that are not colours. */
function renderLegend() {
  const scale = makeScale(state.color);
  const bar = element('div', { class: 'ramp' });
  bar.style.background = rampGradient();
  const ticks = scale.ticks.map(({ t, label }) => {
    const tick = element('span', { class: t < 0.02 ? 'tick first' : t > 0.98 ? 'tick last' : 'tick' }, label);
    tick.style.left = `${100 * t}%`;
    return tick;
  });
  const marks = [];
  if (settlesShown()) marks.push(element('span', { class: 'mark' }, element('i', { class: 'swatch settle' }), 'prediction settles here'));
  if (doc.generated) marks.push(element('span', { class: 'mark' }, element('i', { class: 'swatch generated' }), 'generated'));
  if (/^[pr]:/.test(state.color)) marks.push(element('span', { class: 'mark' }, element('i', { class: 'swatch none' }), 'not recorded'));
  document.getElementById('legend').replaceChildren(
    element('div', { class: 'scale' },
      element('span', { class: 'scale-label', dir: 'auto' }, scale.label),
      element('div', { class: 'ramp-box' }, bar, element('div', { class: 'ticks' }, ...ticks))),
    element('div', { class: 'marks' }, ...marks));
}
