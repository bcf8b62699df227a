/* Draws the charts that need a canvas: each when it comes near the window, on a wide window the others when the page is
   idle, again when the theme changes, and all of them in light colours for the printer. What draws is loaded when the
   first chart comes near, or when the user is about to print; a chart that could not be drawn in time is printed as its
   table. */
import { openTab } from "./chart-frame.js";
import { chartTypes, idle, loadCharts } from "./chart-loader.js";

const frames = [...document.querySelectorAll("[data-chart]")].filter((frame) =>
  frame.querySelector("[data-live-drawing]"),
);
const charts = new Map(); // frame -> Chart
const loadedTypes = new Set(); // the types of which all that they need is loaded
let library; // { Chart, createChart }, once loaded

const typeOf = (frame) => frame.dataset.chart;
const typesOf = (some) => [...new Set(some.map(typeOf))];

async function load(some) {
  library = await loadCharts(typesOf(some));
  typesOf(some).forEach((type) => loadedTypes.add(type));
}

/** Create the chart of a frame; undefined while the frame is in a part of the page that is not shown yet. */
function create(frame, plugins = []) {
  if (!frame.querySelector("[data-live-drawing]").clientWidth) {
    nearWindow.observe(frame);
    return undefined;
  }
  charts.get(frame)?.destroy();
  const chart = library.createChart(library.Chart, frame, chartTypes[typeOf(frame)], plugins);
  charts.set(frame, chart);
  return chart;
}

function draw(frame) {
  if (create(frame)) frame.dataset.drawn = "";
}

function redraw() {
  charts.forEach((_, frame) => draw(frame));
}

/** Create, lay out and paint a chart in three tasks, for as one they block a phone for a fifth of a second. The printer,
    or a change of the theme, may come in between and put a finished chart in the place of this one. */
async function drawInParts(frame) {
  let part = 1;
  const plugins = () => Object.keys(library.Chart.registry.plugins.items).length;
  const registered = plugins();
  const parts = { id: "parts", beforeUpdate: () => part > 1, beforeRender: () => part > 2 };
  const chart = create(frame, [parts]);
  const nextPart = async () => {
    await idle();
    part++;
    if (charts.get(frame) !== chart) return false;
    if (plugins() === registered) return true;
    draw(frame); // anew: a plugin that another chart needed was loaded meanwhile and does not know this one
    return false;
  };
  if (!chart || !(await nextPart())) return;
  chart.update();
  if (!(await nextPart())) return;
  chart.render();
  frame.dataset.drawn = "";
}

/** Draw one after the other, so that the page responds in between. */
async function drawInTurn(some) {
  for (const frame of some) {
    await idle();
    if ("drawn" in frame.dataset) continue; // it came near meanwhile
    chartTypes[typeOf(frame)].prepare?.();
    await idle();
    if (charts.has(frame)) draw(frame); // at once: it must not be blank while its parts are made
    else await drawInParts(frame);
  }
}

/** Show the table, which has every value, where no library could be loaded. */
function showTables(some) {
  some.forEach((frame) => {
    const box = frame.querySelector("[data-live-drawing]");
    const note = document.createElement("p");
    note.className = "failed";
    note.textContent = box.dataset.failed;
    box.replaceChildren(note);
    openTab(frame, "table");
  });
}

function loadAndDraw(some) {
  load(some).then(
    () => drawInTurn(some),
    () => showTables(some),
  );
}

/* -- when to draw ------------------------------------------------------------------------------------------- */

const nearWindow = new IntersectionObserver(
  (entries) => {
    const near = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    near.forEach((frame) => nearWindow.unobserve(frame));
    if (near.length) loadAndDraw(near);
  },
  { rootMargin: "200px" },
);

/** Labels are laid out for a width: after a resize every chart is drawn again. */
function watchWidth() {
  let timer;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(redraw, 150);
  });
}

/** Print in light colours and in the width of the paper. Ctrl+P, the browser's menu and a program that only asks for the
    media "print" all come here. */
function watchPrinter() {
  let themeBefore;
  const apply = (theme, forPaper) => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.classList.toggle("for-paper", forPaper);
    frames.filter((frame) => loadedTypes.has(typeOf(frame))).forEach(draw);
  };
  const begin = () => {
    if (themeBefore !== undefined) return;
    themeBefore = document.documentElement.dataset.theme;
    apply("light", true);
  };
  const end = () => {
    if (themeBefore === undefined) return;
    apply(themeBefore, false);
    themeBefore = undefined;
  };
  addEventListener("beforeprint", begin);
  addEventListener("afterprint", end);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? begin() : end()));
  // Printing cannot wait for a download: so load before it, when the pointer leaves for the browser's own menu.
  document.documentElement.addEventListener("mouseleave", () => load(frames).catch(() => {}), { once: true });
  addEventListener("keydown", (event) => {
    if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (typesOf(frames).every((type) => loadedTypes.has(type))) return;
    event.preventDefault();
    load(frames).then(print, print);
  });
}

/** In a wide window draw the rest of the page as well once it is idle, so that any way of printing finds it drawn. A
    phone is spared that work, and so is a user who asked to save data. */
function drawWhenIdle() {
  if (!matchMedia("(min-width: 721px)").matches || navigator.connection?.saveData) return;
  addEventListener("load", () => idle().then(() => loadAndDraw(frames.filter((frame) => !charts.has(frame)))), {
    once: true,
  });
}

if (frames.length) {
  frames.forEach((frame) => nearWindow.observe(frame));
  document.addEventListener("tracker:theme", redraw);
  watchWidth();
  watchPrinter();
  drawWhenIdle();
}
