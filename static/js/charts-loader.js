/* Brings Chart.js, its plugins and our own drawings when a page first needs them, and of these only what its drawings
   need. The libraries come from the CDN, checked by their hashes; from our own copies when the site is isolated, or when
   the CDN is dead, tampered with, or silent behind a closed firewall. */
(() => {
  "use strict";
  const PATIENCE = 2500; // ms for one file from the CDN
  const brought = new Map(); // library -> the promise of it
  let last = null; // each comes after the one before
  const FAILED = "chart-cdn-failed"; // the key in sessionStorage
  let remote = !failedBefore(); // after one failure the CDN is not asked again in this session

  /** Storage may be forbidden: then each page finds out for itself. */
  function failedBefore() {
    try {
      return sessionStorage.getItem(FAILED) !== null;
    } catch {
      return false;
    }
  }

  function giveUpOnCdn() {
    remote = false;
    try {
      sessionStorage.setItem(FAILED, "1");
    } catch {
      // This page remembers it all the same.
    }
  }

  /** One script. Never async=false: a silent server would hold up the ordered queue for ever. */
  function script(address, integrity, patience) {
    return new Promise((done, fail) => {
      const node = document.createElement("script");
      const timer = patience && setTimeout(() => node.onerror(), patience);
      node.onload = () => (clearTimeout(timer), done());
      node.onerror = () => (clearTimeout(timer), node.remove(), fail(new Error(address)));
      if (integrity) Object.assign(node, { integrity, crossOrigin: "anonymous" });
      node.src = address;
      document.head.append(node);
    });
  }

  async function bring(library) {
    if (remote && library.cdn) {
      try {
        return await script(library.cdn, library.integrity, PATIENCE);
      } catch {
        giveUpOnCdn();
      }
    }
    return script(library.local);
  }

  function once(library) {
    if (!brought.has(library)) brought.set(library, (last = last.then(() => bring(library))));
    return brought.get(library);
  }

  /** When the page has nothing else to do; before long in any case. What follows is a task of its own. */
  function atRest() {
    if (!window.requestIdleCallback) return new Promise((done) => setTimeout(done));
    return new Promise((done) => requestIdleCallback(() => done(), { timeout: 200 }));
  }

  /** After the page's own load event, which a silent server would otherwise keep from ever coming. */
  const pageLoaded = new Promise((done) => {
    if (document.readyState === "complete") done();
    else addEventListener("load", done, { once: true });
  });

  const libraries = JSON.parse(document.getElementById("chart-libs").textContent);

  /** All that drawings of these kinds need, and then Chart. */
  async function loadCharts(kinds) {
    last ??= pageLoaded.then(atRest);
    const needed = libraries.filter((own) => !own.kinds || kinds.some((kind) => own.kinds.split(" ").includes(kind)));
    await Promise.all(needed.map(once));
    return window.Chart;
  }

  window.tracker = { ...window.tracker, loadCharts, atRest };
})();
