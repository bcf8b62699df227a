/* Brings Chart.js and its plugins when a page first needs them. From the CDN, checked by their hashes; from our own
   copies when the site is isolated, or when the CDN is dead, tampered with, or silent behind a closed firewall. */
(() => {
  "use strict";
  const PATIENCE = 2500; // ms for one file from the CDN
  let ready = null;

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

  /** In order, each after the one before; after one failure the CDN is not asked again. */
  async function bring(libraries) {
    let remote = true;
    for (const library of libraries) {
      if (remote && library.cdn) {
        try {
          await script(library.cdn, library.integrity, PATIENCE);
          continue;
        } catch {
          remote = false;
        }
      }
      await script(library.local);
    }
    return window.Chart;
  }

  /** After the page's own load event, which a silent server would otherwise keep from ever coming. */
  const pageLoaded = new Promise((done) => {
    if (document.readyState === "complete") done();
    else addEventListener("load", done, { once: true });
  });

  function loadCharts() {
    const libraries = JSON.parse(document.getElementById("chart-libs").textContent);
    ready ??= pageLoaded.then(() => bring(libraries));
    return ready;
  }

  window.tracker = { ...window.tracker, loadCharts };
})();
