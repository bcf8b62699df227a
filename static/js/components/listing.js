/* Lists that filter while the user types or chooses: the same address is fetched, and the parts of the page that depend
   on it are replaced. Without this script, or if a fetch fails, the form is submitted as any form is. */

const DELAY = 400; // ms; for a <select> too: arrow keys in a closed one pass options that are not meant

/** The address of the form's current state, without its empty fields; parameters that are no fields stay. */
function addressOf(form) {
  const address = new URL(location.href);
  address.hash = "";
  [...form.elements].forEach((field) => field.name && address.searchParams.delete(field.name));
  address.searchParams.delete("page");
  new FormData(form).forEach((value, name) => value !== "" && address.searchParams.set(name, value));
  return address;
}

/** Replace every element with data-live, which depends on the address: results, language links, day picker. */
function replaceLive(fetched) {
  document.querySelectorAll("[data-live][id]").forEach((old) => {
    const next = fetched.getElementById(old.id);
    if (next) old.replaceWith(document.adoptNode(next));
  });
}

/** Set the fields as the address has them, after the user went back. */
function updateFields(form, fetched) {
  [...form.elements].forEach((field) => {
    const next = field.id && fetched.getElementById(field.id);
    if (next && field.name) field.value = next.value;
  });
}

function makeLive(listing) {
  const form = listing.querySelector("form.filters");
  let shownSearch = location.search;
  let timer;
  let pending;

  /** Show the list at this address. Return the fetched document, or null if a newer request aborted this one. */
  async function show(address) {
    clearTimeout(timer);
    pending?.abort();
    pending = new AbortController();
    listing.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(address, { signal: pending.signal, credentials: "same-origin" });
      if (!response.ok) throw new Error(response.statusText);
      const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
      replaceLive(fetched);
      shownSearch = address.search;
      listing.removeAttribute("aria-busy");
      listing.querySelector("[data-announce]").textContent = listing.querySelector("[data-count]").textContent;
      listing.querySelector("[data-results]").dispatchEvent(new Event("tracker:content", { bubbles: true }));
      return fetched;
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
      return null;
    }
  }

  /** A chosen filter is a history entry of its own, which "Back" undoes; typed letters are not. */
  async function applyFilters(isChoice) {
    const address = addressOf(form);
    if (address.search === shownSearch) return;
    if (!(await show(address))) return;
    if (isChoice) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    const isChoice = event.target.matches("select");
    if (!event.isComposing) timer = setTimeout(() => applyFilters(isChoice), DELAY);
  });
  // A Chinese word is complete.
  form.addEventListener("compositionend", () => (timer = setTimeout(() => applyFilters(false), DELAY)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    applyFilters(true);
  });
  addEventListener("popstate", async () => {
    if (location.search === shownSearch) return; // only the fragment changed
    const fetched = await show(new URL(location.href));
    if (fetched) updateFields(form, fetched);
  });
}

// In a wide window the filters are open, also where style sheets cannot open them.
if (matchMedia("(min-width: 721px)").matches) {
  document.querySelectorAll("[data-fold]").forEach((details) => (details.open = true));
}
document.querySelectorAll("[data-listing]").forEach(makeLive);
