/* Lists answer while the reader types or chooses: the same address is fetched, and the parts that depend on it are
   replaced. Without this script, or if a fetch fails, the form is sent as any form is. */
(() => {
  "use strict";
  // Also for a choice: walking through a closed select by arrow keys passes choices that are not meant.
  const WAIT = 400;

  /** The address of the form's present state, without its empty fields; what the form does not know is kept. */
  function addressOf(form) {
    const address = new URL(location.href);
    address.hash = "";
    [...form.elements].forEach((field) => field.name && address.searchParams.delete(field.name));
    address.searchParams.delete("page");
    new FormData(form).forEach((value, name) => value !== "" && address.searchParams.set(name, value));
    return address;
  }

  /** Everything marked data-live says something about the address: results, language links, day picker. */
  function replaceLive(fresh) {
    document.querySelectorAll("[data-live][id]").forEach((old) => {
      const next = fresh.getElementById(old.id);
      if (next) old.replaceWith(document.adoptNode(next));
    });
  }

  /** The choices of each select say how many rows they leave now. */
  function recount(form, fresh) {
    form.querySelectorAll("select").forEach((select) => {
      const next = fresh.getElementById(select.id);
      if (!next) return;
      const words = new Map([...next.options].map((option) => [option.value, option.text]));
      [...select.options].forEach((option) => {
        const text = words.get(option.value);
        if (text !== undefined && text !== option.text) option.text = text;
      });
    });
  }

  /** The fields as the address has them, after the reader went back. */
  function refill(form, fresh) {
    [...form.elements].forEach((field) => {
      const next = field.id && fresh.getElementById(field.id);
      if (next && field.name) field.value = next.value;
    });
  }

  function watch(listing) {
    const form = listing.querySelector("form.filters");
    let shown = location.search;
    let timer;
    let asking;

    /** Show the list at this address; the answer's document, or null where a newer question overtook it. */
    async function show(address) {
      clearTimeout(timer);
      asking?.abort();
      asking = new AbortController();
      listing.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(address, { signal: asking.signal, credentials: "same-origin" });
        if (!answer.ok) throw new Error(answer.statusText);
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        recount(form, fresh);
        replaceLive(fresh);
        shown = address.search;
        listing.removeAttribute("aria-busy");
        listing.querySelector("[data-announce]").textContent =
          listing.querySelector("[data-count]").textContent;
        listing.querySelector("[data-results]").dispatchEvent(new Event("tracker:content", { bubbles: true }));
        return fresh;
      } catch (error) {
        if (error.name !== "AbortError") location.assign(address);
        return null;
      }
    }

    /** A filter that was chosen is a step of its own, which "Back" undoes; letters that are typed are not. */
    async function ask(chosen) {
      const address = addressOf(form);
      if (address.search === shown) return;
      if (!(await show(address))) return;
      if (chosen) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    }

    form.addEventListener("input", (event) => {
      clearTimeout(timer);
      const chosen = event.target.matches("select");
      if (!event.isComposing) timer = setTimeout(() => ask(chosen), WAIT);
    });
    form.addEventListener("compositionend", () => (timer = setTimeout(() => ask(false), WAIT))); // a Chinese word is complete
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(true);
    });
    addEventListener("popstate", async () => {
      if (location.search === shown) return; // only the part of the page was another
      const fresh = await show(new URL(location.href));
      if (fresh) refill(form, fresh);
    });
  }

  // On a wide window the filters stand open, also where style sheets cannot open them.
  if (matchMedia("(min-width: 721px)").matches) {
    document.querySelectorAll("[data-fold]").forEach((fold) => (fold.open = true));
  }
  document.querySelectorAll("[data-listing]").forEach(watch);
})();
