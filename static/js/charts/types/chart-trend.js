/* The values of one indicator over the years, the dashed path to its target, and what was expected by now. */
import { LONG_DASHED, textLabel } from "../chart-helpers.js";

/** The level line of a limit, or of a base year value that is to be maintained. */
function boundLine(theme, value) {
  return {
    type: "line",
    scaleID: "y",
    value,
    borderColor: theme.second,
    borderWidth: 1.5,
    borderDash: LONG_DASHED,
  };
}

/** The target in words where its path ends. */
function targetLabel(theme, data) {
  const end = data.path.at(-1);
  const falls = end.y < data.path[0].y; // the label stands clear of the line
  return textLabel(theme, data.labels.target, {
    xValue: end.x,
    yValue: end.y,
    position: { x: "end", y: falls ? "start" : "end" },
    yAdjust: falls ? 6 : -6,
    color: theme.second,
  });
}

/** The last accepted value at its point, on the side where the dashed path is not. */
function lastLabels(theme, data) {
  const last = data.points.filter((point) => point.accepted).pop();
  if (!last || !data.labels.last) return [];
  const expected = data.expected?.y ?? data.bounds.at(-1) ?? data.path.at(-1)?.y ?? last.y;
  const below = last.y < expected;
  return [
    textLabel(theme, data.labels.last, {
      xValue: last.x,
      yValue: last.y,
      position: { x: "center", y: below ? "start" : "end" },
      yAdjust: below ? 9 : -9,
      color: theme.accent,
    }),
  ];
}

/** From the first year on record to the last, with some margin on both sides. */
function yearRange(data) {
  const years = [...data.points, ...data.path, data.base, data.expected].filter(Boolean).map((point) => point.x);
  return { min: Math.min(...years) - 0.3, max: Math.max(...years) + 0.3 };
}

function yearTicks({ min, max }) {
  const first = Math.ceil(min);
  return Array.from({ length: Math.floor(max) - first + 1 }, (_, i) => ({ value: first + i }));
}

function datasetsOf(data, theme) {
  const accepted = data.points.filter((point) => point.accepted);
  const open = data.points.filter((point) => !point.accepted);
  const start = data.base && !accepted.some((point) => point.x <= data.base.x) ? [data.base] : [];
  const dot = { radius: 4.5, hoverRadius: 6, borderWidth: 2, borderColor: theme.accent };
  return [
    {
      ...dot,
      label: data.labels.actual,
      data: [...start, ...accepted].sort((a, b) => a.x - b.x),
      showLine: true,
      tension: 0,
      backgroundColor: theme.accent,
    },
    { ...dot, label: data.labels.open, data: open, backgroundColor: theme.panel },
    {
      label: data.labels.path,
      data: data.path,
      showLine: true,
      borderColor: theme.second,
      borderWidth: 1.5,
      borderDash: LONG_DASHED,
      radius: 0,
      hoverRadius: 3,
      order: 2,
    },
    {
      label: data.labels.expected,
      data: data.expected ? [data.expected] : [],
      pointStyle: "rectRot",
      radius: 6,
      hoverRadius: 7,
      borderWidth: 2,
      borderColor: theme.second,
      backgroundColor: theme.panel,
      order: 1,
    },
  ];
}

export function makeConfig(data, theme) {
  const range = yearRange(data);
  return {
    type: "scatter",
    data: { datasets: datasetsOf(data, theme) },
    options: {
      layout: { padding: { top: 14, right: 14 } },
      plugins: {
        annotation: {
          annotations: [
            ...data.bounds.map((value) => boundLine(theme, value)),
            ...(data.path.length && data.labels.target ? [targetLabel(theme, data)] : []),
            ...lastLabels(theme, data),
          ],
        },
        tooltip: {
          callbacks: {
            title: ([item]) => item.raw.label || String(item.raw.x),
            label: (item) => item.raw.text || `${item.dataset.label}: ${item.formattedValue}`,
          },
        },
      },
      scales: {
        x: {
          type: "linear",
          ...range,
          grid: { display: false },
          afterBuildTicks: (scale) => (scale.ticks = yearTicks(range)),
          ticks: { callback: (value) => String(value), maxRotation: 0 },
        },
        y: { min: data.axis.min, max: data.axis.max, ticks: { stepSize: data.axis.step } },
      },
    },
  };
}
