/* Saves a chart as a picture that stands alone: title, subtitle, drawing, legend, note, sources, day and address on one
   sheet, and in demonstration data a band that says so. The sheet is SVG; a PNG is that sheet in pixels, with the canvas
   of the chart painted into it. Pictures are light, whatever the theme of the page: they go into papers and slides. */
import { currentTab, openTab, permalink } from "./chart-frame.js";
import { makeHatch, makeSvg, round, toSvg } from "./svg-export.js";
import { themeColors } from "./theme-colors.js";

const SCALE = 2;
const MARGIN = 24;
const MIN_WIDTH = 480;
const LINE_HEIGHT = 1.45;
const MAX_SOURCE_LINES = 4; // more sources are counted
const OPENING = "（《〈「『【“‘(";
const CLOSING = "，。、；：！？）》〉」』】”’…%)";
// A Chinese character, or a word of other letters, with the punctuation that never begins or ends a line without it.
const TOKEN = new RegExp(
  `[${OPENING}]*(?:[\\u2e80-\\u2fff\\u3005-\\u9fff]|[^\\s\\u2e80-\\u9fff\\uff00-\\uffef]+|.)[${CLOSING}]*\\s*`,
  "gs",
);
const root = document.documentElement;
const isChinese = root.lang.startsWith("zh");
const textContext = document.createElement("canvas").getContext("2d");

/* -- the texts of the picture --------------------------------------------------------------------------- */

/** The text of an element without what only the screen has: links to definitions, hidden text. */
function plainText(element) {
  if (!element) return "";
  const copy = element.cloneNode(true);
  copy.querySelectorAll(".define, .visually-hidden, button, [data-no-picture]").forEach((part) => part.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
}

const labelled = (label, text) => (isChinese ? `${label}：${text}` : `${label}: ${text}`);

/** The name of the layer that is shown, where a chart has several. */
function layerOf(frame) {
  const checked = frame.querySelector("input[name$='-grid']:checked");
  return checked ? plainText(checked.closest("label")) : "";
}

/** All texts around the drawing. The legend and notes beside the drawing belong to the drawing. */
export function pictureTexts(frame) {
  const sources = [...frame.querySelectorAll(".sources li > :first-child")].map(plainText);
  const note = frame.querySelector(":scope > .chart-note");
  return {
    band: root.dataset.demonstration ?? "",
    title: plainText(frame.querySelector(".chart-title")),
    subtitle: [plainText(frame.querySelector(".chart-subtitle")), layerOf(frame)].filter(Boolean).join(" · "),
    flags: [...frame.querySelectorAll(".drawing .flags li")].map(plainText),
    note: plainText(note),
    sources,
    sourcesLabel: plainText(frame.querySelector("[data-tab='sources']")),
    credit: `${frame.querySelector("[data-credit]").dataset.credit} ${permalink(`#${frame.id}`)}`,
  };
}

/* -- line breaking --------------------------------------------------------------------------------------- */

/** The parts of a word too long for a line, such as an address, broken where the line ends. */
function breakWord(token, width) {
  const parts = [""];
  for (const letter of token) {
    if (textContext.measureText(parts.at(-1) + letter).width > width) parts.push("");
    parts[parts.length - 1] += letter;
  }
  return parts;
}

function breakLines(text, font, width) {
  textContext.font = font;
  const rows = [""];
  for (const [token] of text.matchAll(TOKEN)) {
    const fits = textContext.measureText((rows.at(-1) + token).trimEnd()).width <= width;
    if (fits) rows[rows.length - 1] += token;
    else if (textContext.measureText(token.trimEnd()).width <= width) rows.push(token);
    else rows.push(...breakWord(token, width));
  }
  return rows.map((row) => row.trimEnd()).filter(Boolean);
}

/** As many sources as a few lines hold; how many more there are is counted. */
function sourceText({ sources, sourcesLabel }, font, width) {
  for (let shown = sources.length; shown > 0; shown--) {
    const rest = sources.length - shown;
    const text = labelled(
      sourcesLabel,
      sources.slice(0, shown).join(isChinese ? "；" : "; ") + (rest ? ` … (+${rest})` : ""),
    );
    if (shown === 1 || breakLines(text, font, width).length <= MAX_SOURCE_LINES) return text;
  }
  return "";
}

/** Add a text, broken into lines; returns the height of the lines. */
function addText(sheet, text, { size, weight = 400, fill, fontFamily, x = MARGIN }, top, width) {
  const rows = breakLines(text, `${weight} ${size}px ${fontFamily}`, width);
  rows.forEach((row, i) => {
    const y = round(top + i * size * LINE_HEIGHT + size * 1.05);
    sheet.append(
      makeSvg("text", { x, y, "font-family": fontFamily, "font-size": size, "font-weight": weight, fill }, row),
    );
  });
  return rows.length * size * LINE_HEIGHT;
}

/* -- the sheet ------------------------------------------------------------------------------------------- */

/** Add the band that marks demonstration data; returns its height. */
function addBand(sheet, text, theme, width) {
  if (!text) return 0;
  sheet.append(makeSvg("rect", { x: 0, y: 0, width, height: 30, fill: theme.second }));
  const attributes = { "font-family": theme.fontFamily, "font-size": 13, "font-weight": 700, fill: theme.panel };
  sheet.append(makeSvg("text", { x: width / 2, y: 20, "text-anchor": "middle", ...attributes }, text));
  return 30;
}

/** Add the list of numbered flags of a curve; returns its height. */
function addFlags(sheet, flags, theme, top, width) {
  let height = 0;
  flags.forEach((text, i) => {
    const y = top + height;
    const badge = { "font-family": theme.fontFamily, "font-size": 11, "font-weight": 600, fill: theme.panel };
    sheet.append(makeSvg("circle", { cx: MARGIN + 9, cy: y + 9, r: 9, fill: theme.second }));
    sheet.append(makeSvg("text", { x: MARGIN + 9, y: y + 13, "text-anchor": "middle", ...badge }, String(i + 1)));
    const style = { size: 12, fill: theme.muted, fontFamily: theme.fontFamily, x: MARGIN + 26 };
    height += Math.max(22, addText(sheet, text, style, y, width - 26) + 4);
  });
  return height;
}

/** The bounds of the shapes, so that a small map in a wide frame leaves no empty margins. */
function boundsOf(group, canvases) {
  const ownBox = (svg) =>
    Object.fromEntries(["x", "y", "width", "height"].map((k) => [k, Number(svg.getAttribute(k))]));
  const boxes = [...group.children].map((shape) => (shape.localName === "svg" ? ownBox(shape) : shape.getBBox()));
  const all = [...boxes, ...canvases].filter((box) => box.width || box.height);
  const left = Math.min(...all.map((box) => box.x));
  const top = Math.min(...all.map((box) => box.y));
  return {
    x: left,
    y: top,
    width: Math.max(...all.map((box) => box.x + box.width)) - left,
    height: Math.max(...all.map((box) => box.y + box.height)) - top,
  };
}

/** Call the function with an <svg> in the page: outside of it no text has a size. */
function withMeasure(callback) {
  const svg = makeSvg("svg", { width: 1, height: 1, class: "measure", "aria-hidden": "true" });
  document.body.append(svg);
  try {
    return callback(svg);
  } finally {
    svg.remove();
  }
}

function copyCanvas(canvas) {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  if (canvas.width && canvas.height) copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** The whole sheet as SVG, and the canvases with their places on it. */
function makeSheet(frame) {
  const theme = themeColors();
  const texts = pictureTexts(frame);
  const { shapes, canvases } = toSvg(frame.querySelector(".pane.drawing"));
  const group = makeSvg("g");
  group.append(...shapes);
  const area = withMeasure((svg) => (svg.append(group), boundsOf(group, canvases)));
  const width = Math.max(area.width, MIN_WIDTH);
  const sheet = makeSvg("svg", { xmlns: "http://www.w3.org/2000/svg" });
  sheet.setAttributeNS("http://www.w3.org/XML/1998/namespace", "xml:lang", root.lang); // chooses the form of quotation marks
  const background = makeSvg("rect", { x: 0, y: 0, fill: theme.panel });
  const defs = makeSvg("defs");
  defs.append(makeHatch(theme.line));
  sheet.append(makeSvg("title", {}, texts.title), defs, background);
  const small = { size: 11, fill: theme.muted, fontFamily: theme.fontFamily };
  let y = addBand(sheet, texts.band, theme, width + 2 * MARGIN) + MARGIN;
  y += addText(sheet, texts.title, { size: 18, weight: 600, fill: theme.ink, fontFamily: theme.fontFamily }, y, width);
  y += addText(sheet, texts.subtitle, { ...small, size: 13 }, y + 2, width) + 16;
  const [dx, dy] = [round(MARGIN + (width - area.width) / 2 - area.x), round(y - area.y)];
  group.setAttribute("transform", `translate(${dx} ${dy})`);
  sheet.append(group);
  y += area.height + 14;
  if (texts.flags.length) y += addFlags(sheet, texts.flags, theme, y, width) + 6;
  const sources = texts.sources.length ? sourceText(texts, `400 11px ${theme.fontFamily}`, width) : "";
  [texts.note, sources, texts.credit]
    .filter(Boolean)
    .forEach((text) => (y += addText(sheet, text, small, y, width) + 3));
  const size = { width: Math.ceil(width + 2 * MARGIN), height: Math.ceil(y + MARGIN - 6) };
  [sheet, background].forEach((node) =>
    Object.entries(size).forEach(([name, value]) => node.setAttribute(name, value)),
  );
  sheet.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  const placed = canvases.map((own) => ({ ...own, canvas: copyCanvas(own.canvas), x: own.x + dx, y: own.y + dy }));
  return { sheet, canvases: placed, ...size };
}

/** Call the function with the drawing open and the page in its light theme; both are restored before a paint. */
function inLightTheme(frame, callback) {
  const { theme } = root.dataset;
  const tab = currentTab(frame);
  const setTheme = (next) => {
    if (next === undefined) delete root.dataset.theme;
    else root.dataset.theme = next;
    document.dispatchEvent(new Event("tracker:theme"));
  };
  openTab(frame, "drawing");
  frame.querySelectorAll(".drawing .table-frame").forEach((part) => part.scrollTo(0, 0));
  if (theme !== "light") setTheme("light");
  try {
    return callback();
  } finally {
    if (theme !== "light") setTheme(theme);
    openTab(frame, tab);
  }
}

/* -- files ----------------------------------------------------------------------------------------------- */

const toXml = (sheet) => new XMLSerializer().serializeToString(sheet);

/** The sheet as a PNG. */
async function toPng({ sheet, canvases, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(toXml(sheet))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  const context = canvas.getContext("2d");
  context.scale(SCALE, SCALE);
  context.drawImage(image, 0, 0, width, height);
  canvases.forEach((own) => context.drawImage(own.canvas, own.x, own.y, own.width, own.height));
  return new Promise((resolve) => canvas.toBlob(resolve));
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function exportPicture(frame, format) {
  const made = inLightTheme(frame, () => makeSheet(frame));
  const blob = format === "svg" ? new Blob([toXml(made.sheet)], { type: "image/svg+xml" }) : await toPng(made);
  save(blob, `${root.dataset.filePrefix ?? ""}${frame.dataset.slug}-${root.dataset.asOf}.${format}`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-picture]");
  if (!button) return;
  button.closest(".menu").open = false;
  exportPicture(button.closest("[data-chart]"), button.dataset.picture);
});
