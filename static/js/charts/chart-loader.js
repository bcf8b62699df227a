/* Loads Chart.js, its plugins and the modules of the chart types when a page first needs them, and only those that its
   charts need. The libraries come from the CDN, checked by their hashes; from our own copies on an isolated site, or
   when the CDN is down, tampered with, or silent behind a closed firewall. */

const TIMEOUT = 2500; // ms for one file from the CDN
const FAILED_KEY = "chart-cdn-failed"; // in sessionStorage
const TYPES = {
  bars: () => import("./types/chart-bars.js"),
  coordinates: () => import("./types/chart-synergy.js"),
  funnel: () => import("./types/chart-funnel.js"),
  steps: () => import("./types/chart-steps.js"),
  strip: () => import("./types/chart-strip.js"),
  timeline: () => import("./types/chart-timeline.js"),
  trend: () => import("./types/chart-trend.js"),
};
const libraries = JSON.parse(document.getElementById("chart-libs").textContent);
const loadedLibraries = new Map(); // library -> promise
let lastLibrary = Promise.resolve(); // each library is loaded after the one before, since plugins need Chart
let firstIdle = null;
let useCdn = !cdnFailedBefore(); // after one failure the CDN is not tried again in this session

/** Each loaded chart type by its name: a module with `makeConfig` and, where preparing takes long, `prepare`. */
export const chartTypes = {};

/** Storage may be forbidden: then each page finds out for itself. */
function cdnFailedBefore() {
  try {
    return sessionStorage.getItem(FAILED_KEY) !== null;
  } catch {
    return false;
  }
}

function giveUpCdn() {
  useCdn = false;
  try {
    sessionStorage.setItem(FAILED_KEY, "1");
  } catch {
    // This page remembers it all the same.
  }
}

/** Load one classic script. Never with async=false: a silent server would block the ordered queue for ever. */
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

async function loadLibrary(library) {
  if (useCdn && library.cdn) {
    try {
      return await loadScript(library.cdn, library.integrity, TIMEOUT);
    } catch {
      giveUpCdn();
    }
  }
  return loadScript(library.local);
}

function loadLibraryOnce(library) {
  if (!loadedLibraries.has(library)) {
    loadedLibraries.set(library, (lastLibrary = lastLibrary.then(() => loadLibrary(library))));
  }
  return loadedLibraries.get(library);
}

async function loadType(name) {
  chartTypes[name] ??= await TYPES[name]();
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

/** Load all that charts of these types need. Resolves with `Chart` and with `createChart`. */
export async function loadCharts(names) {
  firstIdle ??= pageLoaded.then(idle);
  await firstIdle;
  const needed = libraries.filter(({ kinds }) => !kinds || names.some((name) => kinds.split(" ").includes(name)));
  const [{ createChart }] = await Promise.all([
    import("./create-chart.js"),
    ...needed.map(loadLibraryOnce),
    ...names.map(loadType),
  ]);
  return { Chart: window.Chart, createChart };
}
