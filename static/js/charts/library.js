/* Loads Chart.js when a page first needs it: from the CDN, checked by its hash; from our own copy on an isolated site, or
   when the CDN is down, tampered with, or silent behind a closed firewall. */

const TIMEOUT = 2500; // ms for the file from the CDN
const FAILED_KEY = "chart-cdn-failed"; // in sessionStorage: after one failure the CDN is not tried again in the session
let loaded = null; // promise of Chart

/** Storage may be forbidden: then each page finds out for itself. */
function cdnFailed(mark) {
  try {
    if (mark) sessionStorage.setItem(FAILED_KEY, "1");
    return sessionStorage.getItem(FAILED_KEY) !== null;
  } catch {
    return false;
  }
}

function loadScript(address, integrity, timeout) {
  return new Promise((resolve, reject) => {
    const node = document.createElement("script");
    const timer = timeout && setTimeout(() => node.onerror(), timeout);
    node.onload = () => (clearTimeout(timer), resolve());
    node.onerror = () => (clearTimeout(timer), node.remove(), reject(new Error(address)));
    if (integrity) Object.assign(node, { integrity, crossOrigin: "anonymous" });
    node.src = address;
    document.head.append(node);
  });
}

async function load() {
  const { cdn, integrity, local } = JSON.parse(document.getElementById("chart-library").textContent);
  if (cdn && !cdnFailed()) {
    try {
      await loadScript(cdn, integrity, TIMEOUT);
      return window.Chart;
    } catch {
      cdnFailed(true);
    }
  }
  await loadScript(local);
  return window.Chart;
}

/** Resolve when the browser is idle, within 200 ms in any case. What follows is a task of its own. */
export function idle() {
  if (!window.requestIdleCallback) return new Promise((resolve) => setTimeout(resolve));
  return new Promise((resolve) => requestIdleCallback(() => resolve(), { timeout: 200 }));
}

/** After the page's own load event, which a silent server would otherwise delay for ever. */
const pageLoaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve, { once: true });
});

export function loadChart() {
  loaded ??= pageLoaded.then(idle).then(load);
  return loaded;
}
