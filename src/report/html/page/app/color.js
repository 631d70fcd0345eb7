// Colours, computed in OKLCH so that equal steps look equal: a sequential scale for
// the heatmap in each theme, and the lines of the chart.

function oklchToLinear(lightness, chroma, hue) {
  const a = chroma * Math.cos(hue * Math.PI / 180);
  const b = chroma * Math.sin(hue * Math.PI / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
}

const inGamut = (rgb) => rgb.every((c) => c > -1e-4 && c < 1.0001);
const encodeGamma = (c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

/** The sRGB colour, its chroma lowered until a screen can show it; with its luminance. */
function oklch(lightness, chroma, hue) {
  let rgb = oklchToLinear(lightness, chroma, hue);
  for (let c = chroma; !inGamut(rgb) && c > 0; c -= 0.004) rgb = oklchToLinear(lightness, c, hue);
  const [r, g, b] = rgb.map((c) => Math.min(1, Math.max(0, c)));
  const css = `rgb(${[r, g, b].map((c) => Math.round(255 * encodeGamma(c))).join(',')})`;
  return { css, luminance: 0.2126 * r + 0.7152 * g + 0.0722 * b };
}

/** Black or white, whichever has the higher contrast ratio on this luminance. */
const inkOn = (luminance) => ((luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? '#000' : '#fff');

// Dark is low and bright is high in both themes, as in the terminal's heatmap and in
// pictures. The lightness is linear in the value, and the hue runs blue - green - yellow
// as in viridis.
const RAMP_STEPS = 256;
const RAMP = Array.from({ length: RAMP_STEPS }, (_, i) => {
  const t = i / (RAMP_STEPS - 1);
  const { css, luminance } = oklch(0.245 + 0.655 * t, 0.03 + 0.14 * Math.sin(Math.PI * Math.min(1, 0.08 + 0.7 * t)), 285 - 180 * t);
  return { css, ink: inkOn(luminance) };
});

/** The colour of t, from 0 to 1, and of ink on it. */
function rampColor(t) {
  return RAMP[Math.round(Math.min(1, Math.max(0, t)) * (RAMP_STEPS - 1))];
}

/** The scale as a CSS gradient, for the legend. */
function rampGradient() {
  const stops = Array.from({ length: 17 }, (_, i) => rampColor(i / 16).css);
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

// Neighbouring lines differ in hue, in lightness and in dashes.
const LINE_HUES = [255, 45, 150, 350, 300, 200, 95, 20];
const LINE_LIGHTNESS = { light: [0.5, 0.62, 0.55, 0.52, 0.45, 0.6, 0.55, 0.42], dark: [0.72, 0.78, 0.8, 0.7, 0.74, 0.84, 0.86, 0.66] };
const LINE_DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [12, 4], [6, 3, 1, 3, 1, 3], [1, 2]];
const LINES_MAX = LINE_HUES.length;

function lineStyle(index, theme) {
  const i = index % LINES_MAX;
  return {
    color: oklch(LINE_LIGHTNESS[theme][i], 0.16, LINE_HUES[i]).css,
    dash: LINE_DASHES[(i + Math.floor(index / LINES_MAX)) % LINES_MAX],
  };
}
