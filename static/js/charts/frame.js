/* The chart frame: its tabs, and the menu items that copy a permalink or a citation. */
import { makeTabs, markSelected } from "../components/tabs.js";

/* -- tabs ------------------------------------------------------------------------------------------------- */

const tabsOf = (frame) => [...frame.querySelectorAll("[data-tab]")];

/** The name of the open tab. */
export function currentTab(frame) {
  return frame.querySelector("[data-pane].open").dataset.pane;
}

export function openTab(frame, name) {
  const tabs = tabsOf(frame);
  markSelected(
    tabs,
    tabs.find((tab) => tab.dataset.tab === name),
  );
  frame.querySelectorAll("[data-pane]").forEach((pane) => pane.classList.toggle("open", pane.dataset.pane === name));
}

function setUp(frame) {
  const bar = frame.querySelector("[data-tabs]");
  const panelOf = (tab) => frame.querySelector(`[data-pane="${tab.dataset.tab}"]`);
  const tabs = tabsOf(frame);
  tabs.forEach((tab) => {
    tab.id = `${frame.id}-tab-${tab.dataset.tab}`;
    panelOf(tab).id = `${frame.id}-${tab.dataset.tab}`;
  });
  const select = (tab) => openTab(frame, tab.dataset.tab);
  makeTabs(bar, { label: bar.dataset.label, tabs, panelOf, select });
  openTab(frame, currentTab(frame));
}

/* -- permalink ------------------------------------------------------------------------------------------------ */

/** The address of this page with both days and in this language, at this chart: it shows the same next year. */
export const permalink = (hash) => document.documentElement.dataset.paperAddress + hash;

/** Browsers offer the clipboard to secure pages only; an intranet may have none. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const box = document.createElement("textarea");
  box.value = text;
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
  return undefined;
}

function showStatus(menu, text) {
  const status = menu.parentElement.querySelector(".status-message");
  status.textContent = text;
  setTimeout(() => (status.textContent = ""), 2500);
}

/** Copy the permalink, or a citation that ends with it. */
document.addEventListener("click", async (event) => {
  const item = event.target.closest("[data-copy]");
  if (!item) return;
  event.preventDefault();
  const menu = item.closest(".menu");
  const hash = item.hash ?? `#${item.closest("[data-chart]").id}`;
  menu.open = false;
  menu.querySelector("summary").focus();
  try {
    await copy([item.dataset.cite, permalink(hash)].filter(Boolean).join(" "));
    showStatus(menu, item.dataset.copy);
  } catch {
    location.assign(permalink(hash)); // no permission: the user can copy it from the address bar
  }
});

document.querySelectorAll("[data-chart]").forEach(setUp);
