/* Charts by keyboard: the arrow keys go from value to value; the current one is ringed, shown in the tooltip as by the
   mouse and announced to screen readers; Enter opens its record, Escape leaves. */
import { focusColor } from "./theme-colors.js";

const BY_ROW = new Set(["strip", "timeline"]); // these have a value a row: read along the rows, not across them
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const charts = new WeakMap(); // canvas -> its current chart
const positions = new WeakMap(); // canvas -> index of the current stop; none without the focus

const typeOf = (canvas) => canvas.closest("[data-chart]").dataset.chart;

/* -- the stops ------------------------------------------------------------------------------------------------ */

/** Every value that is drawn, as Chart.js names it. */
function valuesOf(chart) {
  return chart.data.datasets.flatMap((dataset, datasetIndex) => {
    const meta = chart.getDatasetMeta(datasetIndex);
    if (meta.hidden) return [];
    return meta.data
      .map((element, index) => ({ datasetIndex, index, element }))
      .filter(({ index, element }) => dataset.data[index] !== null && !element.skip);
  });
}

/** The key that groups values: those that the mouse shows together are one stop, as in a row of bars or on one day. */
function groupKey(chart) {
  const { mode, axis } = chart.options.interaction;
  if (mode === "index") return ({ index }) => index;
  if (mode === "nearest" && axis === "x") return ({ element }) => element.x;
  return ({ datasetIndex, index }) => `${datasetIndex}:${index}`;
}

function stopsOf(chart, type) {
  const keyOf = groupKey(chart);
  const stops = new Map();
  valuesOf(chart).forEach((value) => stops.set(keyOf(value), [...(stops.get(keyOf(value)) ?? []), value]));
  const all = [...stops.values()];
  if (chart.options.interaction.mode === "index") return all;
  const rowOf = ({ element }) => Math.round(chart.scales.y.getValueForPixel(element.y));
  const across = ([a], [b]) => a.element.x - b.element.x || a.element.y - b.element.y;
  return all.sort(BY_ROW.has(type) ? (a, b) => rowOf(a[0]) - rowOf(b[0]) || across(a, b) : across);
}

/* -- showing and announcing ------------------------------------------------------------------------------------- */

/** The text of the tooltip: label, series, value and of how many. */
function textOf(tooltip) {
  const parts = [tooltip.title, ...tooltip.body.map((item) => item.lines), tooltip.footer];
  return [...new Set(parts.flat().filter(Boolean))].join(", ");
}

function show(canvas, chart, stops, index) {
  const { x, y } = stops[index][0].element.tooltipPosition();
  positions.set(canvas, index);
  chart.keyboardStop = stops[index];
  chart.setActiveElements(stops[index]);
  chart.tooltip.setActiveElements(stops[index], { x, y });
  chart.draw();
  announce(canvas, `${textOf(chart.tooltip)} (${index + 1} / ${stops.length})`);
}

function leave(canvas) {
  const chart = charts.get(canvas);
  if (!positions.delete(canvas) || !chart) return;
  delete chart.keyboardStop;
  chart.setActiveElements([]);
  chart.tooltip.setActiveElements([], { x: 0, y: 0 });
  chart.draw();
  announce(canvas, "");
}

function announce(canvas, text) {
  canvas.parentElement.querySelector("[data-cursor]").textContent = text;
}

/* -- keys ------------------------------------------------------------------------------------------------------- */

function nextIndex(key, index, last) {
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (!(key in STEPS)) return null;
  if (index === undefined) return STEPS[key] > 0 ? 0 : last;
  return Math.min(last, Math.max(0, index + STEPS[key]));
}

function openRecord(event, chart) {
  if (chart.keyboardStop) chart.options.onClick?.(event, chart.keyboardStop, chart);
}

function onKeyDown(event) {
  const canvas = event.currentTarget;
  const chart = charts.get(canvas);
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (!chart || hasModifier) return;
  if (event.key === "Escape") leave(canvas);
  if (event.key === "Enter") openRecord(event, chart);
  const stops = stopsOf(chart, typeOf(canvas));
  const index = nextIndex(event.key, positions.get(canvas), stops.length - 1);
  if (index === null || !stops.length) return;
  event.preventDefault();
  show(canvas, chart, stops, index);
}

/** Make the canvas of this chart a tab stop with the keys above. */
export function enableKeyboard(chart, canvas) {
  charts.set(canvas, chart);
  if (canvas.tabIndex === 0) return;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", canvas.dataset.role);
  canvas.setAttribute("aria-describedby", canvas.parentElement.querySelector(".walk-hint").id);
  canvas.addEventListener("keydown", onKeyDown);
  canvas.addEventListener("blur", () => leave(canvas));
}

/* -- the ring --------------------------------------------------------------------------------------------------- */

function strokeRing(context, element) {
  const { x, y, base, width, height, horizontal } = element;
  if (base === undefined) {
    context.beginPath();
    context.arc(x, y, (element.options.radius || 2) + 5, 0, 2 * Math.PI);
    context.stroke();
  } else if (horizontal) {
    context.strokeRect(Math.min(x, base) - 2, y - height / 2 - 2, Math.abs(x - base) + 4, height + 4);
  } else {
    context.strokeRect(x - width / 2 - 2, Math.min(y, base) - 2, width + 4, Math.abs(y - base) + 4);
  }
}

/** The plugin that draws a ring around the values of the current stop. */
export const focusRing = {
  id: "focusRing",
  afterDatasetsDraw(chart) {
    if (!chart.keyboardStop) return;
    const { ctx: context } = chart;
    context.save();
    context.strokeStyle = focusColor();
    context.lineWidth = 2;
    chart.keyboardStop.forEach(({ element }) => strokeRing(context, element));
    context.restore();
  },
};
