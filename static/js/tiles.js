/* The tile map: one stop for the keyboard, arrow keys from tile to tile, what a tile says in words, and the switch
   between its layers. */
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

  function rove(map) {
    const links = [...map.querySelectorAll("a")];
    const stop = (chosen) => links.forEach((link) => link.setAttribute("tabindex", link === chosen ? 0 : -1));
    if (links.length) stop(links[0]);
    map.addEventListener("focusin", (event) => stop(event.target.closest("a")));
    map.addEventListener("keydown", (event) => {
      const next = target(links, event.target.closest("a"), event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }

  /** What the tile under the pointer, the finger or the focus says, in a line below the map. A first touch reads the
      tile, a second one opens it: a finger hides what it points at. */
  function read(grid) {
    const line = grid.querySelector("[data-reading]");
    const [text, link] = [line.querySelector("[data-reading-text]"), line.querySelector("[data-reading-link]")];
    const hint = text.textContent;
    let kept = null; // what a finger or the focus chose stays when the pointer has left
    let armed = null;

    function show(tile) {
      grid.querySelectorAll(".shown").forEach((other) => other.classList.remove("shown"));
      tile?.classList.add("shown");
      text.textContent = tile ? tile.getAttribute("aria-label") : hint;
      const address = tile?.getAttribute("href");
      link.hidden = !address;
      if (address) link.setAttribute("href", address);
    }

    const map = grid.querySelector(".tilemap-svg");
    const tileOf = (event) => event.target.closest("[data-tile]");
    map.addEventListener("pointerover", (event) => tileOf(event) && show(tileOf(event)));
    map.addEventListener("pointerleave", () => show(kept));
    map.addEventListener("focusin", (event) => show((kept = tileOf(event))));
    map.addEventListener("pointerdown", (event) => {
      armed = event.pointerType === "touch" ? kept : tileOf(event);
    });
    map.addEventListener("click", (event) => {
      const tile = tileOf(event);
      if (!tile) return;
      if (event.detail > 0 && armed !== tile) event.preventDefault(); // no pointer: Enter opens at once
      show((kept = tile));
    });
  }

  function choose(map, key) {
    map
      .querySelectorAll("[data-grid]")
      .forEach((grid) => grid.classList.toggle("open", grid.dataset.grid === key));
  }

  document.querySelectorAll("[data-tiles]").forEach((map) => {
    map.querySelectorAll(".tilemap-svg").forEach(rove);
    map.querySelectorAll("[data-grid]").forEach(read);
    const chosen = map.querySelector(".switch :checked"); // a browser may bring an earlier choice back
    if (chosen) choose(map, chosen.value);
    map.addEventListener("change", (event) => choose(map, event.target.value));
  });
})();
