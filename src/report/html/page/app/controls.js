// The controls above the heatmap. They are made once and then follow the state.

const controlsBox = document.getElementById('controls');
let layersPanel = null;

function labelled(text, control) {
  return element('label', { class: 'control' }, element('span', {}, text), control);
}

function fillSelect(select, groups, value) {
  const options = (items) => items.map(([key, label]) => element('option', { value: key }, label));
  select.replaceChildren(...groups.flatMap(([label, items]) => (label ? [element('optgroup', { label }, ...options(items))] : options(items))));
  select.value = value;
}

function colorGroups() {
  const pins = chosenPins();
  const groups = [['', [['prob', ranksAsColumns ? 'Probability' : 'Top-1 probability']]]];
  if (pins.length) {
    groups.push(['Probability of a pinned token', pins.map((pin) => [`p:${pin}`, `p of ${pinLabel(pin)}`])]);
    groups.push(['Rank of a pinned token', pins.map((pin) => [`r:${pin}`, `rank of ${pinLabel(pin)}`])]);
  }
  // A shared view may be coloured by a token that is not pinned.
  const [kind, pin] = [state.color[0], state.color.slice(2)];
  if (/^[pr]:/.test(state.color) && !pins.includes(pin)) {
    groups.push(['Token', [[state.color, `${kind === 'p' ? 'p' : 'rank'} of ${pinLabel(pin)}`]]]);
  }
  if (statNames.length) groups.push(['Statistics', statNames.map((name) => [`s:${name}`, statInfo(name).label])]);
  return groups;
}

/** Everything but the layers from `from` to `to`, each `every`th of them counted from the first. */
function hideAllBut(every, from, to) {
  const { layers } = section(state.point);
  const hidden = new Set(state.hidden.has('embed') ? ['embed'] : []);
  layers.forEach((layer) => {
    if (layer < from || layer > to || (layer - from) % every !== 0) hidden.add(layer);
  });
  update({ hidden });
}

function layerCheckbox(item, label) {
  const box = element('input', { type: 'checkbox', value: String(item) });
  box.checked = !state.hidden.has(item);
  box.addEventListener('change', () => {
    const hidden = new Set(state.hidden);
    if (box.checked) hidden.delete(item);
    else hidden.add(item);
    update({ hidden });
  });
  return element('label', {}, box, label);
}

function makeLayersPanel() {
  const summary = element('summary', {}, 'Layers');
  const { layers } = section(FIRST_POINT);
  const number = (value, min, max) => element('input', { type: 'number', value: String(value), min: String(min), max: String(max), step: '1' });
  const every = number(1, 1, Math.max(1, layers.length));
  const from = number(layers[0], layers[0], layers.at(-1));
  const to = number(layers.at(-1), layers[0], layers.at(-1));
  const apply = () => {
    const whole = (input, fallback) => (Number.isInteger(input.valueAsNumber) ? input.valueAsNumber : fallback);
    hideAllBut(Math.max(1, whole(every, 1)), whole(from, layers[0]), whole(to, layers.at(-1)));
  };
  [every, from, to].forEach((input) => input.addEventListener('input', apply));
  const all = element('button', { type: 'button', class: 'quiet' }, 'Show all');
  all.addEventListener('click', () => {
    [every.value, from.value, to.value] = ['1', layers[0], layers.at(-1)].map(String);
    update({ hidden: new Set() });
  });
  const boxes = element('div', { class: 'boxes' });
  const panel = element('div', { class: 'panel' },
    element('div', { class: 'ranges' }, labelled('every', every), labelled('from', from), labelled('to', to), all),
    boxes,
    element('p', { class: 'note' }, 'The output row is always shown.'));
  return { details: element('details', { class: 'layers' }, summary, panel), summary, boxes };
}

function renderLayersPanel() {
  const { layers } = section(state.point);
  const shown = visibleRows().filter((row) => row.kind === 'layer').length;
  const outOf = rowsByPoint.get(state.point).filter((row) => row.kind === 'layer').length;
  layersPanel.summary.textContent = shown === outOf ? `Layers: all` : `Layers: ${shown} of ${outOf}`;
  const fixed = rowsByPoint.get(state.point).find((row) => row.kind === 'output')?.layer;
  const items = [...(reading(state.point).embed ? [['embed', 'embed']] : []), ...layers.filter((layer) => layer !== fixed).map((layer) => [layer, String(layer)])];
  const focused = document.activeElement?.closest?.('.boxes') ? document.activeElement.value : null;
  layersPanel.boxes.replaceChildren(...items.map(([item, label]) => layerCheckbox(item, label)));
  if (focused != null) layersPanel.boxes.querySelector(`input[value="${focused}"]`)?.focus({ preventScroll: true });
}

const controls = {};

function makeControls() {
  controls.color = element('select', { id: 'color' });
  controls.color.addEventListener('change', () => update({ color: controls.color.value }));
  controls.point = element('select', { id: 'point' });
  controls.point.addEventListener('change', () => update({ point: controls.point.value }));
  controls.order = element('select', { id: 'order' });
  controls.order.addEventListener('change', () => update({ order: controls.order.value }));
  controls.words = element('input', { type: 'checkbox', id: 'words' });
  controls.words.addEventListener('change', () => update({ words: controls.words.checked }));
  controls.theme = element('select', { id: 'theme' });
  controls.theme.addEventListener('change', () => update({ theme: controls.theme.value }));
  controls.reset = element('button', { type: 'button', class: 'quiet', id: 'reset' }, 'Reset');
  controls.reset.addEventListener('click', () => update({ ...defaultState(), theme: state.theme }));
  layersPanel = makeLayersPanel();
  fillSelect(controls.order, [['', [['up', 'bottom'], ['down', 'top']]]], state.order);
  fillSelect(controls.theme, [['', [['auto', 'auto'], ['light', 'light'], ['dark', 'dark']]]], state.theme);
  controlsBox.append(labelled('Colour', controls.color));
  if (pointNames.length > 1) controlsBox.append(labelled(otherLenses.size ? 'Lens' : 'Point', controls.point));
  controlsBox.append(layersPanel.details, labelled('Layer 0', controls.order), labelled('Words only', controls.words), labelled('Theme', controls.theme), controls.reset);
  controlsBox.addEventListener('submit', (event) => event.preventDefault());
  document.addEventListener('pointerdown', (event) => {
    if (!layersPanel.details.contains(event.target)) layersPanel.details.open = false;
  });
}

function renderControls() {
  fillSelect(controls.color, colorGroups(), state.color);
  fillSelect(controls.point, [['', pointNames.map((name) => [name, pointLabel(name)])]], state.point);
  controls.order.value = state.order;
  controls.words.checked = state.words;
  controls.theme.value = state.theme;
  controls.reset.hidden = encodeState({ ...state, theme: 'auto' }) === '';
  renderLayersPanel();
}
