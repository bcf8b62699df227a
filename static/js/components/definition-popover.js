/* Definitions beside the numbers that they define: fetched from the page of definitions and shown in a popover. Without
   this script, or where the browser has no popovers, the sign is a link to that page. */

const MARGIN = 12; // pixels between the popover and the edge of the window
const pages = new Map(); // address -> promise of its document, each fetched once
let popover;

function fetchPage(address) {
  if (!pages.has(address)) {
    const page = fetch(address, { credentials: "same-origin" }).then(async (response) => {
      if (!response.ok) throw new Error(response.statusText);
      return new DOMParser().parseFromString(await response.text(), "text/html");
    });
    page.catch(() => pages.delete(address));
    pages.set(address, page);
  }
  return pages.get(address);
}

function makeElement(name, text, className = "") {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = className;
  return element;
}

function makePopover() {
  const element = makeElement("div", "", "definition");
  element.popover = "auto";
  element.tabIndex = -1;
  element.setAttribute("role", "dialog");
  element.setAttribute("aria-labelledby", "definition-name");
  document.body.append(element);
  return element;
}

function fill(link, fact) {
  const title = makeElement("p", fact.querySelector("dt").textContent, "definition-name");
  title.id = "definition-name";
  const more = makeElement("a", link.dataset.more);
  more.href = link.href;
  const foot = makeElement("p", "", "definition-more");
  foot.append(more);
  popover.replaceChildren(title, makeElement("p", fact.querySelector("dd").textContent), foot);
}

/** Place the popover under the sign, or above it where there is no room; never over the window's edge. */
function place(link) {
  const box = link.getBoundingClientRect();
  const rightmost = document.documentElement.clientWidth - popover.offsetWidth - MARGIN;
  const below = box.bottom + 6;
  const fits = below + popover.offsetHeight + MARGIN <= innerHeight;
  popover.style.left = `${Math.min(Math.max(MARGIN, box.left - 20), rightmost)}px`;
  popover.style.top = `${fits ? below : Math.max(MARGIN, box.top - popover.offsetHeight - 6)}px`;
}

async function open(link) {
  const address = new URL(link.href);
  const code = address.hash.slice(1);
  address.hash = "";
  try {
    const fact = (await fetchPage(address.href)).getElementById(code);
    popover ??= makePopover();
    fill(link, fact);
    popover.showPopover();
    place(link);
    popover.focus({ preventScroll: true });
  } catch {
    location.assign(link.href);
  }
}

if ("popover" in HTMLElement.prototype) {
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a.define");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(link);
  });
  addEventListener("resize", () => popover?.matches(":popover-open") && popover.hidePopover());
}
