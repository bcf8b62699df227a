/* The co-control coordinates: carbon across, air pollutants up, positive is reduced. The quadrants are named at the
   corners, the flat band is shaded, the diagonal is where the rates are equal, a bubble's area is tonnes of CO2. Both
   axes have one scale, so that the diagonal rises by 45 degrees. */
import { axisTitle, breakLabel, LONG_DASHED, openOnClick, textLabel, textMeasure } from "../chart-helpers.js";
import { withAlpha } from "../theme-colors.js";

const MAX_RADIUS = 22; // px, of the largest bubble
const ALWAYS_NAMED = 4; // the largest bubbles, whose names may overlap other bubbles
/** What the axes and their titles take from the canvas, in px. */
const AXES = { left: 58, bottom: 52, top: 4, right: 14 };

/** The ends of both axes: all bubbles and the origin lie between them, and a percent is as long across as up. */
function axisRanges(points, size) {
  const needed = (key) => {
    const values = points.map((point) => point[key]);
    const [low, high] = [Math.min(-2, ...values), Math.max(2, ...values)];
    const margin = (high - low) * 0.09;
    return { low: low - margin, span: high - low + 2 * margin };
  };
  const [x, y] = [needed("x"), needed("y")];
  const unit = Math.min(size.width / x.span, size.height / y.span); // px for a percent
  const widen = (range, length) => {
    const low = range.low - (length / unit - range.span) / 2; // what is left over lies on both sides alike
    return [low, low + length / unit];
  };
  const [left, right] = widen(x, size.width);
  const [bottom, top] = widen(y, size.height);
  return { left, right, bottom, top, unit };
}

/** The same round steps on both axes, at least 50 px apart. */
function ticksBetween(low, high, unit) {
  const step = [1, 2, 5, 10, 20, 50, 100].find((size) => size * unit >= 50) ?? 200;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => ({ value: (first + i) * step }));
}

function flatBand(theme, flat, axis) {
  return {
    type: "box",
    drawTime: "beforeDatasetsDraw",
    [`${axis}Min`]: -flat,
    [`${axis}Max`]: flat,
    backgroundColor: withAlpha(theme.line, 0.502),
    borderWidth: 0,
  };
}

/** Where the rates are equal: as far as both axes reach. */
function diagonal(theme, ranges, label) {
  const low = Math.max(ranges.left, ranges.bottom);
  const high = Math.min(ranges.right, ranges.top);
  return [
    {
      type: "line",
      drawTime: "beforeDatasetsDraw",
      xMin: low,
      xMax: high,
      yMin: low,
      yMax: high,
      borderColor: theme.muted,
      borderWidth: 1,
      borderDash: LONG_DASHED,
    },
    textLabel(theme, label, {
      xValue: high * 0.42, // between the origin and the corner, whose name stands at the end of the line
      yValue: high * 0.42,
      position: "center",
      xAdjust: 8,
      yAdjust: 8,
      rotation: -45,
      color: theme.muted,
      font: { family: theme.fontFamily, size: 11 },
    }),
  ];
}

/** The name of a quadrant in its corner, in the colour of its class. */
function cornerLabel(theme, ranges, [x, y], label, color, width) {
  return textLabel(theme, breakLabel(label, width < 520 ? 14 : 40), {
    xValue: x > 0 ? ranges.right : ranges.left,
    yValue: y > 0 ? ranges.top : ranges.bottom,
    position: { x: x > 0 ? "end" : "start", y: y > 0 ? "start" : "end" },
    xAdjust: x > 0 ? -6 : 6,
    yAdjust: y > 0 ? 6 : -6,
    textAlign: x > 0 ? "right" : "left",
    backgroundColor: theme.panel, // the diagonal may end here
    color: theme[color],
  });
}

/** `kinds` are the classes; one that has a corner is that of a quadrant. */
function cornerLabels(theme, ranges, kinds, width) {
  return kinds
    .filter(({ corner }) => corner)
    .map(({ corner, label, colour }) => cornerLabel(theme, ranges, corner, label, colour, width));
}

/** Where the name of a bubble may stand: beside it, above, below, or at a corner of it. */
function labelPlaces({ px, py, r }, width) {
  const gap = r + 4;
  const slant = gap * 0.72;
  return [
    [gap, 0],
    [-gap, 0],
    [0, -gap],
    [0, gap],
    [slant, -slant],
    [-slant, -slant],
    [slant, slant],
    [-slant, slant],
  ].map(([dx, dy]) => {
    const x = dx > 0 ? "start" : dx < 0 ? "end" : "center";
    const y = dy > 0 ? "start" : dy < 0 ? "end" : "center";
    const left = px + dx - { start: 0, end: width, center: width / 2 }[x];
    const top = py + dy - { start: 0, end: 16, center: 8 }[y];
    return { box: [left, top, left + width, top + 16], position: { x, y }, xAdjust: dx, yAdjust: dy };
  });
}

function overlap([a1, b1, a2, b2], [c1, d1, c2, d2]) {
  return Math.max(0, Math.min(a2, c2) - Math.max(a1, c1)) * Math.max(0, Math.min(b2, d2) - Math.max(b1, d1));
}

/** Names of the bubbles that stand out, largest first. No name overlaps another; one that has no free place is left out,
    but the largest few may overlap other bubbles where they hide least. */
function bubbleLabels(theme, points, ranges, size) {
  const measure = textMeasure(`12px ${theme.fontFamily}`);
  const placed = points.map((point) => ({
    ...point,
    px: (point.x - ranges.left) * ranges.unit,
    py: (ranges.top - point.y) * ranges.unit,
  }));
  const bubbles = placed.map(({ px, py, r }) => [px - r, py - r, px + r, py + r]);
  const taken = [];
  const isInside = ([x1, y1, x2, y2]) => x1 > 0 && y1 > 22 && x2 < size.width && y2 < size.height - 22;
  const covered = (box) => bubbles.reduce((sum, bubble) => sum + overlap(box, bubble), 0);
  const isFree = ({ box }) => isInside(box) && taken.every((other) => !overlap(box, other));
  const named = placed.filter((point) => point.named).sort((a, b) => (b.tonnes ?? 0) - (a.tonnes ?? 0));
  return named.flatMap((point, rank) => {
    const free = labelPlaces(point, measure(point.label)).filter(isFree);
    const best = free.sort((a, b) => covered(a.box) - covered(b.box))[0];
    if (!best || (rank >= ALWAYS_NAMED && covered(best.box))) return [];
    taken.push(best.box);
    const { position, xAdjust, yAdjust } = best;
    const font = { family: theme.fontFamily, size: 12, weight: 400 };
    return [textLabel(theme, point.label, { xValue: point.x, yValue: point.y, position, xAdjust, yAdjust, font })];
  });
}

export function makeConfig(data, theme, width, height) {
  const { labels, kinds } = data;
  const mostTonnes = Math.max(1, ...data.points.map((point) => point.tonnes ?? 0));
  const points = data.points.map((point) => ({
    ...point,
    r: Math.max(4, MAX_RADIUS * (width < 520 ? 0.6 : 1) * Math.sqrt((point.tonnes ?? 0) / mostTonnes)),
  }));
  const size = {
    width: Math.max(width - AXES.left - AXES.right, 100),
    height: Math.max(height - AXES.top - AXES.bottom, 100),
  };
  const ranges = axisRanges(points, size);
  const datasets = kinds.map(({ key, label, shape, colour }) => ({
    label,
    data: points.filter((point) => point.kind === key),
    pointStyle: shape,
    borderColor: theme[colour],
    backgroundColor: withAlpha(theme[colour], 0.349),
    borderWidth: 1.5,
  }));
  return {
    type: "bubble",
    data: { datasets },
    options: {
      // Without autoPadding the plot has exactly the size that its axes are made for.
      layout: { padding: { top: AXES.top, right: AXES.right }, autoPadding: false },
      plugins: {
        annotation: {
          annotations: [
            flatBand(theme, data.flat, "x"),
            flatBand(theme, data.flat, "y"),
            ...diagonal(theme, ranges, labels.diagonal),
            ...cornerLabels(theme, ranges, kinds, width),
            ...bubbleLabels(theme, points, ranges, size),
          ],
        },
        tooltip: { callbacks: { title: ([item]) => item.raw.label, label: (item) => item.raw.text } },
      },
      scales: {
        x: {
          min: ranges.left,
          max: ranges.right,
          title: axisTitle(labels.x),
          afterBuildTicks: (scale) => (scale.ticks = ticksBetween(ranges.left, ranges.right, ranges.unit)),
          afterFit: (scale) => Object.assign(scale, { height: AXES.bottom, paddingLeft: 0, paddingRight: 0 }),
          ticks: { maxRotation: 0 },
        },
        y: {
          min: ranges.bottom,
          max: ranges.top,
          title: axisTitle(labels.y),
          afterBuildTicks: (scale) => (scale.ticks = ticksBetween(ranges.bottom, ranges.top, ranges.unit)),
          afterFit: (scale) => Object.assign(scale, { width: AXES.left, paddingTop: 0, paddingBottom: 0 }),
        },
      },
      ...openOnClick((item) => datasets[item.datasetIndex].data[item.index].url),
    },
  };
}
