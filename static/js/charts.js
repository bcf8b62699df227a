/* Draws the frames that need a canvas: when one comes near the window, again when the colours change, and in the
   colours of paper for the printer. */
(() => {
  "use strict";
  const { drawings, loadCharts, openTab } = window.tracker;
  const frames = [...document.querySelectorAll("[data-chart]")].filter(
    (frame) => frame.dataset.chart in drawings,
  );
  const drawn = new Map(); // frame -> Chart

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
      "grey",
    ];
    return {
      ...Object.fromEntries(names.map((name) => [name, colour(name)])),
      face: getComputedStyle(document.body).fontFamily,
    };
  }

  function draw(Chart, frame) {
    const box = frame.querySelector("[data-live-drawing]");
    const data = JSON.parse(box.querySelector("script").textContent);
    drawn.get(frame)?.destroy();
    const config = drawings[frame.dataset.chart](data, look(), box.clientWidth);
    drawn.set(frame, new Chart(box.querySelector("canvas"), config));
    frame.dataset.drawn = "";
  }

  const drawAll = (Chart) => frames.forEach((frame) => draw(Chart, frame));

  /** No library could be had: the table has every value, so it is what the frame opens on. */
  function giveUp() {
    frames.forEach((frame) => {
      const box = frame.querySelector("[data-live-drawing]");
      const note = document.createElement("p");
      note.className = "failed";
      note.textContent = box.dataset.failed;
      box.replaceChildren(note);
      openTab(frame, "table");
    });
  }

  function redraw() {
    if (drawn.size) loadCharts().then(drawAll, giveUp);
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

  function watchPrinter() {
    let before;
    const turn = (theme, paper) => {
      document.documentElement.dataset.theme = theme;
      document.documentElement.classList.toggle("for-paper", paper);
      if (drawn.size) drawAll(window.Chart);
    };
    addEventListener("beforeprint", () => {
      before = document.documentElement.dataset.theme;
      turn("light", true);
    });
    addEventListener("afterprint", () => turn(before, false));
  }

  if (!frames.length) return;
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      loadCharts().then(drawAll, giveUp);
    },
    { rootMargin: "400px" },
  );
  frames.forEach((frame) => near.observe(frame));
  document.addEventListener("tracker:theme", redraw);
  watchWidth();
  watchPrinter();
})();
