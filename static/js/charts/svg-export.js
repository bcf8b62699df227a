/* Converts a part of the page to SVG as it is on the screen: boxes, borders, shapes and text of HTML, and the SVG in it.
   All styles become presentation attributes, so that the file needs no style sheet. */
const NS = "http://www.w3.org/2000/svg";
const SKIPPED =
  "script, template, fieldset, button, .visually-hidden, .flags, .status-message, .define, [data-no-picture]";
const WORDS = /[\u2e80-\u9fff\uff00-\uffef]|[^\s\u00ad\u2e80-\u9fff\uff00-\uffef]+/g; // or one Chinese character
const PRESENTATION = [
  ...["fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap"],
  ...["stroke-linejoin", "stroke-opacity", "paint-order", "opacity", "visibility", "text-anchor"],
  ...["dominant-baseline", "letter-spacing", "font-family", "font-size", "font-weight", "font-style"],
];
const textContext = document.createElement("canvas").getContext("2d");

/** An SVG element with these attributes; undefined ones are left out. */
export function makeSvg(name, attributes = {}, text = "") {
  const node = document.createElementNS(NS, name);
  Object.entries(attributes).forEach(([key, value]) => value !== undefined && node.setAttribute(key, value));
  if (text) node.textContent = text;
  return node;
}

const isVisible = (color) => color !== "transparent" && !/^rgba\(.*, 0\)$/.test(color);
const px = (text) => parseFloat(text) || 0;
/** A coordinate with two decimals. */
export const round = (number) => Number(number.toFixed(2));

/* -- boxes ------------------------------------------------------------------------------------------- */

/** The box of an element before its rotation; a rotated one has the same centre. */
function boxOf(element, origin) {
  const outer = element.getBoundingClientRect();
  const [left, top] = [outer.left - origin.left, outer.top - origin.top];
  if (getComputedStyle(element).rotate === "none") return { x: left, y: top, width: outer.width, height: outer.height };
  const [width, height] = [element.offsetWidth ?? outer.width, element.offsetHeight ?? outer.height];
  return { x: left + (outer.width - width) / 2, y: top + (outer.height - height) / 2, width, height };
}

function radius(style, box) {
  const text = style.borderTopLeftRadius;
  return text.endsWith("%") ? (px(text) / 100) * Math.min(box.width, box.height) : px(text);
}

function rect(box, inset, more) {
  return makeSvg("rect", {
    x: round(box.x + inset),
    y: round(box.y + inset),
    width: round(Math.max(0, box.width - 2 * inset)),
    height: round(Math.max(0, box.height - 2 * inset)),
    ...more,
  });
}

function polygon(style, box, fill) {
  const points = style.clipPath
    .replace(/^polygon\(|\)$/g, "")
    .split(",")
    .map((point) => {
      const [x, y] = point
        .trim()
        .split(" ")
        .map((part, i) => (part.endsWith("%") ? (px(part) / 100) * [box.width, box.height][i] : px(part)));
      return `${round(box.x + x)},${round(box.y + y)}`;
    });
  return makeSvg("polygon", { points: points.join(" "), fill });
}

const DASHES = { dashed: "4 3", dotted: "1 2" };

function strokeOf(width, color, line) {
  return { fill: "none", stroke: color, "stroke-width": width, "stroke-dasharray": DASHES[line] };
}

/** Four equal borders are one rectangle; others are a line a side. */
function bordersOf(style, box) {
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
    width: style[`border${side}Style`] === "none" ? 0 : px(style[`border${side}Width`]),
    color: style[`border${side}Color`],
    line: style[`border${side}Style`],
  }));
  const [top, right, bottom, left] = sides;
  const equal = sides.every((side) => side.width === top.width && side.color === top.color && side.line === top.line);
  if (equal)
    return top.width && isVisible(top.color)
      ? [rect(box, top.width / 2, { ...strokeOf(top.width, top.color, top.line), rx: round(radius(style, box)) })]
      : [];
  const { x, y, width, height } = box;
  const lines = [
    [top, x, y + top.width / 2, x + width, y + top.width / 2],
    [right, x + width - right.width / 2, y, x + width - right.width / 2, y + height],
    [bottom, x, y + height - bottom.width / 2, x + width, y + height - bottom.width / 2],
    [left, x + left.width / 2, y, x + left.width / 2, y + height],
  ];
  return lines
    .filter(([side]) => side.width && isVisible(side.color))
    .map(([side, x1, y1, x2, y2]) =>
      makeSvg("line", {
        x1: round(x1),
        y1: round(y1),
        x2: round(x2),
        y2: round(y2),
        ...strokeOf(side.width, side.color, side.line),
      }),
    );
}

/** A border drawn as an inset shadow, or as an outline. */
function outlinesOf(style, box) {
  const [, color, spread] = style.boxShadow.match(/^(\w+\([^)]*\)) 0px 0px 0px ([\d.]+)px inset$/) ?? [];
  const shapes = color ? [rect(box, spread / 2, { ...strokeOf(spread, color), rx: round(radius(style, box)) })] : [];
  if (style.outlineStyle === "none" || !px(style.outlineWidth)) return shapes;
  const inset = -px(style.outlineOffset) + px(style.outlineWidth) / 2;
  return [...shapes, rect(box, inset, strokeOf(px(style.outlineWidth), style.outlineColor, style.outlineStyle))];
}

function boxShapes(element, style, origin) {
  const box = boxOf(element, origin);
  if (!box.width && !box.height) return [];
  const fill = style.backgroundColor;
  if (style.clipPath.startsWith("polygon")) return [polygon(style, box, fill)];
  const corners = { rx: round(radius(style, box)) };
  const shapes = [
    ...(isVisible(fill) ? [rect(box, 0, { ...corners, fill })] : []),
    ...(style.backgroundImage.startsWith("repeating") ? [rect(box, 0, { ...corners, fill: "url(#hatch)" })] : []),
    ...bordersOf(style, box),
    ...(element.matches(":focus-visible") ? [] : outlinesOf(style, box)),
  ];
  if (style.rotate !== "none") {
    const centre = `${round(box.x + box.width / 2)} ${round(box.y + box.height / 2)}`;
    shapes.forEach((shape) => shape.setAttribute("transform", `rotate(${px(style.rotate)} ${centre})`));
  }
  return shapes;
}

/* -- text -------------------------------------------------------------------------------------------- */

/** Each word of a text node with its box on the screen; words of hidden text are left out. */
function* wordsOf(node) {
  const range = document.createRange();
  for (const match of node.data.matchAll(WORDS)) {
    const end = match.index + match[0].length;
    range.setStart(node, match.index);
    range.setEnd(node, end);
    const [box] = [...range.getClientRects()].sort((a, b) => b.width - a.width); // a soft hyphen leaves a second, empty one
    if (box?.width) yield { start: match.index, end, text: match[0], box };
  }
}

/** The words of one line as one run, with the hyphen that a soft one shows at the end of a line. */
function runsOf(node) {
  const runs = [];
  for (const word of wordsOf(node)) {
    const last = runs.at(-1);
    if (last && Math.abs(last.box.top - word.box.top) < 2) {
      last.text +=
        node.data
          .slice(last.end, word.start)
          .replace(/\s+/g, " ")
          .replace(/\u00ad/g, "") + word.text;
      last.end = word.end;
    } else {
      if (last && node.data[last.end] === "\u00ad") last.text += "-";
      runs.push({ ...word });
    }
  }
  return runs;
}

function fontOf(style) {
  return `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
}

function textAttributes(style) {
  return {
    fill: style.color,
    "font-family": style.fontFamily,
    "font-size": style.fontSize,
    "font-weight": style.fontWeight,
    "letter-spacing": style.letterSpacing === "normal" ? undefined : style.letterSpacing,
  };
}

/** The distance of the baseline from the top of the box. */
function baseline(style, height) {
  textContext.font = fontOf(style);
  const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = textContext.measureText("x");
  return (height * up) / (up + down);
}

/** The text of a vertical heading: Latin words are rotated, Chinese characters are upright. */
function verticalText(node, style, origin) {
  return [...wordsOf(node)].map(({ text, box }) => {
    const [left, top] = [box.left - origin.left, box.top - origin.top];
    if (text.length === 1)
      return makeSvg(
        "text",
        { x: round(left), y: round(top + baseline(style, box.height)), ...textAttributes(style) },
        text,
      );
    const x = round(left + box.width - baseline(style, box.width));
    return makeSvg(
      "text",
      { x, y: round(top), transform: `rotate(90 ${x} ${round(top)})`, ...textAttributes(style) },
      text,
    );
  });
}

function textShapes(node, style, origin) {
  if (style.writingMode === "vertical-rl") return verticalText(node, style, origin);
  return runsOf(node).map(({ text, box }) => {
    const y = round(box.top - origin.top + baseline(style, box.height));
    return makeSvg("text", { x: round(box.left - origin.left), y, ...textAttributes(style) }, text);
  });
}

/* -- SVG of the page ------------------------------------------------------------------------------------- */

const DROPPED = /^(class|style|tabindex|role|href|xlink:href|xmlns|data-.*|aria-.*|lang)$/;

/** A copy that needs no style sheet. Links become groups; hidden elements are left out. */
function copySvg(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.cloneNode();
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(SKIPPED)) return null;
  const style = getComputedStyle(node);
  const isStructural = node.matches("defs, defs *, title, desc");
  if (!isStructural && isHidden(style)) return null;
  const copy = makeSvg(node.localName === "a" ? "g" : node.localName);
  [...node.attributes]
    .filter(({ name }) => !DROPPED.test(name) || (name === "href" && node.localName === "use"))
    .forEach(({ name, value }) => copy.setAttribute(name, value));
  if (!node.matches("title, desc"))
    PRESENTATION.forEach((name) => copy.setAttribute(name, style.getPropertyValue(name)));
  node.childNodes.forEach((child) => {
    const childCopy = copySvg(child);
    if (childCopy) copy.append(childCopy);
  });
  return copy;
}

function svgShapes(svg, origin) {
  const box = svg.getBoundingClientRect();
  const copy = copySvg(svg);
  if (!copy) return [];
  const [x, y] = [round(box.left - origin.left), round(box.top - origin.top)];
  Object.entries({ x, y, width: round(box.width), height: round(box.height) }).forEach(([name, value]) =>
    copy.setAttribute(name, value),
  );
  return [copy];
}

/** The hatched pattern for "no data", as the style sheet has it. */
export function makeHatch(stroke) {
  const pattern = makeSvg("pattern", {
    id: "hatch",
    width: 6,
    height: 6,
    patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)",
  });
  pattern.append(makeSvg("line", { x1: 0.5, y1: 0, x2: 0.5, y2: 6, stroke, "stroke-width": 1 }));
  return pattern;
}

/* -- the whole element ----------------------------------------------------------------------------------- */

const isHidden = (style) => style.display === "none" || style.clipPath.startsWith("inset");

/** Collect the shapes and the canvases of an element and its descendants. */
function collect(element, origin, shapes, canvases) {
  if (element.matches(SKIPPED)) return;
  const style = getComputedStyle(element);
  if (isHidden(style)) return;
  if (element.localName === "canvas") {
    canvases.push(element);
    return;
  }
  if (element.localName === "svg") {
    shapes.push(...svgShapes(element, origin));
    return;
  }
  const isPainted = style.visibility === "visible";
  if (isPainted) shapes.push(...boxShapes(element, style, origin));
  element.childNodes.forEach((child) => {
    if (child.nodeType === Node.ELEMENT_NODE) collect(child, origin, shapes, canvases);
    else if (child.nodeType === Node.TEXT_NODE && isPainted) shapes.push(...textShapes(child, style, origin));
  });
}

/** The SVG shapes of an element and the canvases in it, all placed from its upper left corner. */
export function toSvg(root) {
  const origin = root.getBoundingClientRect();
  const shapes = [];
  const canvases = [];
  collect(root, origin, shapes, canvases);
  const placed = canvases
    .filter((canvas) => canvas.clientWidth)
    .map((canvas) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      return { canvas, x: left - origin.left, y: top - origin.top, width, height };
    });
  return { shapes, canvases: placed };
}
