/* Charts by keyboard: the arrow keys go from value to value, what stands under the cursor is ringed, shown as by the
   mouse and said to readers of screens; Enter opens its record, Escape leaves. */
(() => {
  "use strict";
  const ROWS = new Set(["strip", "timeline"]); // one lane a row: read along the lanes, not across them
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const cursors = new WeakMap(); // canvas -> the place among the stops; none while nobody walks

  const chartOf = (canvas) => window.Chart.getChart(canvas);
  const kindOf = (canvas) => canvas.closest("[data-chart]").dataset.chart;

  /* -- the stops ----------------------------------------------------------------------------------------- */

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

  /** Values that the mouse shows together are one stop: those of a row of bars, or of one day on a curve. */
  function together(chart) {
    const { mode, axis } = chart.options.interaction;
    if (mode === "index") return ({ index }) => index;
    if (mode === "nearest" && axis === "x") return ({ element }) => element.x;
    return ({ datasetIndex, index }) => `${datasetIndex}:${index}`;
  }

  function stopsOf(chart, kind) {
    const key = together(chart);
    const stops = new Map();
    valuesOf(chart).forEach((value) => stops.set(key(value), [...(stops.get(key(value)) ?? []), value]));
    const lane = ({ element }) => Math.round(chart.scales.y.getValueForPixel(element.y));
    const across = ([a], [b]) => a.element.x - b.element.x || a.element.y - b.element.y;
    const order = ROWS.has(kind) ? (a, b) => lane(a[0]) - lane(b[0]) || across(a, b) : across;
    const all = [...stops.values()];
    return chart.options.interaction.mode === "index" ? all : all.sort(order);
  }

  /* -- showing and saying ---------------------------------------------------------------------------------- */

  /** The words of the tooltip: label, series, value and of how many. */
  function wordsOf(tooltip) {
    const parts = [tooltip.title, ...tooltip.body.map((item) => item.lines), tooltip.footer];
    return [...new Set(parts.flat().filter(Boolean))].join(", ");
  }

  function show(canvas, chart, stops, at) {
    const { x, y } = stops[at][0].element.tooltipPosition();
    cursors.set(canvas, at);
    chart.cursorStop = stops[at];
    chart.setActiveElements(stops[at]);
    chart.tooltip.setActiveElements(stops[at], { x, y });
    chart.draw();
    say(canvas, `${wordsOf(chart.tooltip)} (${at + 1} / ${stops.length})`);
  }

  function leave(canvas) {
    const chart = chartOf(canvas);
    if (!cursors.delete(canvas) || !chart) return;
    delete chart.cursorStop;
    chart.setActiveElements([]);
    chart.tooltip.setActiveElements([], { x: 0, y: 0 });
    chart.draw();
    say(canvas, "");
  }

  function say(canvas, text) {
    canvas.parentElement.querySelector("[data-cursor]").textContent = text;
  }

  /* -- keys --------------------------------------------------------------------------------------------------- */

  function next(key, at, last) {
    if (key === "Home") return 0;
    if (key === "End") return last;
    if (!(key in STEPS)) return null;
    if (at === undefined) return STEPS[key] > 0 ? 0 : last;
    return Math.min(last, Math.max(0, at + STEPS[key]));
  }

  function press(event) {
    const canvas = event.currentTarget;
    const chart = chartOf(canvas);
    if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") leave(canvas);
    if (event.key === "Enter" && chart.cursorStop) chart.options.onClick?.(event, chart.cursorStop, chart);
    const stops = stopsOf(chart, kindOf(canvas));
    const to = next(event.key, cursors.get(canvas), stops.length - 1);
    if (to === null || !stops.length) return;
    event.preventDefault();
    show(canvas, chart, stops, to);
  }

  /** Makes the canvas of a frame a stop of the keyboard, once it has been drawn. */
  function walkable(canvas) {
    if (canvas.tabIndex === 0) return;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", canvas.dataset.role);
    canvas.setAttribute("aria-describedby", canvas.parentElement.querySelector(".walk-hint").id);
    canvas.addEventListener("keydown", press);
    canvas.addEventListener("blur", () => leave(canvas));
  }

  /* -- the ring --------------------------------------------------------------------------------------------- */

  function ring(pen, element) {
    const { x, y, base, width, height, horizontal } = element;
    if (base === undefined) {
      pen.beginPath();
      pen.arc(x, y, (element.options.radius || 2) + 5, 0, 2 * Math.PI);
      pen.stroke();
    } else if (horizontal) {
      pen.strokeRect(Math.min(x, base) - 2, y - height / 2 - 2, Math.abs(x - base) + 4, height + 4);
    } else {
      pen.strokeRect(x - width / 2 - 2, Math.min(y, base) - 2, width + 4, Math.abs(y - base) + 4);
    }
  }

  const cursor = {
    id: "cursor",
    afterDatasetsDraw(chart) {
      if (!chart.cursorStop) return;
      const pen = chart.ctx;
      pen.save();
      pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--focus").trim();
      pen.lineWidth = 2;
      chart.cursorStop.forEach(({ element }) => ring(pen, element));
      pen.restore();
    },
  };

  window.tracker = { ...window.tracker, walkable, cursor };
})();
