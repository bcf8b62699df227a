/* Saves a chart as a picture that stands alone: title, subtitle, drawing, legend, note, sources, day and address on one
   sheet, and on a demonstration a band that says so. The sheet is SVG; a PNG is that sheet in pixels, with the canvas of
   a chart painted into it. Pictures are light, whatever the colours of the page: they go into papers and slides. */
(() => {
  "use strict";
  const { make, hatch, vectorOf, short } = window.tracker.vector;
  const SCALE = 2;
  const MARGIN = 24;
  const NARROWEST = 480;
  const LEADING = 1.45;
  const SOURCE_LINES = 4; // more sources are counted
  const OPENING = "（《〈「『【“‘(";
  const CLOSING = "，。、；：！？）》〉」』】”’…%)";
  // A Chinese character, or a word of other letters, with the marks that never begin or end a line without it.
  const TOKEN = new RegExp(
    `[${OPENING}]*(?:[\\u2e80-\\u2fff\\u3005-\\u9fff]|[^\\s\\u2e80-\\u9fff\\uff00-\\uffef]+|.)[${CLOSING}]*\\s*`,
    "gs",
  );
  const root = document.documentElement;
  const isChinese = root.lang.startsWith("zh");
  const pen = document.createElement("canvas").getContext("2d");

  /* -- what the picture says ----------------------------------------------------------------------------- */

  /** The text of an element without what only the screen has: links to definitions, popovers, hidden words. */
  function plain(element) {
    if (!element) return "";
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".define, .vh, [popover], button, [data-no-picture]").forEach((part) => part.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  const labelled = (label, text) => (isChinese ? `${label}：${text}` : `${label}: ${text}`);

  /** The layer that is shown, where a chart has several. */
  function layerOf(frame) {
    const chosen = frame.querySelector("input[name$='-grid']:checked");
    return chosen ? plain(chosen.closest("label")) : "";
  }

  /** Everything that is written around the drawing. The legend and notes beside the drawing belong to the drawing. */
  function pictureTexts(frame) {
    const sources = [...frame.querySelectorAll(".sources li > :first-child")].map(plain);
    const note = frame.querySelector(":scope > .chart-note");
    return {
      band: root.dataset.demonstration ?? "",
      title: plain(frame.querySelector(".chart-title")),
      subtitle: [plain(frame.querySelector(".chart-subtitle")), layerOf(frame)].filter(Boolean).join(" · "),
      flags: [...frame.querySelectorAll(".drawing .flags li")].map(plain),
      note: plain(note),
      sources,
      sourcesLabel: plain(frame.querySelector("[data-tab='sources']")),
      credit: `${frame.querySelector("[data-credit]").dataset.credit} ${window.tracker.lasting(`#${frame.id}`)}`,
    };
  }

  /* -- text set in lines --------------------------------------------------------------------------------- */

  /** A word too long for a line, such as an address, is cut where the line ends. */
  function cut(token, width) {
    const parts = [""];
    for (const letter of token) {
      if (pen.measureText(parts.at(-1) + letter).width > width) parts.push("");
      parts[parts.length - 1] += letter;
    }
    return parts;
  }

  function lines(text, font, width) {
    pen.font = font;
    const rows = [""];
    for (const [token] of text.matchAll(TOKEN)) {
      const fits = pen.measureText((rows.at(-1) + token).trimEnd()).width <= width;
      if (fits) rows[rows.length - 1] += token;
      else if (pen.measureText(token.trimEnd()).width <= width) rows.push(token);
      else rows.push(...cut(token, width));
    }
    return rows.map((row) => row.trimEnd()).filter(Boolean);
  }

  /** As many sources as a few lines hold; how many more there are is counted. */
  function sourceText({ sources, sourcesLabel }, font, width) {
    for (let shown = sources.length; shown > 0; shown--) {
      const rest = sources.length - shown;
      const text = labelled(sourcesLabel, sources.slice(0, shown).join(isChinese ? "；" : "; ") + (rest ? ` … (+${rest})` : ""));
      if (shown === 1 || lines(text, font, width).length <= SOURCE_LINES) return text;
    }
    return "";
  }

  /** Writes rows below one another; gives the height that they take. */
  function write(sheet, text, { size, weight = 400, fill, face, x = MARGIN }, top, width) {
    const rows = lines(text, `${weight} ${size}px ${face}`, width);
    rows.forEach((row, i) => {
      const y = short(top + i * size * LEADING + size * 1.05);
      sheet.append(make("text", { x, y, "font-family": face, "font-size": size, "font-weight": weight, fill }, row));
    });
    return rows.length * size * LEADING;
  }

  /* -- the sheet ------------------------------------------------------------------------------------------- */

  function look() {
    const style = getComputedStyle(root);
    const token = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = ["ink", "muted", "panel", "second", "line"];
    return {
      ...Object.fromEntries(names.map((name) => [name, token(name)])),
      face: getComputedStyle(document.body).fontFamily,
    };
  }

  /** The band across the head of a demonstration's picture. */
  function drawBand(sheet, text, colours, width) {
    if (!text) return 0;
    sheet.append(make("rect", { x: 0, y: 0, width, height: 30, fill: colours.second }));
    const typed = { "font-family": colours.face, "font-size": 13, "font-weight": 700, fill: colours.panel };
    sheet.append(make("text", { x: width / 2, y: 20, "text-anchor": "middle", ...typed }, text));
    return 30;
  }

  /** The numbered flags of a curve, as the drawing numbers them. */
  function drawFlags(sheet, flags, colours, top, width) {
    let height = 0;
    flags.forEach((text, i) => {
      const y = top + height;
      const badge = { "font-family": colours.face, "font-size": 11, "font-weight": 600, fill: colours.panel };
      sheet.append(make("circle", { cx: MARGIN + 9, cy: y + 9, r: 9, fill: colours.second }));
      sheet.append(make("text", { x: MARGIN + 9, y: y + 13, "text-anchor": "middle", ...badge }, String(i + 1)));
      const type = { size: 12, fill: colours.muted, face: colours.face, x: MARGIN + 26 };
      height += Math.max(22, write(sheet, text, type, y, width - 26) + 4);
    });
    return height;
  }

  /** The bounds of what was drawn, so that a small map in a wide frame leaves no empty margins. */
  function bounds(group, canvases) {
    const ownBox = (svg) => Object.fromEntries(["x", "y", "width", "height"].map((k) => [k, Number(svg.getAttribute(k))]));
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

  /** A place in the page where SVG can be measured; without one no text has a size. */
  function measured(work) {
    const place = make("svg", { width: 1, height: 1, class: "measure", "aria-hidden": "true" });
    document.body.append(place);
    try {
      return work(place);
    } finally {
      place.remove();
    }
  }

  function frozen(canvas) {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    if (canvas.width && canvas.height) copy.getContext("2d").drawImage(canvas, 0, 0);
    return copy;
  }

  /** The whole sheet as SVG, and the canvases with their places on it. */
  function sheetOf(frame) {
    const colours = look();
    const said = pictureTexts(frame);
    const { shapes, canvases } = vectorOf(frame.querySelector(".pane.drawing"));
    const group = make("g");
    group.append(...shapes);
    const area = measured((place) => (place.append(group), bounds(group, canvases)));
    const width = Math.max(area.width, NARROWEST);
    const sheet = make("svg", { xmlns: "http://www.w3.org/2000/svg" });
    sheet.setAttributeNS("http://www.w3.org/XML/1998/namespace", "xml:lang", root.lang); // the form of quotation marks
    const ground = make("rect", { x: 0, y: 0, fill: colours.panel });
    const defs = make("defs");
    defs.append(hatch());
    sheet.append(make("title", {}, said.title), defs, ground);
    const small = { size: 11, fill: colours.muted, face: colours.face };
    let y = drawBand(sheet, said.band, colours, width + 2 * MARGIN) + MARGIN;
    y += write(sheet, said.title, { size: 18, weight: 600, fill: colours.ink, face: colours.face }, y, width);
    y += write(sheet, said.subtitle, { ...small, size: 13 }, y + 2, width) + 16;
    const [dx, dy] = [short(MARGIN + (width - area.width) / 2 - area.x), short(y - area.y)];
    group.setAttribute("transform", `translate(${dx} ${dy})`);
    sheet.append(group);
    y += area.height + 14;
    if (said.flags.length) y += drawFlags(sheet, said.flags, colours, y, width) + 6;
    const sources = said.sources.length ? sourceText(said, `400 11px ${colours.face}`, width) : "";
    [said.note, sources, said.credit]
      .filter(Boolean)
      .forEach((text) => (y += write(sheet, text, small, y, width) + 3));
    const size = { width: Math.ceil(width + 2 * MARGIN), height: Math.ceil(y + MARGIN - 6) };
    [sheet, ground].forEach((node) => Object.entries(size).forEach(([name, value]) => node.setAttribute(name, value)));
    sheet.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    const placed = canvases.map((own) => ({ ...own, canvas: frozen(own.canvas), x: own.x + dx, y: own.y + dy }));
    return { sheet, canvases: placed, ...size };
  }

  /** With the drawing open and the page in its light colours; both are put back before anything is painted. */
  function inPrint(frame, work) {
    const { theme } = root.dataset;
    const tab = window.tracker.tabOf(frame);
    const turn = (next) => {
      if (next === undefined) delete root.dataset.theme;
      else root.dataset.theme = next;
      document.dispatchEvent(new Event("tracker:theme"));
    };
    window.tracker.openTab(frame, "drawing");
    frame.querySelectorAll(".drawing .table-frame").forEach((part) => part.scrollTo(0, 0));
    if (theme !== "light") turn("light");
    try {
      return work();
    } finally {
      if (theme !== "light") turn(theme);
      window.tracker.openTab(frame, tab);
    }
  }

  /* -- files ----------------------------------------------------------------------------------------------- */

  const xml = (sheet) => new XMLSerializer().serializeToString(sheet);

  async function pixels({ sheet, canvases, width, height }) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(xml(sheet))}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
    const brush = canvas.getContext("2d");
    brush.scale(SCALE, SCALE);
    brush.drawImage(image, 0, 0, width, height);
    canvases.forEach((own) => brush.drawImage(own.canvas, own.x, own.y, own.width, own.height));
    return new Promise((done) => canvas.toBlob(done));
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function picture(frame, kind) {
    const made = inPrint(frame, () => sheetOf(frame));
    const blob = kind === "svg" ? new Blob([xml(made.sheet)], { type: "image/svg+xml" }) : await pixels(made);
    save(blob, `${root.dataset.filePrefix ?? ""}${frame.dataset.slug}-${root.dataset.asOf}.${kind}`);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picture]");
    if (!button) return;
    button.closest(".menu").open = false;
    picture(button.closest("[data-chart]"), button.dataset.picture);
  });

  window.tracker = { ...window.tracker, pictureTexts };
})();
