/* The tabs pattern of the ARIA Authoring Practices, with automatic activation: arrow keys, Home and End select. */

/** Make these elements tabs of their panels. Each tab and panel has an id; `select` is called with the chosen tab. */
export function makeTabs(tabList, { label, tabs, panelOf, select }) {
  tabList.setAttribute("role", "tablist");
  tabList.setAttribute("aria-label", label);
  tabs.forEach((tab) => {
    const panel = panelOf(tab);
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
  });
  tabList.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (!tab) return;
    event.preventDefault();
    select(tab);
  });
  tabList.addEventListener("keydown", (event) => {
    const tab = tabs[nextIndex(event.key, tabs.indexOf(event.target), tabs.length - 1)];
    if (!tab) return;
    event.preventDefault();
    select(tab);
    tab.focus();
  });
}

function nextIndex(key, index, last) {
  if (index < 0) return undefined;
  return { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last }[
    key
  ];
}

/** Announce one tab as selected; it alone is a tab stop. Showing its panel is left to the caller. */
export function markSelected(tabs, selected) {
  tabs.forEach((tab) => {
    tab.setAttribute("aria-selected", String(tab === selected));
    tab.tabIndex = tab === selected ? 0 : -1;
  });
}
