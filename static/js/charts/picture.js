/* Saves a chart as a picture that stands alone: title, subtitle, drawing, legend, flags, note, sources, day and address on
   one sheet, and in demonstration data a band that says so. Pictures are light, whatever the theme of the page: they go
   into papers and slides. */
import { createChart } from "./create.js";
import { permalink } from "./frame.js";
import { loadChart } from "./library.js";
import { readTheme } from "./theme.js";

const WIDTH = 960;
const MARGIN = 24;
const LINE_HEIGHT = 16; // px, of the text below the drawing
const BAND_HEIGHT = 30;
const OPENING = "（《〈「『【“‘(";
const CLOSING = "，。、；：！？）》〉」』】”’…%)";
// A Chinese character, or a word of other letters, with the punctuation that never begins or ends a line without it.
const TOKEN = new RegExp(
  `[${OPENING}]*(?:[\\u2e80-\\u2fff\\u3005-\\u9fff]|[^\\s\\u2e80-\\u9fff\\uff00-\\uffef]+|.)[${CLOSING}]*\\s*`,
  "gs",
);
const root = document.documentElement;
const pen = document.createElement("canvas").getContext("2d");

/** The text of an element without what only the screen has: links to definitions, hidden text. */
function plainText(element) {
  if (!element) return "";
  const copy = element.cloneNode(true);
  copy.querySelectorAll(".define, .visually-hidden, button").forEach((part) => part.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
}

/** All texts around the drawing. */
export function pictureTexts(frame) {
  return {
    band: root.dataset.demonstration ?? "",
    title: plainText(frame.querySelector(".chart-title")),
    subtitle: plainText(frame.querySelector(".chart-subtitle")),
    flags: [...frame.querySelectorAll(".drawing .flags li")].map(plainText),
    note: plainText(frame.querySelector(":scope > .chart-note")),
    sources: [...frame.querySelectorAll(".sources li > :first-child")].map(plainText),
    sourcesLabel: plainText(frame.querySelector("[data-tab='sources']")),
    credit: `${frame.querySelector("[data-credit]").dataset.credit} ${permalink(`#${frame.id}`)}`,
  };
}

/** Lines of a text; a word too long for one, such as an address, is broken where the line ends. */
export function breakLines(text, font, width) {
  pen.font = font;
  const fits = (line) => pen.measureText(line.trimEnd()).width <= width;
  const lines = [""];
  for (const [token] of text.matchAll(TOKEN)) {
    if (fits(lines.at(-1) + token)) lines[lines.length - 1] += token;
    else if (fits(token)) lines.push(token);
    else
      for (const letter of token) {
        if (!fits(lines.at(-1) + letter)) lines.push("");
        lines[lines.length - 1] += letter;
      }
  }
  return lines.map((line) => line.trimEnd()).filter(Boolean);
}

/** The lines below the drawing; of many sources the first few, and how many more there are. */
function footOf(texts, font) {
  const isChinese = root.lang.startsWith("zh");
  const lines = (text) => breakLines(text, font, WIDTH - 2 * MARGIN);
  const flags = texts.flags.map((text, i) => `${i + 1}  ${text}`);
  const shown = texts.sources.slice(0, 4);
  const rest = texts.sources.length - shown.length;
  const sources = shown.join(isChinese ? "；" : "; ") + (rest ? ` … (+${rest})` : "");
  const labelled = sources && `${texts.sourcesLabel}${isChinese ? "：" : ": "}${sources}`;
  return [...flags, texts.note, labelled, texts.credit].flatMap(lines);
}

/** A plugin that paints the ground, the band of a demonstration and the text below the drawing. */
function sheet(theme, band, foot, font) {
  const paintGround = ({ ctx, width, height }) => {
    ctx.save();
    ctx.fillStyle = theme.color("--panel");
    ctx.fillRect(0, 0, width, height);
    if (band) {
      ctx.fillStyle = theme.color("--second");
      ctx.fillRect(0, 0, width, BAND_HEIGHT);
      Object.assign(ctx, {
        fillStyle: theme.color("--panel"),
        font: `700 13px ${theme.fontFamily}`,
        textAlign: "center",
      });
      ctx.fillText(band, width / 2, 20);
    }
    Object.assign(ctx, { fillStyle: theme.color("--muted"), font, textAlign: "left" });
    foot.forEach((text, i) => ctx.fillText(text, MARGIN, height - MARGIN - (foot.length - 1 - i) * LINE_HEIGHT));
    ctx.restore();
  };
  return { id: "sheet", beforeDraw: paintGround };
}

/** The picture of a chart, as the address of a PNG. */
export async function makePicture(frame) {
  const Chart = await loadChart();
  const theme = readTheme("light");
  const texts = pictureTexts(frame);
  const font = `400 11px ${theme.fontFamily}`;
  const foot = footOf(texts, font);
  const lines = (text, weight, size) => breakLines(text, `${weight} ${size}px ${theme.fontFamily}`, WIDTH - 2 * MARGIN);
  const change = ({ data, options }) => {
    const { padding } = options.layout;
    const named = data.datasets.filter(({ label }) => label).length > 1;
    const shared = { display: true, align: "start" };
    Object.assign(options, { responsive: false, devicePixelRatio: 2 });
    Object.assign(options.plugins, {
      title: {
        ...shared,
        text: lines(texts.title, 600, 18),
        color: theme.color("--ink"),
        font: { size: 18, weight: 600 },
      },
      subtitle: { ...shared, text: lines(texts.subtitle, 400, 13), padding: { top: 0, bottom: 12 + padding.top } },
      legend: {
        ...shared,
        display: named,
        position: "bottom",
        labels: { usePointStyle: true, boxHeight: 8, filter: ({ text }) => Boolean(text) },
      },
    });
    Object.assign(padding, {
      top: MARGIN / 2 + (texts.band ? BAND_HEIGHT : 0),
      left: MARGIN,
      right: MARGIN + padding.right,
      bottom: MARGIN + foot.length * LINE_HEIGHT + 8,
    });
  };
  const height =
    Math.max(frame.querySelector("[data-live-drawing]").clientHeight, 320) + 130 + foot.length * LINE_HEIGHT;
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height });
  const plugins = [sheet(theme, texts.band, foot, font)];
  const chart = createChart(Chart, frame, { canvas, width: WIDTH - 2 * MARGIN, theme, change, plugins });
  const picture = chart.toBase64Image();
  chart.destroy();
  document.dispatchEvent(new Event("tracker:theme")); // the charts of the page take back the look of its theme
  return picture;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-picture]");
  if (!button) return;
  button.closest(".menu").open = false;
  const frame = button.closest("[data-chart]");
  const download = `${root.dataset.filePrefix ?? ""}${frame.dataset.slug}-${root.dataset.asOf}.png`;
  Object.assign(document.createElement("a"), { href: await makePicture(frame), download }).click();
});
