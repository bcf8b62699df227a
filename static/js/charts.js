/* Draws the frames that need a canvas: each when it comes near the window, on a desk the others when the page is at
   rest, again when the colours change, and all of them in the colours of paper for the printer. What draws is brought
   when the first frame comes near, or when the reader is about to print; a frame that could not be drawn in time has its
   table on paper. */
(() => {
  "use strict";
  const { loadCharts, atRest, openTab } = window.tracker;
  const frames = [...document.querySelectorAll("[data-chart]")].filter((frame) =>
    frame.querySelector("[data-live-drawing]"),
  );
  const drawn = new Map(); // frame -> Chart
  const ready = new Set(); // the kinds of which all that they need is here

  /** The tokens as they stand now. */
  function look() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = [
      "ink",
      "muted",
      "line",
      "edge",
      "accent",
      "on-accent",
      "second",
      "panel",
      "s1",
      "s3",
      "s4",
      "green",
      "yellow",
      "red",
      "blue",
      "grey",
    ];
    return {
      ...Object.fromEntries(names.map((name) => [name, colour(name)])),
      face: getComputedStyle(document.body).fontFamily,
    };
  }

  /** The chart of a frame, unless that lies in a part of the page that is not shown yet. */
  function make(Chart, frame, plugins = []) {
    const box = frame.querySelector("[data-live-drawing]");
    if (!box.clientWidth) return near.observe(frame);
    const data = JSON.parse(box.querySelector("script").textContent);
    drawn.get(frame)?.destroy();
    const config = window.tracker.drawings[frame.dataset.chart](data, look(), box.clientWidth, box.clientHeight);
    config.plugins = [...(config.plugins ?? []), window.tracker.cursor, ...plugins];
    drawn.set(frame, new Chart(box.querySelector("canvas"), config));
    window.tracker.walkable(box.querySelector("canvas"));
    return drawn.get(frame);
  }

  function draw(Chart, frame) {
    if (make(Chart, frame)) frame.dataset.drawn = "";
  }

  /** Made, laid out, painted: three tasks, for as one they hold a phone up for a fifth of a second. The printer, or
      other colours, may come in between and put a finished chart in the place of this one. */
  async function drawInParts(Chart, frame) {
    let part = 1;
    const parts = { id: "parts", beforeUpdate: () => part > 1, beforeRender: () => part > 2 };
    const chart = make(Chart, frame, [parts]);
    const next = async () => (await atRest(), part++, drawn.get(frame) === chart);
    if (!chart || !(await next())) return;
    chart.update();
    if (!(await next())) return;
    chart.render();
    frame.dataset.drawn = "";
  }

  /** One after the other, so that the page answers in between. */
  async function drawInTurn(Chart, some) {
    for (const frame of some) {
      await atRest();
      if ("drawn" in frame.dataset) continue; // it came near meanwhile
      window.tracker.drawings[frame.dataset.chart].before?.();
      await atRest();
      if (drawn.has(frame)) draw(Chart, frame); // at once: it must not be blank while its parts are made
      else await drawInParts(Chart, frame);
    }
  }

  /** No library could be had: the table has every value, so it is what the frame opens on. */
  function giveUp(some) {
    some.forEach((frame) => {
      const box = frame.querySelector("[data-live-drawing]");
      const note = document.createElement("p");
      note.className = "failed";
      note.textContent = box.dataset.failed;
      box.replaceChildren(note);
      openTab(frame, "table");
    });
  }

  function redraw() {
    drawn.forEach((_, frame) => draw(window.Chart, frame));
  }

  const kindsOf = (some) => [...new Set(some.map((frame) => frame.dataset.chart))];

  async function load(some) {
    const Chart = await loadCharts(kindsOf(some));
    kindsOf(some).forEach((kind) => ready.add(kind));
    return Chart;
  }

  function bring(some) {
    load(some).then(
      (Chart) => drawInTurn(Chart, some),
      () => giveUp(some),
    );
  }

  /** Labels are laid out for a width: a new width is drawn anew, once it has come to rest. */
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

  /** Paper has light colours and room of its own. Ctrl+P, a browser's menu and a program that only asks for the media
      "print" all come here. */
  function watchPrinter() {
    let before;
    const turn = (theme, paper) => {
      document.documentElement.dataset.theme = theme;
      document.documentElement.classList.toggle("for-paper", paper);
      frames.filter((frame) => ready.has(frame.dataset.chart)).forEach((frame) => draw(window.Chart, frame));
    };
    const begin = () => {
      if (before !== undefined) return;
      before = document.documentElement.dataset.theme;
      turn("light", true);
    };
    const end = () => {
      if (before === undefined) return;
      turn(before, false);
      before = undefined;
    };
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    matchMedia("print").addEventListener("change", ({ matches }) => (matches ? begin() : end()));
    // Nothing can be waited for once the printing has begun: so before it, on the way to the browser's own menu.
    document.documentElement.addEventListener("mouseleave", () => load(frames).catch(() => {}), { once: true });
    addEventListener("keydown", (event) => {
      if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      if (kindsOf(frames).every((kind) => ready.has(kind))) return;
      event.preventDefault();
      load(frames).then(print, print);
    });
  }

  /** A desk draws the rest of the page as well once it is at rest, so that any way of printing finds it drawn. A phone
      saves that work, and whoever asked to save data theirs. */
  function drawAtRest() {
    if (!matchMedia("(min-width: 721px)").matches || navigator.connection?.saveData) return;
    addEventListener("load", () => atRest().then(() => bring(frames.filter((frame) => !drawn.has(frame)))), {
      once: true,
    });
  }

  if (!frames.length) return;
  const near = new IntersectionObserver(
    (entries) => {
      const some = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
      some.forEach((frame) => near.unobserve(frame));
      if (some.length) bring(some);
    },
    { rootMargin: "200px" },
  );
  frames.forEach((frame) => near.observe(frame));
  document.addEventListener("tracker:theme", redraw);
  watchWidth();
  watchPrinter();
  drawAtRest();
})();
