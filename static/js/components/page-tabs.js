/* The sections of a long page as tabs. Without this script they stand one below the other, and the tabs are links to
   them; on paper they do so as well (print.css). */
import { makeTabs, markSelected } from "./tabs.js";

const bar = document.querySelector("[data-page-tabs]");
const links = [...bar.querySelectorAll("a")];
const panelOf = (link) => document.getElementById(link.hash.slice(1));

function show(link) {
  markSelected(links, link);
  links.forEach((each) => (panelOf(each).hidden = each !== link));
}

function select(link) {
  history.replaceState(null, "", link.hash);
  show(link);
}

/** Show the tab that the address names, or whose panel holds the element that the address names. */
function showFromAddress() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const link = target && links.find((each) => panelOf(each).contains(target));
  if (!link) return;
  show(link);
  if (target !== panelOf(link)) target.scrollIntoView();
}

links.forEach((link) => {
  link.parentElement.setAttribute("role", "presentation");
  link.id = `tab-${panelOf(link).id}`;
  panelOf(link).querySelector(".tab-title")?.classList.add("visually-hidden"); // the tab says it
});
makeTabs(bar.querySelector("ul"), { label: bar.getAttribute("aria-label"), tabs: links, panelOf, select });
show(links[0]);
addEventListener("hashchange", showFromAddress);
addEventListener("load", showFromAddress, { once: true });
