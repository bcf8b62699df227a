/* Creates the chart of a frame from the configuration that the page holds: colours of the theme, tooltips and links from
   the points themselves, and the ticks that an axis names. */
import { readTheme } from "./theme.js";
import { breakLabel, formatTick, roomForLabels, roomForNames, words } from "./words.js";

/** The configuration with each colour of the theme in place of its name. */
function paint(value, theme) {
  if (typeof value === "string") return value.startsWith("--") ? theme.color(value) : value;
  if (Array.isArray(value)) return value.map((item) => paint(item, theme));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, theme)]));
}

/** The look that all charts share; a chart keeps it until it is created again. */
function applyDefaults({ defaults }, theme) {
  Object.assign(defaults, {
    animation: false, // nothing moves without cause, and paper does not wait
    maintainAspectRatio: false,
    devicePixelRatio: Math.max(2, window.devicePixelRatio), // so that a saved picture is sharp
    color: theme.color("--muted"),
  });
  defaults.font.family = theme.fontFamily;
  defaults.plugins.legend.display = false;
  Object.assign(defaults.plugins.tooltip, {
    backgroundColor: theme.color("--ink"),
    titleColor: theme.color("--panel"),
    bodyColor: theme.color("--panel"),
    footerColor: theme.color("--panel"),
    displayColors: false,
    padding: 8,
    cornerRadius: 4,
  });
  defaults.scale.border.color = theme.color("--edge");
  Object.assign(defaults.scale.grid, { color: theme.color("--line"), drawTicks: false });
  defaults.scale.ticks.padding = 6;
  defaults.scales.linear.ticks.callback = formatTick;
}

const tooltip = {
  filter: ({ raw }) => Boolean(raw.text),
  callbacks: {
    title: (items) => [...new Set(items.map(({ raw, label }) => raw.title ?? label))].join(", "),
    label: ({ raw }) => raw.text,
    footer: ([item]) => item?.raw.footer,
  },
};

/** Carry both days and the language of this page's address over to the link, as all links of the page do. */
function withPageState(url) {
  const address = new URL(url, location.href);
  const current = new URLSearchParams(location.search);
  ["as_of", "known", "lang"].forEach((key) => {
    if (current.has(key) && !address.searchParams.has(key)) address.searchParams.set(key, current.get(key));
  });
  return address.href;
}

const urlOf = (chart, item) => item && chart.data.datasets[item.datasetIndex].data[item.index].url;
const links = {
  onClick(_, [item], chart) {
    const url = urlOf(chart, item);
    if (url) location.assign(withPageState(url));
  },
  onHover(event, [item], chart) {
    event.native.target.style.cursor = urlOf(chart, item) ? "pointer" : "default";
  },
};

/** Give an axis its own ticks, and its rows names that fit. */
function nameTicks(scale, isRows, width) {
  const { marks } = scale;
  const fit = (text) => (isRows ? breakLabel(text, width < 480 ? 16 : 30) : text);
  if (isRows) scale.ticks.font = { size: width < 480 ? 11 : 12 };
  if (marks) {
    scale.afterBuildTicks = (axis) => (axis.ticks = marks.map(([value]) => ({ value })));
    const texts = new Map(marks);
    scale.ticks.callback = (value) => fit(texts.get(value));
  } else if (isRows) {
    scale.ticks.callback = function name(value) {
      return fit(this.getLabelForValue(value));
    };
  }
}

/** The configuration of a frame for this width, in the colours of the theme. */
function makeConfig(box, theme, width) {
  const config = paint(JSON.parse(box.querySelector("script").textContent), theme);
  const { data, options } = config;
  const { x, y } = options.scales;
  const points = data.datasets.flatMap((own) => own.data);
  const labelled = options.indexAxis ? data.datasets.at(-1).data : points.filter(({ label }) => label?.end);
  if (labelled.length) options.layout.padding.right = roomForLabels(labelled, width, theme.fontFamily);
  const room = roomForNames(points, width, theme.fontFamily);
  if (room) x.min -= ((x.max - x.min) * room) / Math.max(room, width - room - 60);
  if (options.corners && width < 520) {
    data.datasets.forEach((own) => (own.radius = own.radius?.map((radius) => radius * 0.6)));
  }
  Object.assign(options, links, { plugins: { tooltip } });
  nameTicks(x, false, width);
  nameTicks(y, Boolean(options.indexAxis || y.marks), width);
  return config;
}

/** Create the chart of a frame on its canvas, which must be free. A picture has a canvas, width, theme and plugins of its
    own, and changes the configuration before it is used. */
export function createChart(Chart, frame, { canvas, width, theme = readTheme(), change, plugins = [] } = {}) {
  const box = frame.querySelector("[data-live-drawing]");
  const config = makeConfig(box, theme, width ?? box.clientWidth);
  applyDefaults(Chart, theme);
  change?.(config);
  return new Chart(canvas ?? box.querySelector("canvas"), { ...config, plugins: [words(theme), ...plugins] });
}
