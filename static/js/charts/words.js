/* A plugin of Chart.js that writes the labels of points: beside them, on the first side that is free. */

const SIZE = 12; // px
const NARROW = 480; // px

/** Break a long name into two lines near its middle: at a space where it has spaces. */
export function breakLabel(text, length) {
  if (text.length <= length) return text;
  const middle = Math.ceil(text.length / 2);
  const spaces = [...text.matchAll(/ /g)].map((space) => space.index);
  const index =
    spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0] ??
    (text.length > 2 * length ? middle : length);
  return [text.slice(0, index), text.slice(index).trim()];
}

/** The number at a tick, with as many decimals as any tick of the axis needs. Chart.js would use Intl.NumberFormat,
    which takes as long to make as the whole axis. */
export function formatTick(value, _, ticks) {
  const decimalsOf = (tick) => String(Number(tick.value.toFixed(6))).split(".")[1]?.length ?? 0;
  const text = Math.abs(value).toFixed(Math.max(...ticks.map(decimalsOf)));
  const [whole, decimals] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return (value < 0 ? "−" : "") + (decimals ? `${grouped}.${decimals}` : grouped);
}

const textOf = (label, width) => (width < NARROW ? (label.short ?? label.text) : label.text);
const fontOf = (label, family) => `${label.plain ? 400 : 600} ${label.badge || label.turn ? 11 : SIZE}px ${family}`;

/** Room to the right of bars for the labels of those that reach far: most fit on the drawing itself. */
export function roomForLabels(datasets, longest, width, family) {
  const pen = document.createElement("canvas").getContext("2d");
  const needed = datasets.at(-1).data.map(({ label }, row) => {
    const length = datasets.reduce((sum, { data }) => sum + data[row].x, 0);
    pen.font = fontOf(label, family);
    return pen.measureText(textOf(label, width)).width + 16 - (1 - length / longest) * width * 0.5;
  });
  return Math.ceil(Math.max(8, ...needed));
}

const overlap = (a, b) =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

/** The box of a text on one side of a point; `lift` raises it. */
function boxAt({ x, y, options }, [dx, dy], width, lift = 0) {
  const gap = ((options.radius ?? 0) + 5) * (dx && dy && options.radius ? 0.75 : 1);
  const left = x + (options.radius || !dy ? dx * gap : 0) - [width, width / 2, 0][dx + 1];
  const top = y + dy * gap - [SIZE + 2, SIZE / 2 + 1, 0][dy + 1] - lift;
  return { left, top, right: left + width, bottom: top + SIZE + 2 };
}

function write(pen, text, box, label, theme) {
  pen.save();
  pen.translate((box.left + box.right) / 2, (box.top + box.bottom) / 2);
  if (label.turn) pen.rotate(-Math.PI / 4);
  if (label.badge) {
    const half = Math.max(9, (box.right - box.left) / 2 + 6);
    pen.fillStyle = theme.color("--second");
    pen.beginPath();
    pen.roundRect(-half, -9, 2 * half, 18, 9);
    pen.fill();
  }
  pen.fillStyle = label.badge ? theme.color("--panel") : (label.color ?? theme.color("--ink"));
  Object.assign(pen, { textAlign: "center", textBaseline: "middle" });
  pen.fillText(text, 0, 1);
  pen.restore();
}

/** Names in the corners of the drawing, on a ground of their own, since lines may end there. */
function writeCorners(chart, corners, theme) {
  const { ctx: pen, chartArea: area } = chart;
  return corners.flatMap((corner) => {
    const lines = [breakLabel(corner.text, chart.width < 520 ? 14 : 40)].flat();
    pen.font = fontOf(corner, theme.fontFamily);
    return lines.map((text, i) => {
      const width = pen.measureText(text).width;
      const left = corner.at[0] > 0 ? area.right - 6 - width : area.left + 6;
      const top = corner.at[1] > 0 ? area.top + 6 + i * 15 : area.bottom - 6 - (lines.length - i) * 15;
      const box = { left, top, right: left + width, bottom: top + 15 };
      pen.fillStyle = theme.color("--panel");
      pen.fillRect(left - 2, top, width + 4, 15);
      write(pen, text, box, corner, theme);
      return box;
    });
  });
}

/** No label lies on another. Of several sides that are free it takes the one that hides least of other points; a label
    that would hide some is left out unless it is to be kept. */
export const words = (theme) => ({
  id: "words",
  afterDatasetsDraw(chart) {
    const { ctx: pen, chartArea: area, data } = chart;
    const points = data.datasets.flatMap((dataset, i) =>
      dataset.data.map((raw, row) => ({ label: raw.label, at: chart.getDatasetMeta(i).data[row] })),
    );
    const shapes = points
      .map(({ at: { x, y, options } }) => ({ x, y, r: options.radius ?? 0 }))
      .filter(({ r }) => r > 0)
      .map(({ x, y, r }) => ({ left: x - r, top: y - r, right: x + r, bottom: y + r }));
    const taken = writeCorners(chart, chart.options.corners ?? [], theme);
    const labelled = points.filter(({ label }) => label && textOf(label, chart.width));
    labelled.sort((a, b) => (b.label.rank ?? 0) - (a.label.rank ?? 0));
    labelled.forEach(({ label, at }) => {
      const text = textOf(label, chart.width);
      pen.font = fontOf(label, theme.fontFamily);
      const { width } = pen.measureText(text);
      let boxes = label.sides.map((side) => boxAt(at, side, width, label.lift));
      if (boxes.length > 1) {
        const hidden = (box) => shapes.reduce((sum, shape) => sum + overlap(box, shape), 0);
        const isInside = (box) =>
          box.left > area.left && box.right < area.right && box.top > area.top && box.bottom < area.bottom;
        boxes = boxes.filter((box) => isInside(box) && taken.every((other) => !overlap(box, other)));
        boxes = boxes.filter((box) => label.keep || !hidden(box)).sort((a, b) => hidden(a) - hidden(b));
      }
      const [box] = boxes;
      if (!box) return;
      const outside = Math.max(0, box.right - chart.width);
      if (!label.badge) Object.assign(box, { left: box.left - outside, right: box.right - outside });
      taken.push(box);
      write(pen, text, box, label, theme);
    });
  },
});
