/* A strip plot: one dot a record; one row a region. */
import { axisTitle, openOnClick, roundTicks, rowTicks, verticalLine } from "../chart-helpers.js";

/** Dots of one row that would touch get different levels: 0, 1, -1, 2, -2 … */
function spread(points, distance) {
  const lastDays = new Map(); // "row:level" -> the day of its last dot
  return [...points]
    .sort((a, b) => a.days - b.days)
    .map((point) => {
      for (let i = 0; ; i++) {
        const level = i % 2 ? (i + 1) / 2 : -i / 2;
        const key = `${point.lane}:${level}`;
        if (lastDays.has(key) && point.days - lastDays.get(key) < distance) continue;
        lastDays.set(key, point.days);
        return { ...point, level };
      }
    });
}

/** The days between which a plan must have been issued, as a thin hollow bar that ends in its dot. */
function spanBox(theme, point) {
  return {
    type: "box",
    drawTime: "beforeDatasetsDraw",
    xMin: point.from,
    xMax: point.days,
    yMin: point.y - 0.045,
    yMax: point.y + 0.045,
    borderColor: theme.s4,
    borderWidth: 1,
    borderRadius: 3,
    backgroundColor: theme.panel,
  };
}

export function makeConfig(data, theme, width) {
  const hasMedian = data.median !== null;
  const lastDay = Math.max(1, ...data.points.map((point) => point.days));
  const placed = spread(data.points, (lastDay * 12) / Math.max(width - 120, 100));
  const highest = Math.max(1, ...placed.map((point) => Math.abs(point.level)));
  const step = Math.min(0.2, 0.46 / highest); // the highest stack just fills its row
  const points = placed.map((point) => ({ ...point, x: point.days, y: point.lane + point.level * step }));
  const spans = points.filter((point) => point.from !== null && point.from !== undefined);
  const dots = {
    data: points,
    radius: 4.5,
    hoverRadius: 6,
    borderWidth: 2,
    borderColor: theme.accent,
    hoverBorderColor: theme.accent,
    backgroundColor: points.map((point) => (point.certain ? theme.accent : theme.panel)),
  };
  return {
    type: "scatter",
    data: { datasets: [dots] },
    options: {
      layout: { padding: { top: hasMedian ? 22 : 8, right: 12 } },
      plugins: {
        annotation: {
          annotations: [
            ...spans.map((point) => spanBox(theme, point)),
            ...(hasMedian ? [verticalLine(theme, data.median, data.labels.median, theme.second, 1.5)] : []),
          ],
        },
        tooltip: {
          callbacks: {
            title: (items) => items.map((item) => item.raw.label).join(", "),
            label: (item) => item.raw.text,
          },
        },
      },
      scales: {
        x: {
          min: 0,
          max: lastDay * 1.03,
          title: axisTitle(data.labels.x),
          afterBuildTicks: (scale) => (scale.ticks = roundTicks(lastDay * 1.03)),
          ticks: { maxRotation: 0 },
        },
        y: {
          min: -0.6,
          max: data.lanes.length - 0.4,
          reverse: true,
          afterBuildTicks: (scale) => (scale.ticks = rowTicks(data.lanes)),
          ticks: { color: theme.ink, autoSkip: false, callback: (value) => data.lanes[value] },
        },
      },
      ...openOnClick((item) => points[item.index].url),
    },
  };
}
