/* Lists answer while the reader types: the same address is fetched, and the parts that depend on it are replaced.
   Without this script, or if a fetch fails, the form is sent as any form is. */
(() => {
  "use strict";
  const WAIT = 400;

  /** The address of the form's present state, without its empty fields. */
  function addressOf(form) {
    const address = new URL(form.action || location.href);
    const filled = [...new FormData(form)].filter(([, value]) => value !== "");
    address.search = new URLSearchParams(filled).toString();
    return address;
  }

  /** Everything marked data-live says something about the address: results, language links, day picker. */
  function replaceLive(fresh) {
    document.querySelectorAll("[data-live][id]").forEach((old) => {
      const next = fresh.getElementById(old.id);
      if (next) old.replaceWith(document.adoptNode(next));
    });
  }

  function watch(listing) {
    const form = listing.querySelector("form.filters");
    let timer;
    let asking;

    async function ask() {
      clearTimeout(timer);
      asking?.abort();
      asking = new AbortController();
      const address = addressOf(form);
      listing.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(address, { signal: asking.signal, credentials: "same-origin" });
        if (!answer.ok) throw new Error(answer.statusText);
        replaceLive(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch (error) {
        if (error.name !== "AbortError") form.submit();
        return;
      }
      history.replaceState(null, "", address);
      listing.removeAttribute("aria-busy");
      listing.querySelector("[data-announce]").textContent =
        listing.querySelector("[data-count]").textContent;
      listing.querySelector("[data-results]").dispatchEvent(new Event("tracker:content", { bubbles: true }));
    }

    form.addEventListener("input", (event) => {
      clearTimeout(timer);
      if (!event.isComposing) timer = setTimeout(ask, event.target.matches("select") ? 0 : WAIT);
    });
    form.addEventListener("compositionend", () => (timer = setTimeout(ask, WAIT))); // a Chinese word is complete
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask();
    });
  }

  document.querySelectorAll("[data-listing]").forEach(watch);
})();
