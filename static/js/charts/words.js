/* A plugin of Chart.js that writes the labels of points beside them, and their names in the margin. */

const SIZE = 12; // px
const NARROW = 480; // px
const LINE = 19; // px

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
const fontOf = (label, family) => `${label.plain ? 400 : 600} ${label.badge ? 11 : SIZE}px ${family}`;

/** The width of the widest of some labels. */
function widest(labels, width, family) {
  const pen = document.createElement("canvas").getContext("2d");
  const widths = labels.map((label) => {
    pen.font = fontOf(label, family);
    return pen.measureText(textOf(label, width)).width;
  });
  return Math.max(0, ...widths);
}

/** Room to the right of bars for the numbers of those that reach far: most fit on the drawing itself. */
export function roomForLabels(points, width, family) {
  const needed = points.map(({ label }) => widest([label], width, family) + 16 - (1 - label.end) * width * 0.5);
  return Math.ceil(Math.max(8, ...needed));
}

/** Room on the left of the points for the names in the margin; none in a narrow window, which has them in the table. */
export function roomForNames(points, width, family) {
  const names = points.filter(({ name }) => name).map(({ name }) => ({ text: name }));
  return names.length && width >= NARROW ? widest(names, width, family) + 30 : 0;
}

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

/** Names in the corners of the drawing, under its points, on a ground of their own against the grid. */
function writeCorners(chart, corners, theme) {
  const { ctx: pen, chartArea: area } = chart;
  corners.forEach((corner) => {
    const lines = [breakLabel(corner.text, chart.width < 520 ? 14 : 40)].flat();
    pen.font = fontOf(corner, theme.fontFamily);
    lines.forEach((text, i) => {
      const width = pen.measureText(text).width;
      const left = corner.at[0] > 0 ? area.right - 6 - width : area.left + 6;
      const top = corner.at[1] > 0 ? area.top + 6 + i * 15 : area.bottom - 6 - (lines.length - i) * 15;
      pen.fillStyle = theme.color("--panel");
      pen.fillRect(left - 2, top, width + 4, 15);
      write(pen, text, { left, top, right: left + width, bottom: top + 15 }, corner, theme);
    });
  });
}

/** Names in the left margin of the plot, in the order of their points, with a line to each; none lies on another. */
function writeNames(chart, points, theme) {
  const { ctx: pen, chartArea: area } = chart;
  const named = points.filter(({ raw }) => raw.name && chart.width >= NARROW).sort((a, b) => a.at.y - b.at.y);
  let next = area.top + 34; // below the name of the corner
  named.forEach((own) => {
    own.y = Math.max(own.at.y, next);
    next = own.y + LINE;
  });
  next = area.bottom - 34;
  named.reverse().forEach((own) => {
    own.y = Math.min(own.y, next);
    next = own.y - LINE;
  });
  pen.save();
  pen.font = fontOf({}, theme.fontFamily);
  Object.assign(pen, { textAlign: "left", textBaseline: "middle", strokeStyle: theme.color("--muted") });
  named.forEach(({ raw, at, y }) => {
    const left = area.left + 6;
    pen.fillStyle = theme.color("--ink");
    pen.fillText(raw.name, left, y + 1);
    pen.beginPath();
    pen.moveTo(left + pen.measureText(raw.name).width + 4, y);
    pen.lineTo(at.x - (at.options.radius ?? 0) - 1, at.y);
    pen.stroke();
  });
  pen.restore();
}

export const words = (theme) => ({
  id: "words",
  beforeDatasetsDraw(chart) {
    writeCorners(chart, chart.options.corners ?? [], theme);
  },
  afterDatasetsDraw(chart) {
    const { ctx: pen, data, width: whole } = chart;
    const points = data.datasets.flatMap((dataset, i) =>
      dataset.data.map((raw, row) => ({ raw, at: chart.getDatasetMeta(i).data[row] })),
    );
    writeNames(chart, points, theme);
    points.forEach(({ raw: { label }, at }) => {
      const text = label && textOf(label, whole);
      if (!text) return;
      pen.font = fontOf(label, theme.fontFamily);
      const box = boxAt(at, label.side, pen.measureText(text).width, label.lift);
      const outside = Math.max(0, box.right - whole);
      if (!label.badge) Object.assign(box, { left: box.left - outside, right: box.right - outside });
      write(pen, text, box, label, theme);
    });
  },
});
