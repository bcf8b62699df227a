/* The chart frame: its tabs and layers, whose state stands in the address, the export menu, and the link and the citation
   that bring a reader back to the same chart. */
(() => {
  "use strict";

  /* -- tabs: the pattern that readers of screens know, made only where it can work ---------------------- */

  function makeTabs(frame) {
    const bar = frame.querySelector("[data-tabs]");
    const tabs = [...bar.querySelectorAll("[data-tab]")];
    bar.setAttribute("role", "tablist");
    bar.setAttribute("aria-label", bar.dataset.label);
    tabs.forEach((tab) => {
      const pane = frame.querySelector(`[data-pane="${tab.dataset.tab}"]`);
      tab.id = `${frame.id}-tab-${tab.dataset.tab}`;
      pane.id = `${frame.id}-${tab.dataset.tab}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", pane.id);
      pane.setAttribute("role", "tabpanel");
      pane.setAttribute("aria-labelledby", tab.id);
    });
    bar.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-tab]");
      if (tab) chooseTab(frame, tab.dataset.tab);
    });
    bar.addEventListener("keydown", (event) => moveTab(frame, tabs, event));
    openTab(frame, tabOf(frame)); // the server has opened the one that the address names
  }

  const tabOf = (frame) => frame.querySelector("[data-pane].open").dataset.pane;

  /** A tab that the reader chose, which the address remembers. */
  function chooseTab(frame, name) {
    openTab(frame, name);
    remember(frame);
  }

  function openTab(frame, name) {
    frame.querySelectorAll("[data-tab]").forEach((tab) => {
      const open = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(open));
      tab.tabIndex = open ? 0 : -1;
    });
    frame
      .querySelectorAll("[data-pane]")
      .forEach((pane) => pane.classList.toggle("open", pane.dataset.pane === name));
  }

  function moveTab(frame, tabs, event) {
    const at = tabs.indexOf(event.target);
    const last = tabs.length - 1;
    const next = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    chooseTab(frame, tabs[next].dataset.tab);
    tabs[next].focus();
  }

  /* -- menus: <details> that also close as a menu does -------------------------------------------------- */

  document.addEventListener("click", (event) => {
    document.querySelectorAll(".menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  /* -- the state in the address: one chart a page, the one touched last ---------------------------------- */

  const PARAMETERS = ["chart", "tab", "layer"];

  /** The first layer is the one that an address without a layer shows; a chart without layers has none. */
  function layers(frame) {
    return [...frame.querySelectorAll("input[name$='-grid']")];
  }

  /** Writes the state of a frame into an address; its first tab and layer need no words. */
  function writeState(frame, address) {
    PARAMETERS.forEach((name) => address.searchParams.delete(name));
    const [first] = layers(frame);
    const chosen = layers(frame).find((input) => input.checked);
    const state = {};
    if (tabOf(frame) !== "drawing") state.tab = tabOf(frame);
    if (chosen && chosen !== first) state.layer = chosen.value;
    if (!Object.keys(state).length) return address;
    Object.entries({ chart: frame.dataset.slug, ...state }).forEach(([name, value]) =>
      address.searchParams.set(name, value),
    );
    return address;
  }

  function remember(frame) {
    history.replaceState(history.state, "", writeState(frame, new URL(location.href)));
  }

  document.addEventListener("change", (event) => {
    const frame = event.target.matches("input[name$='-grid']") && event.target.closest("[data-chart]");
    if (frame) remember(frame);
  });

  /* -- the reproducing link: this page, on this day, in this language, at this chart as it stands ---------- */

  function lasting(hash) {
    const address = new URL(location.href);
    const frame = document.getElementById(hash.slice(1));
    if (frame?.matches("[data-chart]")) writeState(frame, address);
    address.searchParams.set("as_of", document.documentElement.dataset.asOf);
    address.searchParams.set("lang", document.documentElement.lang);
    address.hash = hash;
    return address.href;
  }

  /** Browsers offer the clipboard to secure pages only; an intranet may have none. */
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }

  /** The address itself, or a citation that ends with it. */
  document.addEventListener("click", async (event) => {
    const item = event.target.closest("[data-copy]");
    if (!item) return;
    event.preventDefault();
    const menu = item.closest(".menu");
    const hash = item.hash ?? `#${item.closest("[data-chart]").id}`;
    menu.open = false;
    menu.querySelector("summary").focus();
    try {
      await copy([item.dataset.cite, lasting(hash)].filter(Boolean).join(" "));
      say(menu, item.dataset.copy);
    } catch {
      location.assign(lasting(hash)); // refused: then it can be taken from the address bar
    }
  });

  function say(menu, words) {
    const place = menu.parentElement.querySelector(".said");
    place.textContent = words;
    setTimeout(() => (place.textContent = ""), 2500);
  }

  /* -- paper: what stands at the foot of each page, which a style sheet alone cannot know ------------------- */

  const root = document.documentElement;
  root.style.setProperty("--paper-line", JSON.stringify(root.dataset.paperLine ?? ""));

  document.querySelectorAll("[data-chart]").forEach(makeTabs);
  window.tracker = { ...window.tracker, openTab, tabOf, lasting };
})();
