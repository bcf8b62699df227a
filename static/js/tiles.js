/* The tile map: one stop for the keyboard, arrow keys from tile to tile; and the switch between its grids. */
(() => {
  "use strict";
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const place = (link) => {
    const { col, row } = link.closest("[data-col]").dataset;
    return [Number(col), Number(row)];
  };

  /** The nearest tile in that direction: straight ahead first, then the least to the side. */
  function neighbour(links, from, [across, down]) {
    const [col, row] = place(from);
    const ranked = links.map((link) => {
      const [c, r] = place(link);
      const ahead = (c - col) * across + (r - row) * down;
      const aside = Math.abs((c - col) * down) + Math.abs((r - row) * across);
      return { link, ahead, rank: ahead + 3 * aside };
    });
    const open = ranked.filter((tile) => tile.ahead > 0).sort((a, b) => a.rank - b.rank);
    return open.length ? open[0].link : null;
  }

  function target(links, from, key) {
    if (key in STEPS) return neighbour(links, from, STEPS[key]);
    if (key === "Home") return links[0];
    if (key === "End") return links[links.length - 1];
    return null;
  }

  function rove(list) {
    const links = [...list.querySelectorAll("a")];
    const stop = (chosen) => links.forEach((link) => (link.tabIndex = link === chosen ? 0 : -1));
    if (links.length) stop(links[0]);
    list.addEventListener("focusin", (event) => stop(event.target.closest("a")));
    list.addEventListener("keydown", (event) => {
      const next = target(links, event.target.closest("a"), event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }

  function choose(map, key) {
    map
      .querySelectorAll("[data-grid]")
      .forEach((grid) => grid.classList.toggle("open", grid.dataset.grid === key));
  }

  document.querySelectorAll("[data-tiles]").forEach((map) => {
    map.querySelectorAll(".tiles").forEach(rove);
    const chosen = map.querySelector(".switch :checked"); // a browser may bring an earlier choice back
    if (chosen) choose(map, chosen.value);
    map.addEventListener("change", (event) => choose(map, event.target.value));
  });
})();
