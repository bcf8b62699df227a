/* Saves a chart as a PNG with its title, what it counts, and its address and day painted around it. Canvas charts
   are copied; the tile map and the matrix, which are HTML, are painted rectangle by rectangle, word by word. */
(() => {
  "use strict";
  const SCALE = 2;
  const MARGIN = 24;
  const WORD = /[\u2e80-\u9fff\uff00-\uffef]|[^\s\u00ad\u2e80-\u9fff\uff00-\uffef]+/g; // or one Chinese character

  /* -- HTML to canvas ---------------------------------------------------------------------------------- */

  function paintBox(pen, cell, origin) {
    const style = getComputedStyle(cell);
    const box = cell.getBoundingClientRect();
    const at = [box.left - origin.left, box.top - origin.top, box.width, box.height];
    pen.fillStyle = style.backgroundColor;
    pen.fillRect(...at);
    if (cell.classList.contains("nodata")) hatch(pen, at);
    if (cell.matches(".outside, .corps")) outline(pen, at, style.color);
  }

  function hatch(pen, [x, y, width, height]) {
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--line");
    pen.beginPath();
    for (let i = -height; i < width; i += 8) {
      pen.moveTo(x + i, y + height);
      pen.lineTo(x + i + height, y);
    }
    pen.stroke();
    pen.restore();
  }

  function outline(pen, [x, y, width, height], colour) {
    pen.save();
    pen.setLineDash([3, 2]);
    pen.strokeStyle = colour;
    pen.strokeRect(x + 1.5, y + 1.5, width - 3, height - 3);
    pen.restore();
  }

  /** Where each word of a text stands on the screen; words of hidden text stand nowhere. */
  function* wordsOf(node) {
    const range = document.createRange();
    for (const found of node.data.matchAll(WORD)) {
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const [box] = [...range.getClientRects()].sort((a, b) => b.width - a.width); // a soft hyphen leaves a second, empty one
      if (box?.width) yield [found[0], box];
    }
  }

  function paintTexts(pen, root, origin) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      const style = getComputedStyle(parent);
      if (style.clipPath !== "none" || parent.closest(".vh") || style.visibility === "hidden") continue;
      pen.fillStyle = style.color;
      pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      for (const [word, box] of wordsOf(walker.currentNode))
        paintWord(pen, word, box, origin, style.writingMode);
    }
  }

  function paintWord(pen, word, box, origin, mode) {
    pen.save();
    pen.textBaseline = "middle";
    pen.translate(box.left - origin.left, box.top - origin.top);
    if (mode === "vertical-rl" && word.length > 1) {
      pen.translate(box.width / 2, 0);
      pen.rotate(Math.PI / 2);
      pen.fillText(word, 0, 0);
    } else {
      pen.fillText(word, 0, box.height / 2);
    }
    pen.restore();
  }

  function fromHTML(root) {
    const origin = root.getBoundingClientRect();
    const [canvas, pen] = blank(origin.width, origin.height);
    root.querySelectorAll("[data-cell], .key").forEach((cell) => paintBox(pen, cell, origin));
    paintTexts(pen, root, origin);
    return canvas;
  }

  /* -- the sheet around the drawing -------------------------------------------------------------------- */

  function blank(width, height) {
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(width * SCALE);
    canvas.height = Math.ceil(height * SCALE);
    const pen = canvas.getContext("2d");
    pen.scale(SCALE, SCALE);
    return [canvas, pen];
  }

  function lines(pen, text, width) {
    const rows = [""];
    for (const [word] of text.matchAll(
      /[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+\s*|\s+/g,
    )) {
      if (rows.at(-1) && pen.measureText(rows.at(-1) + word).width > width) rows.push("");
      rows[rows.length - 1] += word;
    }
    return rows;
  }

  /** Title and subtitle above; note, sources, day and address below. */
  function texts(frame, style) {
    const read = (selector) => frame.querySelector(selector)?.textContent.trim() ?? "";
    const sources = [...frame.querySelectorAll(".sources li > :first-child")].map((item) =>
      item.textContent.trim(),
    );
    const address = document.querySelector("#cite p").textContent.replace(/\s+/g, " ").trim();
    const say = (text, size, weight, colour) => ({
      text,
      size,
      font: `${weight} ${size}px ${style.face}`,
      colour,
    });
    const above = [
      say(read(".chart-title"), 18, 600, style.ink),
      say(read(".chart-subtitle"), 13, 400, style.muted),
    ];
    const below = [frame.dataset.chart === "tiles" ? "" : read(".chart-note"), sources.join(" · "), address];
    return [above, below.map((text) => say(text, 11, 400, style.muted))].map((part) =>
      part.filter(({ text }) => text),
    );
  }

  function setOut(part, width) {
    const [, pen] = blank(1, 1);
    return part.flatMap((item) => {
      pen.font = item.font;
      return lines(pen, item.text, width).map((text) => ({ ...item, text }));
    });
  }

  const heightOf = (rows) => rows.reduce((sum, row) => sum + row.size * 1.45, 0);

  function write(pen, rows, top) {
    pen.textBaseline = "top";
    for (const row of rows) {
      pen.font = row.font;
      pen.fillStyle = row.colour;
      pen.fillText(row.text, MARGIN, top);
      top += row.size * 1.45;
    }
  }

  function sheet(frame, drawing, width, height) {
    const tokens = getComputedStyle(document.documentElement);
    const token = (name) => tokens.getPropertyValue(`--${name}`).trim();
    const style = {
      ink: token("ink"),
      muted: token("muted"),
      face: getComputedStyle(document.body).fontFamily,
    };
    const broad = Math.max(width, 480);
    const [above, below] = texts(frame, style).map((part) => setOut(part, broad));
    const top = MARGIN + heightOf(above) + 12;
    const [canvas, pen] = blank(broad + 2 * MARGIN, top + height + 14 + heightOf(below) + MARGIN);
    pen.fillStyle = token("panel");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    write(pen, above, MARGIN);
    pen.drawImage(drawing, MARGIN + (broad - width) / 2, top, width, height);
    write(pen, below, top + height + 14);
    return canvas;
  }

  function picture(frame) {
    const canvas = frame.querySelector("canvas");
    if (canvas) return sheet(frame, canvas, canvas.clientWidth, canvas.clientHeight);
    const root = frame.querySelector(".grid.open .map, .matrix, .lights");
    return sheet(frame, fromHTML(root), root.offsetWidth, root.offsetHeight);
  }

  function save(canvas, name) {
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picture]");
    if (!button) return;
    const frame = button.closest("[data-chart]");
    button.closest(".menu").open = false;
    window.tracker.openTab(frame, "drawing");
    save(picture(frame), `${frame.dataset.slug}-${document.documentElement.dataset.asOf}.png`);
  });
})();
