/* The tile map: one tab stop, arrow keys from tile to tile, the text of a tile below the map, and the switch between
   its layers. */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function positionOf(link) {
  const square = [...link.closest(".tile-grid").children].indexOf(link.closest(".tile"));
  return [square % 8, Math.floor(square / 8)];
}

/** The nearest tile in that direction: straight ahead first, then the least to the side. */
function neighbour(links, from, [dx, dy]) {
  const [col, row] = positionOf(from);
  const ranked = links.map((link) => {
    const [c, r] = positionOf(link);
    const ahead = (c - col) * dx + (r - row) * dy;
    const aside = Math.abs((c - col) * dy) + Math.abs((r - row) * dx);
    return { link, ahead, rank: ahead + 3 * aside };
  });
  const candidates = ranked.filter((tile) => tile.ahead > 0).sort((a, b) => a.rank - b.rank);
  return candidates.length ? candidates[0].link : null;
}

function targetOf(links, from, key) {
  if (key in STEPS) return neighbour(links, from, STEPS[key]);
  if (key === "Home") return links[0];
  if (key === "End") return links[links.length - 1];
  return null;
}

/** Roving tabindex: the tile with the focus, or the first, is the only tab stop of the map. */
function makeRoving(tiles) {
  const links = [...tiles.querySelectorAll("a")];
  const setTabStop = (chosen) => links.forEach((link) => link.setAttribute("tabindex", link === chosen ? 0 : -1));
  if (links.length) setTabStop(links[0]);
  tiles.addEventListener("focusin", (event) => setTabStop(event.target.closest("a")));
  tiles.addEventListener("keydown", (event) => {
    const next = targetOf(links, event.target.closest("a"), event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

/** Show the text of the tile under the pointer, the finger or the focus in a line below the map. A first touch shows the
    text, a second one follows the link: a finger hides what it points at. */
function showTileText(grid) {
  const line = grid.querySelector("[data-reading]");
  const [text, link] = [line.querySelector("[data-reading-text]"), line.querySelector("[data-reading-link]")];
  const hint = text.textContent;
  let selected = null; // the tile chosen by touch or focus, shown again when the pointer has left
  let touched = null;

  function show(tile) {
    grid.querySelectorAll(".is-shown").forEach((other) => other.classList.remove("is-shown"));
    tile?.classList.add("is-shown");
    text.textContent = tile ? tile.dataset.tile : hint;
    const address = tile?.getAttribute("href");
    link.hidden = !address;
    if (address) link.setAttribute("href", address);
  }

  const tiles = grid.querySelector(".tile-grid");
  const tileOf = (event) => event.target.closest("[data-tile]");
  tiles.addEventListener("pointerover", (event) => tileOf(event) && show(tileOf(event)));
  tiles.addEventListener("pointerleave", () => show(selected));
  tiles.addEventListener("focusin", (event) => show((selected = tileOf(event))));
  tiles.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch" ? selected : tileOf(event);
  });
  tiles.addEventListener("click", (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    if (event.detail > 0 && touched !== tile) event.preventDefault(); // without a pointer: Enter follows the link at once
    show((selected = tile));
  });
}

function showLayer(map, key) {
  map.querySelectorAll("[data-grid]").forEach((grid) => grid.classList.toggle("open", grid.dataset.grid === key));
}

document.querySelectorAll("[data-tiles]").forEach((map) => {
  map.querySelectorAll(".tile-grid").forEach(makeRoving);
  map.querySelectorAll("[data-grid]").forEach(showTileText);
  const checked = map.querySelector(".switch :checked"); // a browser may restore an earlier choice
  if (checked) showLayer(map, checked.value);
  map.addEventListener("change", (event) => showLayer(map, event.target.value));
});
