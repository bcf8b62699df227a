/* The parts of a long page as tabs. Without this script they stand one below the other, and the tabs are links to
   them; on paper they do so as well. */
(() => {
  "use strict";
  const bar = document.querySelector("[data-page-tabs]");
  if (!bar) return;
  const links = [...bar.querySelectorAll("a")];
  const panelOf = (link) => document.getElementById(link.hash.slice(1));
  let open = null;

  function setUp() {
    const list = bar.querySelector("ul");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", bar.getAttribute("aria-label"));
    links.forEach((link) => {
      const panel = panelOf(link);
      link.parentElement.setAttribute("role", "presentation");
      link.id = `tab-${panel.id}`;
      link.setAttribute("role", "tab");
      link.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", link.id);
    });
  }

  function show(link) {
    open = link;
    links.forEach((each) => {
      const chosen = each === link;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      panelOf(each).hidden = !chosen;
    });
  }

  /** The tab that the address names, or in whose part the thing lies that it names. */
  function fromAddress() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const link = target && links.find((each) => panelOf(each).contains(target));
    if (!link) return;
    show(link);
    if (target !== panelOf(link)) target.scrollIntoView();
  }

  function move(event) {
    const at = links.indexOf(event.target);
    const last = links.length - 1;
    const next = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    choose(links[next]);
    links[next].focus();
  }

  function choose(link) {
    history.replaceState(null, "", link.hash);
    show(link);
  }

  setUp();
  show(links[0]);
  bar.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    choose(link);
  });
  bar.addEventListener("keydown", move);
  addEventListener("hashchange", fromAddress);
  addEventListener("load", fromAddress, { once: true });
  addEventListener("beforeprint", () => links.forEach((link) => (panelOf(link).hidden = false)));
  addEventListener("afterprint", () => show(open));
})();
