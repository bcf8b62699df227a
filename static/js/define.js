/* What a number means, beside the sign that stands for it: the definition is taken from the page of definitions, which
   has them all. Without this script, or where a browser knows no popovers, the sign is a link to that page. */
(() => {
  "use strict";
  if (!("popover" in HTMLElement.prototype)) return;
  const EDGE = 12; // pixels that stay free at the window's edge
  const pages = new Map(); // by address, each asked for once
  let box;

  function definitionsOf(address) {
    if (!pages.has(address)) {
      const asked = fetch(address, { credentials: "same-origin" }).then(async (answer) => {
        if (!answer.ok) throw new Error(answer.statusText);
        return new DOMParser().parseFromString(await answer.text(), "text/html");
      });
      asked.catch(() => pages.delete(address));
      pages.set(address, asked);
    }
    return pages.get(address);
  }

  function element(name, text, className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = className;
    return made;
  }

  function fill(link, fact) {
    const title = element("p", fact.querySelector("dt").textContent, "definition-name");
    title.id = "definition-name";
    const more = element("a", link.dataset.more);
    more.href = link.href;
    const foot = element("p", "", "definition-more");
    foot.append(more);
    box.replaceChildren(title, element("p", fact.querySelector("dd").textContent), foot);
  }

  /** Under the sign, or above it where there is no room; never over the window's edge. */
  function place(link) {
    const at = link.getBoundingClientRect();
    const left = Math.min(Math.max(EDGE, at.left - 20), document.documentElement.clientWidth - box.offsetWidth - EDGE);
    const below = at.bottom + 6;
    const fits = below + box.offsetHeight + EDGE <= innerHeight;
    box.style.left = `${left}px`;
    box.style.top = `${fits ? below : Math.max(EDGE, at.top - box.offsetHeight - 6)}px`;
  }

  async function open(link) {
    const address = new URL(link.href);
    const code = address.hash.slice(1);
    address.hash = "";
    try {
      const fact = (await definitionsOf(address.href)).getElementById(code);
      if (!box) {
        box = element("div", "", "definition");
        box.popover = "auto";
        box.tabIndex = -1;
        box.setAttribute("role", "dialog");
        box.setAttribute("aria-labelledby", "definition-name");
        document.body.append(box);
      }
      fill(link, fact);
      box.showPopover();
      place(link);
      box.focus({ preventScroll: true });
    } catch {
      location.assign(link.href);
    }
  }

  addEventListener("click", (event) => {
    const link = event.target.closest?.("a.define");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(link);
  });
  addEventListener("resize", () => box?.matches(":popover-open") && box.hidePopover());
})();
