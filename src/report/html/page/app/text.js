// How tokens and numbers are written. Tokens come from a vocabulary that may hold
// anything, so they only ever reach the page as text, with nothing invisible in it.

const SHORT_ESCAPES = new Map([
  [' ', '␣'], ['\n', '\\n'], ['\t', '\\t'], ['\r', '\\r'], ['\\', '\\\\'],
  // The sign that stands for a space must not be taken for one.
  ['␣', '\\u{2423}'],
]);
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
const PICTURE = /\p{Extended_Pictographic}/u;
const COMBINING = /^\p{M}/u;

function escapeChar(char) {
  return INVISIBLE.test(char) ? `\\u{${char.codePointAt(0).toString(16)}}` : char;
}

/** Every character as `show` has it; the selectors between a sign and its picture are seen in the sign. */
function showEach(text, show) {
  let shown = '';
  let last = '';
  for (const char of text) {
    const selects = /[\uFE0E\uFE0F]/.test(char) && PICTURE.test(last);
    shown += selects ? char : show(char);
    last = char;
  }
  return shown;
}

/** Labels of tokens that are no text, being bytes of a split character: they are shown as they are. */
const byteLabels = new Set();

/** Whether a token has a letter or a digit, and is no special token: the terminal's rule. */
const isWord = (text) => !byteLabels.has(text) && !specialTokens.has(text) && /[\p{Alphabetic}\p{N}]/u.test(text);
const specialTokens = new Set();

/** A token as it is shown: spaces as ␣, control and format characters escaped. */
function showToken(text) {
  if (text === '') return '""';
  if (byteLabels.has(text)) return text;
  const shown = showEach(text, (char) => SHORT_ESCAPES.get(char) ?? escapeChar(char));
  // A mark at the start would otherwise sit on whatever stands before the token.
  return COMBINING.test(shown) ? `◌${shown}` : shown;
}

/** A running text: as a token, but its plain spaces stay spaces. */
function showText(text) {
  return showEach(text, (char) => (char === ' ' || char === '␣' ? char : SHORT_ESCAPES.get(char) ?? escapeChar(char)));
}

const minus = (text) => text.replaceAll('-', '−');

/** A probability for a narrow column, as the terminal's table writes it. */
function showPercent(p) {
  if (p == null) return '–';
  const percent = 100 * p;
  if (percent === 0) return '0%';
  if (percent < 0.005) return '<0.01%';
  return `${percent.toFixed(percent < 0.995 ? 2 : 1)}%`;
}

function showNumber(value) {
  if (value == null) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value);
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 0.001) return minus(value.toExponential(1));
  if (size < 10) return minus(value.toFixed(3));
  return minus(value.toFixed(size < 100 ? 2 : 1));
}

const showLogprob = (p) => (p > 0 ? minus(Math.log(p).toFixed(2).replace('-0.00', '0.00')) : p === 0 ? '−∞' : '–');

/** 12345 as 12,345, the same in every locale. */
const showCount = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** A tick of a log scale: 1, 10, 100, 1k, 10k. */
const showShortCount = (n) => (n >= 1000 ? `${+(n / 1000).toPrecision(3)}k` : String(n));

/** An element with properties and children; strings become text, never markup. */
function element(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'class') node.className = value;
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

/** A token in its own bidirectional island, so that it cannot reorder its neighbours. */
function tokenElement(text, extraClass = '') {
  return element('span', { class: `token ${extraClass}`.trim(), dir: 'auto' }, showToken(text));
}
