/* Helpers that the chart types share: dates, ticks, labels, and the link from a value to its record. */

export const DASHED = [4, 3];
export const LONG_DASHED = [5, 4];

/* -- dates -------------------------------------------------------------------------------------------------- */

const { lang } = document.documentElement;

export const isChinese = lang.startsWith("zh");

/** The time of an ISO day in the browser's zone, as Chart.js wants it. */
export const timeOf = (isoDate) => new Date(`${isoDate}T00:00`).getTime();

export const dayFormat = makeDateFormat({ day: "numeric", month: "long", year: "numeric" });
export const monthFormat = makeDateFormat({ month: "short", year: "numeric" });

/** A date format that is made when it is first needed: making it takes longer than parsing this whole file. */
function makeDateFormat(options) {
  let format;
  const prepare = () => (format ??= new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, options));
  return { prepare, format: (value) => prepare().format(value) };
}

/* -- axes --------------------------------------------------------------------------------------------------- */

/** The number at a tick, with as many decimals as any tick of the axis needs. Chart.js would use Intl.NumberFormat,
    which takes as long to make as the whole axis. */
export function formatTick(value, _, ticks) {
  const decimalsOf = (tick) => String(Number(tick.value.toFixed(6))).split(".")[1]?.length ?? 0;
  const text = Math.abs(value).toFixed(Math.max(...ticks.map(decimalsOf)));
  const [whole, decimals] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return (value < 0 ? "−" : "") + (decimals ? `${grouped}.${decimals}` : grouped);
}

/** 1, 2, 5, 10, 20 …: the first step that divides the axis into five parts or fewer. */
function stepOf(max) {
  for (let ten = 1; ; ten *= 10) {
    const step = [1, 2, 5].find((digit) => max / (digit * ten) <= 5);
    if (step) return step * ten;
  }
}

/** Round ticks from 0 on, though the axis ends after the last of them: Chart.js would divide it evenly instead. */
export function roundTicks(last) {
  const step = stepOf(last);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => ({ value: i * step }));
}

/** One tick a row. */
export const rowTicks = (rows) => rows.map((_, value) => ({ value }));

export function axisTitle(text) {
  return { display: Boolean(text), text };
}

/** A time axis with a tick a month at the closest. */
export function timeAxis(min, max) {
  return {
    type: "time",
    min,
    max,
    time: { minUnit: "month" },
    ticks: { maxRotation: 0, autoSkipPadding: 18, callback: (value) => monthFormat.format(value) },
  };
}

/** The ticks of an axis that names a row each. */
export function rowLabels(theme, size, callback) {
  return { color: theme.ink, autoSkip: false, font: { size }, callback };
}

/** Break a long name into two lines near its middle: at a space where it has spaces. */
export function breakLabel(text, length) {
  if (text.length <= length) return text;
  const middle = Math.ceil(text.length / 2);
  const spaces = [...text.matchAll(/ /g)].map((space) => space.index);
  const index =
    spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0] ??
    (text.length > 2 * length ? middle : length);
  return [text.slice(0, index), text.slice(index).trim()];
}

/* -- annotations ---------------------------------------------------------------------------------------------- */

/** A label annotation: text on the drawing itself. */
export function textLabel(theme, content, more) {
  return {
    type: "label",
    content,
    clip: false,
    color: theme.ink,
    padding: 0,
    font: { family: theme.fontFamily, size: 12, weight: 600 },
    ...more,
  };
}

/** A dashed vertical line whose name stands above it. */
export function verticalLine(theme, value, text, color, borderWidth) {
  return {
    type: "line",
    scaleID: "x",
    value,
    borderColor: color,
    borderWidth,
    borderDash: DASHED,
    drawTime: "beforeDatasetsDraw",
    label: {
      display: true,
      drawTime: "afterDraw",
      content: text,
      position: "start", // of a vertical line: its top
      yAdjust: -18,
      backgroundColor: "transparent",
      color,
      padding: 2,
      font: { family: theme.fontFamily, size: 12, weight: 600 },
    },
  };
}

/** A context to measure text in this font, for labels that are placed before they are drawn. */
export function textMeasure(font) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = font;
  return (text) => context.measureText(text).width;
}

/* -- links ---------------------------------------------------------------------------------------------------- */

/** Options that make each value a link to its record. */
export function openOnClick(urlOf) {
  return {
    onClick: (_, [item]) => {
      const url = item && urlOf(item);
      if (url) location.assign(withPageState(url));
    },
    onHover: (event, [item]) => {
      event.native.target.style.cursor = item && urlOf(item) ? "pointer" : "default";
    },
  };
}

/** Carry both days and the language of this page's address over to the link, as all links of the page do. */
function withPageState(url) {
  const address = new URL(url, location.href);
  const current = new URLSearchParams(location.search);
  ["as_of", "known", "lang"].forEach((key) => {
    if (current.has(key) && !address.searchParams.has(key)) address.searchParams.set(key, current.get(key));
  });
  return address.href;
}
