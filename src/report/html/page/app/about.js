// What stands on the page whatever is chosen: its heading, its help line, the
// paragraph that explains it, and where it comes from.

const LONG_PROMPT = 110; // characters; longer ones are set smaller

function renderHeading() {
  const parts = [doc.heading?.model ?? meta.model, meta.family, meta.parameters && `${showParameters(meta.parameters)} parameters`, meta.n_layers && `${meta.n_layers} layers`];
  const kicker = document.getElementById('kicker');
  kicker.append(element('strong', {}, lensTitle()));
  for (const part of parts.filter(Boolean)) kicker.append(' · ', element('bdi', {}, showText(String(part))));
  const heading = document.getElementById('prompt');
  const prompt = doc.heading?.title ?? doc.heading?.prompt ?? meta.prompt;
  heading.classList.toggle('long', prompt.length > LONG_PROMPT);
  heading.append(element('bdi', {}, showText(prompt)));
  if (doc.generated && doc.heading?.title == null) {
    heading.append(element('bdi', { class: 'generated-text', title: 'generated' }, showText(doc.continuation ?? '')));
  }
}

const lensNames = (meta.lenses ?? [{ lens: 'logit' }]).map(({ lens }) => lens);
const LENS_NAMES = { jacobian: 'Jacobian' };

/** "Logit lens", "Logit and tuned lens". */
function lensTitle() {
  const names = lensNames.map((name) => LENS_NAMES[name] ?? name);
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0];
  return `${list[0].toUpperCase()}${list.slice(1)} lens`;
}

const LENS_SENTENCES = {
  logit: 'the logit lens reads it as it is',
  tuned: 'the tuned lens (Belrose et al., 2023) first maps it to h + W h + b, with a W and b fitted for each layer',
  jacobian: 'the Jacobian lens (Gurnee et al., 2026) first maps it to J h, J the mean Jacobian from the layer to the last',
};

/** What the lenses do to a row; nothing of the logit lens alone. */
function lensSentence() {
  if (lensNames.join() === 'logit') return '';
  const sentences = lensNames.map((name) => LENS_SENTENCES[name] ?? name).join('; ');
  return ` Of a row h of the stream: ${sentences}. The last layer’s row is the model’s output under every lens.`;
}

function showParameters(count) {
  for (const [size, sign] of [[1e9, 'B'], [1e6, 'M'], [1e3, 'k']]) {
    if (count >= size) return `${+(count / size).toPrecision(3)}${sign}`;
  }
  return String(count);
}

function renderHelp() {
  const keys = (text) => element('kbd', {}, text);
  const hold = ranksAsColumns ? [] : [keys('Enter'), ' or a click pins its position · '];
  document.getElementById('help').append(keys('← ↑ ↓ →'), ' move · ', ...hold, keys('1'), '–', keys('9'),
    ' pin a token of the cell · ', keys('Esc'), ' clears · the URL stores this view');
}

const STAT_SENTENCES = {
  entropy: 'entropy is −Σ p log p',
  forward_kl: 'forward KL is KL(q‖p) = Σ q (log q − log p), from the model’s output to the row',
  reverse_kl: 'reverse KL is KL(p‖q)',
  js: 'the Jensen–Shannon divergence is ½ KL(p‖m) + ½ KL(q‖m) with m = (p + q)/2, at most ln 2',
  cross_entropy: 'the cross-entropy is −log p of the token that comes next in the text',
  lens_kl: 'the KL from the first lens is KL(r‖p), r what the first lens makes of the same row',
  tv: 'the total variation is ½ Σ |p − q|, from 0 to 1',
};

function statSentence() {
  const inNats = statNames.filter((name) => STAT_SENTENCES[name] && name !== 'tv').map((name) => STAT_SENTENCES[name]);
  if (!inNats.length && !statNames.includes('tv')) return '';
  const tv = statNames.includes('tv') ? `${inNats.length ? '; ' : ''}${STAT_SENTENCES.tv}` : '';
  return ` With p the softmax of a row’s logits and q that of the model’s output at the same position, ${inNats.length ? `in nats: ${inNats.join('; ')}` : ''}${tv}.`;
}

function aboutText() {
  const points = pointNames.some((point) => !isStream(point)) && pointNames.length > 1
    ? ' Where another point is chosen, resid_mid is the stream between a block’s attention and its MLP, and attn_out and mlp_out are what these two add to it, read by themselves in the same way.' : '';
  const parallel = meta.parallel && pointNames.includes('resid_mid')
    ? ' Attention and MLP run side by side in this model: resid_mid is the stream with the attention’s output added, and the MLP does not read it.' : '';
  const generated = doc.generated ? ` The last ${doc.generated} tokens were generated greedily by the model; their columns are marked.` : '';
  const partial = !ranksAsColumns && readPositions.length < positionCount ? ' Only the positions shown were read.' : '';
  const columnsText = ranksAsColumns
    ? `Rows are layers and columns are ranks: a row lists its likeliest tokens for what comes after position ${readPositions[0]} of the prompt.`
    : 'Rows are layers and columns are the positions of the prompt: a cell names the token that is likeliest, at that layer, to come after the token that heads its column.';
  return [
    `This page shows a logit lens (nostalgebraist, 2020): what the language model would say if it stopped at each of its layers. The residual stream after each block is put through the model’s own final norm, computed on that row, and its unembedding; the softmax of the logits gives every token of the vocabulary a probability. Layer i is the output of block i, counted from 0, and the last layer’s is the model’s output; embed is the residual stream before block 0.${lensSentence()}${points}${parallel}`,
    `${columnsText}${partial}${generated} Ranks count from 1 over the whole vocabulary${meta.vocabulary ? ` of ${showCount(meta.vocabulary)} tokens` : ''}.${statSentence()} A prediction settles at the first layer from which on every layer shown has the output’s top-1, and leads first where it is top-1 for the first time. In tokens, ␣ is a space and \\u{…} a character that would not be seen.`,
  ];
}

function renderAbout() {
  const source = element('p', { class: 'source' }, 'nostalgebraist, “interpreting GPT: the logit lens”, LessWrong, 2020, ',
    element('a', { href: 'https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens', rel: 'noreferrer noopener' }, 'lesswrong.com/posts/AcKRB8wDpdaN6v6ru'), '.');
  document.getElementById('about').append(element('h2', {}, 'What this page shows'), ...aboutText().map((text) => element('p', {}, text)), source);
}

const META_LABELS = {
  model: 'Model', revision: 'Revision', family: 'Family', parameters: 'Parameters', n_layers: 'Layers', vocabulary: 'Vocabulary',
  dtype: 'Dtype', file_dtype: 'Dtype in the file', compute_dtype: 'Computed in', device: 'Device', tool: 'Tool', tool_version: 'Tool version',
  timestamp: 'Time', prompt: 'Prompt', layer_convention: 'Layer convention', rank_base: 'Ranks count from', log_base: 'Base of logarithms', version: 'Document version', lenses: 'Lenses',
};

/** A lens in a line: where it comes from, and what it was fitted on. */
function showLens({ lens, artefact, revision, sha256, fitted_on: fitted }) {
  const parts = [
    artefact,
    revision && `revision ${revision.slice(0, 8)}`,
    sha256 && `SHA-256 ${sha256.slice(0, 12)}…`,
    fitted?.model && `fitted on ${fitted.model}${fitted.model_revision ? ` at ${fitted.model_revision.slice(0, 8)}` : ''}`,
    fitted?.prompts != null && `${showCount(fitted.prompts)} prompts${fitted.dataset ? ` of ${fitted.dataset}` : ''}`,
    fitted?.skipped_positions != null && `without the first ${fitted.skipped_positions} positions`,
  ].filter(Boolean);
  return `${LENS_NAMES[lens] ?? lens}${parts.length ? `: ${parts.join(', ')}` : ''}`;
}

function showMeta(name, value) {
  if (name === 'lenses') return showText(value.map(showLens).join('; '));
  if (value === null) return '–';
  if (typeof value === 'number' && Number.isInteger(value)) return showCount(value);
  return showText(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

function renderProvenance() {
  const list = document.getElementById('provenance');
  const names = [...Object.keys(META_LABELS).filter((name) => name in meta), ...Object.keys(meta).filter((name) => !(name in META_LABELS))];
  for (const name of names) {
    list.append(element('div', { class: ['prompt', 'layer_convention', 'lenses'].includes(name) ? 'wide' : '' },
      element('dt', {}, META_LABELS[name] ?? name.replaceAll('_', ' ')), element('dd', { dir: 'auto' }, showMeta(name, meta[name]))));
  }
}
