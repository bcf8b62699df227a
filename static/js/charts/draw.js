/* Draws the charts that need a canvas: each when it comes near the window, on a wide window the others when the page is
   idle, again when the theme changes, and all of them in light colours for the printer. The library is loaded when the
   first chart comes near, or when the user is about to print; a chart that could not be drawn in time is printed as its
   table. */
import { createChart } from "./create.js";
import { openTab } from "./frame.js";
import { idle, loadChart } from "./library.js";

const frames = [...document.querySelectorAll("[data-chart]")].filter((frame) =>
  frame.querySelector("[data-live-drawing]"),
);
const charts = new Map(); // frame -> Chart
let Chart; // once loaded

async function load() {
  Chart = await loadChart();
}

/** Draw a frame, unless it is in a part of the page that is not shown yet. */
function draw(frame) {
  if (!frame.querySelector("[data-live-drawing]").clientWidth) {
    nearWindow.observe(frame);
    return;
  }
  charts.get(frame)?.destroy();
  charts.set(frame, createChart(Chart, frame));
  frame.dataset.drawn = "";
}

function redraw() {
  charts.forEach((_, frame) => draw(frame));
}

/** Draw one after the other, so that the page responds in between. */
async function drawInTurn(some) {
  for (const frame of some) {
    await idle();
    if (!charts.has(frame)) draw(frame);
  }
}

/** Show the table, which has every value, where the library could not be loaded. */
function showTables(some) {
  some.forEach((frame) => {
    const box = frame.querySelector("[data-live-drawing]");
    const note = document.createElement("p");
    note.className = "empty";
    note.textContent = box.dataset.failed;
    box.replaceChildren(note);
    openTab(frame, "table");
  });
}

function loadAndDraw(some) {
  load().then(
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
    if (Chart) frames.forEach(draw);
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
  document.documentElement.addEventListener("mouseleave", () => load().catch(() => {}), { once: true });
  addEventListener("keydown", (event) => {
    if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || Chart) return;
    event.preventDefault();
    load().then(print, print);
  });
}

/** In a wide window draw the rest of the page as well once it is idle, so that any way of printing finds it drawn. A
    phone is spared that work, and so is a user who asked to save data. */
function drawWhenIdle() {
  if (!matchMedia("(min-width: 721px)").matches || navigator.connection?.saveData) return;
  addEventListener("load", () => idle().then(() => loadAndDraw(frames)), { once: true });
}

if (frames.length) {
  frames.forEach((frame) => nearWindow.observe(frame));
  document.addEventListener("tracker:theme", redraw);
  watchWidth();
  watchPrinter();
  drawWhenIdle();
}
