// The panel about one cell: its likeliest tokens, its statistics, its position.

const detailsBox = document.getElementById('details');

function rowName(row) {
  if (row.kind === 'embed') return 'embed, before block 0';
  if (row.kind === 'output') return row.layer == null ? 'the model’s output' : `layer ${row.layer}, the model’s output`;
  return `layer ${row.layer}`;
}

function detailsHeading(row, pos) {
  const heading = element('h2', {}, rowName(row)[0].toUpperCase() + rowName(row).slice(1));
  const where = element('p', { class: 'where' });
  if (otherLenses.size && row.kind !== 'output') where.append(`${pointLabel(state.point)} lens, `);
  else if (state.point !== MAIN_POINT && row.kind === 'layer') where.append(`${state.point}, `);
  where.append(`after position ${pos} `, tokenElement(doc.input[pos], 'boxed'));
  if (pos >= generatedFrom) where.append(' (generated)');
  return [heading, where];
}

/** A button that pins a token, marked with its line's colour while it is charted. */
function pinButton(id, token, lines) {
  const pin = pinOfToken(id);
  const pressed = chosenPins().includes(pin);
  const button = element('button', {
    type: 'button', class: 'pin', 'data-id': id, 'aria-pressed': String(pressed),
    title: pressed ? 'unpin' : 'pin: chart this token', onclick: () => togglePin(pin),
  }, tokenElement(token));
  button.prepend(lineSwatch(lines.indexOf(pin)));
  return button;
}

/** A short piece of a line of the chart, with its dashes; an empty ring for no line. */
function lineSwatch(index) {
  const create = (name, attributes) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const svg = create('svg', { class: 'swatch-line', width: 22, height: 10, 'aria-hidden': 'true' });
  if (index < 0) svg.append(create('circle', { cx: 11, cy: 5, r: 3, fill: 'none', stroke: 'currentColor', 'stroke-opacity': 0.35 }));
  else {
    const { color, dash } = lineStyle(index, currentTheme());
    svg.append(create('line', { x1: 0, x2: 22, y1: 5, y2: 5, stroke: color, 'stroke-width': 2.5, 'stroke-dasharray': dash.join(' ') }));
  }
  return svg;
}

function tokenRow({ rank, id, token, p }, lines, extraClass = '') {
  const bar = element('span', { class: 'bar' });
  bar.style.width = `${100 * Math.min(1, p ?? 0)}%`;
  const probability = element('td', { class: 'number probability', title: p == null ? null : `p = ${p}` },
    element('span', { class: 'bar-box' }, bar), showPercent(p));
  return element('tr', { class: extraClass, 'data-id': id },
    element('td', { class: 'number' }, rank == null ? '–' : showCount(rank)),
    element('td', { class: 'name' }, pinButton(id, token, lines)),
    probability,
    element('td', { class: 'number' }, showLogprob(p)),
    element('td', { class: 'number id' }, String(id)));
}

/** Pinned tokens that are not among the cell's likeliest are listed below them. */
function pinnedElsewhere(row, pos, shownIds) {
  return chosenPins()
    .filter((pin) => pinIds(pin).length === 1 && !shownIds.has(pinIds(pin)[0]))
    .map((pin) => {
      const [id] = pinIds(pin);
      return { id, token: tokenTexts.get(id) ?? pinTarget(pin)?.tokens[0] ?? '', ...pinInCell(state.point, row, pin, pos) };
    });
}

function tokenTable(row, pos) {
  const lines = chartedPins(chartedPosition());
  const tokens = topTokens(state.point, row, pos);
  const others = pinnedElsewhere(row, pos, new Set(tokens.map((token) => token.id)));
  const heads = [['rank', 'number'], ['token', 'name'], ['probability', 'number'], ['ln p', 'number'], ['id', 'number id']]
    .map(([text, className]) => element('th', { scope: 'col', class: className }, text));
  return element('table', { class: 'tokens' },
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {},
      ...tokens.map((token) => tokenRow(token, lines)),
      ...others.map((token, i) => tokenRow(token, lines, i ? 'other' : 'other first'))));
}

function statList(row, pos) {
  const entries = statNames.map((name) => [statInfo(name), valueAt(state.point, row, name, pos)]);
  const list = element('dl', { class: 'stats' });
  for (const [{ label, unit }, value] of entries) {
    list.append(element('div', {}, element('dt', {}, label),
      element('dd', {}, showNumber(value), unit && typeof value === 'number' ? element('small', {}, ` ${unit}`) : '')));
  }
  return list;
}

/** How far a target is above what it was set against: of texts of several tokens there is no logit. */
function targetDifferences(row, pos) {
  if (row.index == null || !isStream(state.point)) return [];
  return (section(state.point).targets ?? []).filter((target) => target.logit_difference?.[row.index]?.[pos] != null).map((target) => (
    element('p', { class: 'note' }, target.logits?.[row.index]?.[pos] == null ? 'Log-probability of ' : 'Logit of ', element('bdi', {}, showText(target.name)), ' above that of ',
      element('bdi', {}, showText(String(target.against))), `: ${showNumber(target.logit_difference[row.index][pos])}`)));
}

/** The tokens of targets that are several in a row, each read at the position before it, and all together. */
function targetSequences(row, pos) {
  if (!isStream(state.point)) return [];
  const isEmbed = row.kind === 'embed';
  const targets = (isEmbed ? section(state.point).embed?.targets : section(state.point).targets) ?? [];
  const at = isEmbed ? 0 : row.index;
  const whole = (target) => (isEmbed ? target : { probs: target.probs[at], ranks: target.ranks[at] });
  const cells = (rank, name, p) => element('tr', {},
    element('td', { class: 'number' }, rank == null ? '–' : showCount(rank)),
    element('td', { class: 'name' }, name),
    element('td', { class: 'number' }, showPercent(p)),
    element('td', { class: 'number' }, showLogprob(p)));
  return targets.filter((target) => at != null && target.sequence && whole(target).probs?.[pos] != null).map((target) => (
    element('table', { class: 'tokens sequence' },
      element('caption', {}, 'After the prompt, token by token'),
      element('thead', {}, element('tr', {}, ...[['rank', 'number'], ['token', 'name'], ['probability', 'number'], ['ln p', 'number']]
        .map(([text, className]) => element('th', { scope: 'col', class: className }, text)))),
      element('tbody', {},
        ...target.sequence.map((token) => cells(token.ranks[at], tokenElement(token.token), token.probs[at])),
        cells(whole(target).ranks[pos], element('bdi', {}, showText(target.name)), whole(target).probs[pos])))));
}

/** What holds for the whole position. */
function positionNote(pos) {
  const { settles_at: settling, leads_first_at: leading, sudden_change: change } = reading(state.point);
  const settles = settling?.[pos];
  const leads = leading?.[pos];
  const fall = change?.[pos];
  const facts = [];
  if (settles != null) facts.push(`The prediction settles at layer ${settles}`);
  if (leads != null) facts.push(`${facts.length ? 'leads' : 'Leads'} first at layer ${leads}`);
  if (fall) facts.push(`${facts.length ? 'forward' : 'Forward'} KL falls most at layer ${fall.layer}, by ${showNumber(fall.drop)} nats`);
  const note = element('p', { class: 'note position-note' });
  if (facts.length) note.append(`${facts.join('; ')}. `);
  if (pos + 1 < positionCount) note.append('Next token: ', tokenElement(doc.input[pos + 1], 'boxed'), '.');
  return note;
}

function renderDetails() {
  const { row: key, pos } = currentCell();
  const row = findRow(state.point, key);
  detailsBox.dataset.row = row.key;
  detailsBox.dataset.pos = pos;
  const focusedId = detailsBox.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
  detailsBox.replaceChildren(...detailsHeading(row, pos), tokenTable(row, pos), statList(row, pos),
    ...targetSequences(row, pos), ...targetDifferences(row, pos), positionNote(pos));
  if (focusedId) detailsBox.querySelector(`button[data-id="${focusedId}"]`)?.focus({ preventScroll: true });
}
