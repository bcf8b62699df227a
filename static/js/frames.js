/* The chart frame's furniture: tabs, the export menu, and the link that brings a reader back to this chart. */
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
      if (tab) openTab(frame, tab.dataset.tab);
    });
    bar.addEventListener("keydown", (event) => moveTab(frame, tabs, event));
    openTab(frame, "drawing");
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
    openTab(frame, tabs[next].dataset.tab);
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

  /* -- the reproducing link: this page, on this day, in this language, at this chart ------------------- */

  function lasting(hash) {
    const address = new URL(location.href);
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

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-copy]");
    if (!link) return;
    event.preventDefault();
    const menu = link.closest(".menu");
    menu.open = false;
    menu.querySelector("summary").focus();
    try {
      await copy(lasting(link.hash));
      say(menu, link.dataset.copy);
    } catch {
      location.assign(lasting(link.hash)); // refused: then it can be taken from the address bar
    }
  });

  function say(menu, words) {
    const place = menu.parentElement.querySelector(".said");
    place.textContent = words;
    setTimeout(() => (place.textContent = ""), 2500);
  }

  document.querySelectorAll("[data-chart]").forEach(makeTabs);
  window.tracker = { ...window.tracker, openTab };
})();
