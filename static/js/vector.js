/* Turns a part of the page into SVG as it stands on the screen: boxes, borders, shapes and words of HTML, and drawings
   that are SVG already. All styles become presentation attributes, so that the file needs no style sheet. */
(() => {
  "use strict";
  const NS = "http://www.w3.org/2000/svg";
  const SKIPPED = "script, template, fieldset, button, .vh, .flags, .said, .define, [popover], [data-no-picture]";
  const WORD = /[\u2e80-\u9fff\uff00-\uffef]|[^\s\u00ad\u2e80-\u9fff\uff00-\uffef]+/g; // or one Chinese character
  const PRESENTATION = [
    ...["fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap"],
    ...["stroke-linejoin", "stroke-opacity", "paint-order", "opacity", "visibility", "text-anchor"],
    ...["dominant-baseline", "letter-spacing", "font-family", "font-size", "font-weight", "font-style"],
  ];
  const pen = document.createElement("canvas").getContext("2d");

  /** An SVG element with these attributes; undefined ones are left out. */
  function make(name, attributes = {}, text = "") {
    const node = document.createElementNS(NS, name);
    Object.entries(attributes).forEach(([key, value]) => value !== undefined && node.setAttribute(key, value));
    if (text) node.textContent = text;
    return node;
  }

  const seen = (colour) => colour !== "transparent" && !/^rgba\(.*, 0\)$/.test(colour);
  const px = (text) => parseFloat(text) || 0;
  const short = (number) => Number(number.toFixed(2));

  /* -- boxes ------------------------------------------------------------------------------------------- */

  /** The box of an element before it is turned; a turned one has its middle in the same place. */
  function boxOf(element, origin) {
    const place = element.getBoundingClientRect();
    const [width, height] = [element.offsetWidth ?? place.width, element.offsetHeight ?? place.height];
    const turned = getComputedStyle(element).rotate !== "none";
    if (!turned) return { x: place.left - origin.left, y: place.top - origin.top, width: place.width, height: place.height };
    const x = (place.left + place.right) / 2 - width / 2 - origin.left;
    return { x, y: (place.top + place.bottom) / 2 - height / 2 - origin.top, width, height };
  }

  function radius(style, box) {
    const text = style.borderTopLeftRadius;
    return text.endsWith("%") ? (px(text) / 100) * Math.min(box.width, box.height) : px(text);
  }

  function rect(box, inset, more) {
    return make("rect", {
      x: short(box.x + inset),
      y: short(box.y + inset),
      width: short(Math.max(0, box.width - 2 * inset)),
      height: short(Math.max(0, box.height - 2 * inset)),
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
        return `${short(box.x + x)},${short(box.y + y)}`;
      });
    return make("polygon", { points: points.join(" "), fill });
  }

  const dashes = { dashed: "4 3", dotted: "1 2" };

  function stroked(width, colour, line) {
    return { fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dashes[line] };
  }

  /** Four equal borders are a frame; others are a line a side. */
  function borders(style, box) {
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
      width: style[`border${side}Style`] === "none" ? 0 : px(style[`border${side}Width`]),
      colour: style[`border${side}Color`],
      line: style[`border${side}Style`],
    }));
    const [top, right, bottom, left] = sides;
    const equal = sides.every((side) => side.width === top.width && side.colour === top.colour && side.line === top.line);
    if (equal)
      return top.width && seen(top.colour)
        ? [rect(box, top.width / 2, { ...stroked(top.width, top.colour, top.line), rx: short(radius(style, box)) })]
        : [];
    const { x, y, width, height } = box;
    const ends = [
      [top, x, y + top.width / 2, x + width, y + top.width / 2],
      [right, x + width - right.width / 2, y, x + width - right.width / 2, y + height],
      [bottom, x, y + height - bottom.width / 2, x + width, y + height - bottom.width / 2],
      [left, x + left.width / 2, y, x + left.width / 2, y + height],
    ];
    return ends
      .filter(([side]) => side.width && seen(side.colour))
      .map(([side, x1, y1, x2, y2]) =>
        make("line", { x1: short(x1), y1: short(y1), x2: short(x2), y2: short(y2), ...stroked(side.width, side.colour, side.line) }),
      );
  }

  /** A frame drawn as a shadow that lies inside, or as an outline. */
  function frames(style, box) {
    const [, colour, spread] = style.boxShadow.match(/^(\w+\([^)]*\)) 0px 0px 0px ([\d.]+)px inset$/) ?? [];
    const drawn = colour ? [rect(box, spread / 2, { ...stroked(spread, colour), rx: short(radius(style, box)) })] : [];
    if (style.outlineStyle === "none" || !px(style.outlineWidth)) return drawn;
    const inset = -px(style.outlineOffset) + px(style.outlineWidth) / 2;
    return [...drawn, rect(box, inset, stroked(px(style.outlineWidth), style.outlineColor, style.outlineStyle))];
  }

  function boxes(element, style, origin) {
    const box = boxOf(element, origin);
    if (!box.width && !box.height) return [];
    const fill = style.backgroundColor;
    if (style.clipPath.startsWith("polygon")) return [polygon(style, box, fill)];
    const ground = { rx: short(radius(style, box)) };
    const drawn = [
      ...(seen(fill) ? [rect(box, 0, { ...ground, fill })] : []),
      ...(style.backgroundImage.startsWith("repeating") ? [rect(box, 0, { ...ground, fill: "url(#hatch)" })] : []),
      ...borders(style, box),
      ...(element.matches(":focus-visible") ? [] : frames(style, box)),
    ];
    if (style.rotate !== "none") {
      const middle = `${short(box.x + box.width / 2)} ${short(box.y + box.height / 2)}`;
      drawn.forEach((shape) => shape.setAttribute("transform", `rotate(${px(style.rotate)} ${middle})`));
    }
    return drawn;
  }

  /* -- words ------------------------------------------------------------------------------------------- */

  /** Where each word of a text stands on the screen; words of hidden text stand nowhere. */
  function* wordsOf(node) {
    const range = document.createRange();
    for (const found of node.data.matchAll(WORD)) {
      const end = found.index + found[0].length;
      range.setStart(node, found.index);
      range.setEnd(node, end);
      const [box] = [...range.getClientRects()].sort((a, b) => b.width - a.width); // a soft hyphen leaves a second, empty one
      if (box?.width) yield { start: found.index, end, text: found[0], box };
    }
  }

  /** Words that stand on one line as one run, with the hyphen that a soft one shows at the end of a line. */
  function runsOf(node) {
    const runs = [];
    for (const word of wordsOf(node)) {
      const last = runs.at(-1);
      if (last && Math.abs(last.box.top - word.box.top) < 2) {
        last.text += node.data.slice(last.end, word.start).replace(/\s+/g, " ").replace(/\u00ad/g, "") + word.text;
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

  function typed(style) {
    return {
      fill: style.color,
      "font-family": style.fontFamily,
      "font-size": style.fontSize,
      "font-weight": style.fontWeight,
      "letter-spacing": style.letterSpacing === "normal" ? undefined : style.letterSpacing,
    };
  }

  /** The line that letters stand on, below the top of their box. */
  function baseline(style, height) {
    pen.font = fontOf(style);
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = pen.measureText("x");
    return (height * up) / (up + down);
  }

  /** Of a heading that runs downwards: Latin words are turned, Chinese characters stand. */
  function downwards(node, style, origin) {
    return [...wordsOf(node)].map(({ text, box }) => {
      const [left, top] = [box.left - origin.left, box.top - origin.top];
      if (text.length === 1)
        return make("text", { x: short(left), y: short(top + baseline(style, box.height)), ...typed(style) }, text);
      const x = short(left + box.width - baseline(style, box.width));
      return make("text", { x, y: short(top), transform: `rotate(90 ${x} ${short(top)})`, ...typed(style) }, text);
    });
  }

  function texts(node, style, origin) {
    if (style.writingMode === "vertical-rl") return downwards(node, style, origin);
    return runsOf(node).map(({ text, box }) => {
      const y = short(box.top - origin.top + baseline(style, box.height));
      return make("text", { x: short(box.left - origin.left), y, ...typed(style) }, text);
    });
  }

  /* -- SVG of the page ----------------------------------------------------------------------------------- */

  /** A copy that needs no style sheet. Links become groups; what is hidden is left out. */
  function copy(node) {
    if (node.nodeType === Node.TEXT_NODE) return node.cloneNode();
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches(SKIPPED)) return null;
    const style = getComputedStyle(node);
    const structural = node.matches("defs, defs *, title, desc");
    if (!structural && (style.display === "none" || style.clipPath.startsWith("inset"))) return null;
    const made = make(node.localName === "a" ? "g" : node.localName);
    [...node.attributes]
      .filter(({ name }) => !/^(class|style|tabindex|role|href|xlink:href|xmlns|data-.*|aria-.*|lang)$/.test(name) || (name === "href" && node.localName === "use"))
      .forEach(({ name, value }) => made.setAttribute(name, value));
    if (!node.matches("title, desc"))
      PRESENTATION.forEach((name) => made.setAttribute(name, style.getPropertyValue(name)));
    node.childNodes.forEach((child) => {
      const inner = copy(child);
      if (inner) made.append(inner);
    });
    return made;
  }

  function drawing(svg, origin) {
    const place = svg.getBoundingClientRect();
    const made = copy(svg);
    if (!made) return [];
    const [x, y] = [short(place.left - origin.left), short(place.top - origin.top)];
    Object.entries({ x, y, width: short(place.width), height: short(place.height) }).forEach(([name, value]) =>
      made.setAttribute(name, value),
    );
    return [made];
  }

  /* -- the walk ------------------------------------------------------------------------------------------ */

  function walk(element, origin, found) {
    if (element.matches(SKIPPED)) return;
    const style = getComputedStyle(element);
    if (style.display === "none" || style.clipPath.startsWith("inset")) return;
    if (element.localName === "canvas") return void found.canvases.push(element);
    if (element.localName === "svg") return void found.shapes.push(...drawing(element, origin));
    const visible = style.visibility === "visible";
    if (visible) found.shapes.push(...boxes(element, style, origin));
    element.childNodes.forEach((child) => {
      if (child.nodeType === Node.ELEMENT_NODE) walk(child, origin, found);
      else if (child.nodeType === Node.TEXT_NODE && visible) found.shapes.push(...texts(child, style, origin));
    });
  }

  /** The pattern of a place without data, as the style sheet has it. */
  function hatch() {
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--line").trim();
    const pattern = make("pattern", {
      id: "hatch",
      width: 6,
      height: 6,
      patternUnits: "userSpaceOnUse",
      patternTransform: "rotate(45)",
    });
    pattern.append(make("line", { x1: 0.5, y1: 0, x2: 0.5, y2: 6, stroke: colour, "stroke-width": 1 }));
    return pattern;
  }

  /** Shapes of an element and the canvases among them, all placed from its upper left corner. */
  function vectorOf(root) {
    const origin = root.getBoundingClientRect();
    const found = { shapes: [], canvases: [] };
    walk(root, origin, found);
    const canvases = found.canvases
      .filter((canvas) => canvas.clientWidth)
      .map((canvas) => {
        const place = canvas.getBoundingClientRect();
        return { canvas, x: place.left - origin.left, y: place.top - origin.top, width: place.width, height: place.height };
      });
    return { shapes: found.shapes, canvases };
  }

  window.tracker = { ...window.tracker, vector: { make, hatch, vectorOf, short } };
})();
