// The document the page was written from, behind functions that know its axes:
// arrays run over [layer][position][k]; `embed` and `output` have no layer axis.

const MAIN_POINT = 'resid_post';
const POINT_ORDER = ['attn_out', 'resid_mid', 'mlp_out', MAIN_POINT];
const STAT_ORDER = ['entropy', 'forward_kl', 'reverse_kl', 'js', 'tv', 'cross_entropy', 'agrees', 'lens_kl'];
const STAT_INFO = {
  entropy: { label: 'Entropy', unit: 'nats' },
  forward_kl: { label: 'Forward KL', unit: 'nats' },
  reverse_kl: { label: 'Reverse KL', unit: 'nats' },
  js: { label: 'Jensen–Shannon divergence', unit: 'nats' },
  tv: { label: 'Total variation', unit: '' },
  cross_entropy: { label: 'Cross-entropy of the next token', unit: 'nats' },
  agrees: { label: 'Matches final output', unit: '' },
  lens_kl: { label: 'KL from the first lens', unit: 'nats' },
};
const statInfo = (name) => STAT_INFO[name] ?? { label: name.replaceAll('_', ' '), unit: '' };

const doc = JSON.parse(document.getElementById('lens-data').textContent);
const meta = doc.meta ?? {};
for (const label of doc.byte_labels ?? []) byteLabels.add(label);
for (const token of doc.special_tokens ?? []) specialTokens.add(token);
const positionCount = doc.input.length;
const generatedFrom = positionCount - (doc.generated ?? 0);
const targets = doc.targets ?? [];
/** What other lenses make of the same rows, by lens: each is chosen as a point is. */
const otherLenses = new Map((doc.lenses ?? []).map((part) => [part.lens, part]));
const pointNames = POINT_ORDER
  .concat(Object.keys(doc.points ?? {}).filter((name) => !POINT_ORDER.includes(name)))
  .filter((name) => (name === MAIN_POINT ? doc.layers.length || !doc.points : doc.points?.[name]))
  .concat([...otherLenses.keys()]);
/** Whether a point is the stream after each block, under the first lens or another. */
const isStream = (point) => point === MAIN_POINT || otherLenses.has(point);
/** A point as its readers know it: of several lenses the first has the stream's place. */
const pointLabel = (point) => (point === MAIN_POINT && otherLenses.size ? meta.lenses?.[0]?.lens ?? point : point);
/** What is shown first. */
const FIRST_POINT = pointNames.includes(MAIN_POINT) ? MAIN_POINT : pointNames.at(-1);

/** The part of the document for a point; for resid_post the document itself. */
const section = (point) => (point === MAIN_POINT ? doc : otherLenses.get(point) ?? doc.points[point]);
/** What the whole position is said of: the document, or what another lens makes of it. */
const reading = (point) => otherLenses.get(point) ?? doc;

/** The positions that were read; the arrays are empty at the others. */
const readPositions = doc.input.map((_, pos) => pos).filter((pos) => {
  const anyRow = doc.output ?? doc.embed;
  return (anyRow ? anyRow.topk_ids : doc.topk_ids[0])[pos]?.length > 0;
});

/** With one position read there is room for ranks as columns, as in the terminal's table. */
const ranksAsColumns = readPositions.length === 1;

function makeColumns() {
  if (!ranksAsColumns) return readPositions.map((pos) => ({ pos, rank: 0 }));
  const pos = readPositions[0];
  const rows = [...pointNames.flatMap((point) => section(point).topk_ids), doc.embed?.topk_ids, doc.output?.topk_ids];
  const k = Math.max(...rows.filter(Boolean).map((row) => row[pos].length));
  return Array.from({ length: k }, (_, rank) => ({ pos, rank }));
}
const columns = makeColumns();

/** Whether a key of the document is a statistic: a value for each layer and position. */
function isStatistic(part, name) {
  const rows = part[name];
  if (!Array.isArray(rows) || !rows.length || rows.length !== part.layers.length || /^(topk|tracked)/.test(name)) return false;
  const scalar = (v) => v === null || typeof v === 'number' || typeof v === 'boolean';
  return rows.every((row) => Array.isArray(row) && row.length === positionCount && scalar(row[readPositions[0]]));
}
const statNames = Object.keys(section(FIRST_POINT)).filter((name) => isStatistic(section(FIRST_POINT), name))
  .sort((a, b) => (STAT_ORDER.indexOf(a) + 1 || 99) - (STAT_ORDER.indexOf(b) + 1 || 99));

/**
 * The rows of a point from the input up: embed, the layers, the output. The last
 * layer's residual stream is the model's output, so the two are one row there.
 */
function makeRows(point) {
  const { layers } = section(point);
  const last = layers.length - 1;
  const lastIsOutput = isStream(point) && layers[last] === meta.n_layers - 1;
  const rows = layers.map((layer, index) => ({ key: String(layer), kind: 'layer', layer, index }));
  if (lastIsOutput) rows.pop();
  if (reading(point).embed) rows.unshift({ key: 'embed', kind: 'embed' });
  if (doc.output || lastIsOutput) {
    rows.push({ key: 'output', kind: 'output', ...(lastIsOutput && { layer: layers[last], index: last }) });
  }
  return rows;
}
const rowsByPoint = new Map(pointNames.map((point) => [point, makeRows(point)]));

function findRow(point, key) {
  const rows = rowsByPoint.get(point);
  return rows.find((row) => row.key === key) ?? rows.find((row) => String(row.layer) === key);
}

/** A value of the document at a row and position, undefined where it is not given. */
function valueAt(point, row, name, pos) {
  if (row.index != null) return section(point)[name]?.[row.index]?.[pos];
  return (row.kind === 'embed' ? reading(point).embed : doc[row.kind])?.[name]?.[pos];
}

/** The likeliest tokens of a cell: [{rank, id, token, p}]. */
function topTokens(point, row, pos) {
  const ids = valueAt(point, row, 'topk_ids', pos) ?? [];
  const probs = valueAt(point, row, 'topk_probs', pos) ?? [];
  const tokens = valueAt(point, row, 'topk', pos) ?? [];
  return ids.map((id, i) => ({ rank: i + 1, id, token: tokens[i], p: probs[i] }));
}

const tokenTexts = new Map();
function rememberTexts(part) {
  const walk = (ids, tokens) => ids.forEach((id, i) => (Array.isArray(id) ? walk(id, tokens[i]) : tokenTexts.set(id, tokens[i])));
  if (part?.topk_ids) walk(part.topk_ids, part.topk);
  for (const tracked of part?.tracked_ids ?? []) {
    for (const [id, track] of Object.entries(tracked ?? {})) tokenTexts.set(Number(id), track.token);
  }
}
doc.input_ids.forEach((id, i) => tokenTexts.set(id, doc.input[i]));
[doc, doc.embed, doc.output, ...Object.values(doc.points ?? {}), ...otherLenses.values(), ...[...otherLenses.values()].map((part) => part.embed)]
  .forEach(rememberTexts);

// A pin is a token, written as its id ("1135"), or what the run was asked to follow,
// written as its place in `targets` ("t0"); a target may be a group of tokens.
const pinTarget = (pin) => (pin[0] === 't' ? targets[Number(pin.slice(1))] : undefined);
const pinIds = (pin) => pinTarget(pin)?.ids ?? [Number(pin)];
const isPin = (pin) => (/^t\d+$/.test(pin) ? Boolean(pinTarget(pin)) : tokenTexts.has(Number(pin)) && /^\d+$/.test(pin));

/** The pin for a token: the target that is just this token, if there is one. */
function pinOfToken(id) {
  const index = targets.findIndex((target) => target.ids.length === 1 && target.ids[0] === id);
  return index < 0 ? String(id) : `t${index}`;
}

function pinLabel(pin) {
  const target = pinTarget(pin);
  if (!target) return showToken(tokenTexts.get(Number(pin)));
  return target.ids.length === 1 ? showToken(target.tokens[0]) : showText(target.name);
}

function pinDescription(pin) {
  const target = pinTarget(pin);
  if (!target || target.ids.length === 1) return `${pinLabel(pin)}, id ${pinIds(pin)[0]}`;
  return `${pinLabel(pin)}: ${target.tokens.map(showToken).join(' + ')}`;
}

const column = (rows, pos) => rows?.map((row) => row[pos]);

/** The probability and rank of a pin at a position, for each layer; null where not recorded. */
function trajectory(point, pin, pos) {
  const target = pinTarget(pin);
  if (target && isStream(point)) {
    const values = section(point).targets[Number(pin.slice(1))];
    return { probs: column(values.probs, pos), ranks: column(values.ranks, pos) };
  }
  const tracks = pinIds(pin).map((id) => section(point).tracked_ids?.[pos]?.[id]);
  if (tracks.some((track) => !track)) return null;
  if (tracks.length === 1) return { probs: tracks[0].probs, ranks: tracks[0].ranks };
  return {
    probs: tracks[0].probs.map((_, layer) => tracks.reduce((sum, track) => sum + track.probs[layer], 0)),
    ranks: tracks[0].ranks.map((_, layer) => Math.min(...tracks.map((track) => track.ranks[layer]))),
  };
}

/** The probability and rank of a pin in one cell; null where the document does not say. */
function pinInCell(point, row, pin, pos) {
  if (row.index != null) {
    const track = trajectory(point, pin, pos);
    if (track) return { p: track.probs?.[row.index], rank: track.ranks?.[row.index] };
  }
  const ids = pinIds(pin);
  const found = topTokens(point, row, pos).filter((token) => ids.includes(token.id));
  if (found.length < ids.length) return null;
  return { p: found.reduce((sum, token) => sum + token.p, 0), rank: Math.min(...found.map((token) => token.rank)) };
}

/** What is charted at a position when nothing is pinned: the tokens that lead at some layer. */
function followedPins(point, pos) {
  const ids = reading(point).followed_ids?.[pos] ?? topTokens(point, { kind: 'output' }, pos).map((token) => token.id);
  const known = ids.filter((id) => section(point).tracked_ids?.[pos]?.[id]);
  const peak = (id) => Math.max(...section(point).tracked_ids[pos][id].probs);
  const kept = new Set([...known].sort((a, b) => peak(b) - peak(a)).slice(0, LINES_MAX));
  return known.filter((id) => kept.has(id)).map(pinOfToken);
}

const defaultPins = targets.map((_, index) => `t${index}`);
