/* The adoption curve: how many, day by day, as steps; numbered flags stand for events. */
import { axisTitle, dayFormat, isChinese, monthFormat, textLabel, timeAxis, timeOf } from "../chart-helpers.js";

export const { prepare } = monthFormat;

const BADGE_WIDTH = 22; // px of a flag
const BADGE_HEIGHT = 19;

function stepsOf(points, start, end) {
  const line = points.map(({ date, n, names = [] }) => ({ x: timeOf(date), y: n, names }));
  return [{ x: timeOf(start), y: 0 }, ...line, { x: timeOf(end), y: line.at(-1)?.y ?? 0 }];
}

/** The level of each flag: flags nearer to each other than their badges are wide stand on different levels. */
function flagLevels(flags, distance) {
  const lastTimes = [];
  return flags.map((flag) => {
    const free = lastTimes.findIndex((time) => timeOf(flag.date) - time > distance);
    const level = free < 0 ? lastTimes.length : free;
    lastTimes[level] = timeOf(flag.date);
    return level;
  });
}

function flagLine(theme, flag, number, level, lift) {
  return {
    type: "line",
    scaleID: "x",
    value: timeOf(flag.date),
    borderColor: theme.second,
    borderWidth: 1,
    borderDash: [3, 3],
    drawTime: "afterDatasetsDraw", // the area under the line would hide it
    label: {
      display: true,
      drawTime: "afterDraw",
      content: String(number),
      position: "start", // of a vertical line: its top
      yAdjust: -20 - lift - level * BADGE_HEIGHT,
      backgroundColor: theme.second,
      color: theme.panel,
      borderRadius: 9,
      padding: { x: 6, y: 3 },
      font: { family: theme.fontFamily, size: 11, weight: 600 },
    },
  };
}

/** Names in lines short enough for a tooltip. */
function nameLines(names, maxLength = 44) {
  const lines = [];
  const separator = isChinese ? "、" : ", ";
  for (const name of names) {
    const line = lines.at(-1);
    if (line && line.length + separator.length + name.length <= maxLength)
      lines[lines.length - 1] = line + separator + name;
    else lines.push(name);
  }
  return lines;
}

/** The name and the last value of a line, at its end. */
function endLabel(theme, line, name, color, below, lift = 0) {
  const end = line.at(-1);
  return textLabel(theme, `${name} ${end.y}`.trim(), {
    xValue: end.x,
    yValue: end.y,
    position: { x: "end", y: below ? "start" : "end" },
    yAdjust: (below ? 4 : -4) - lift,
    color,
  });
}

/** The labels at the ends of both lines, which keep clear of each other and of the axis. */
function endLabels(theme, data, issued, dated) {
  const { labels, max } = data;
  const nameOf = (label) => (innerWidth > 720 ? label : ""); // a phone has a legend under the drawing instead
  const isClose = issued.at(-1).y - dated.at(-1).y < max * 0.12;
  const isLow = dated.at(-1).y < max * 0.12; // below such a line the label would lie on the axis
  const hasDated = data.dated.length > 0;
  const issuedLift = hasDated && isClose && isLow ? 16 : 0;
  return [
    endLabel(theme, issued, nameOf(labels.issued), theme.accent, false, issuedLift),
    ...(hasDated ? [endLabel(theme, dated, nameOf(labels.dated), theme.muted, isClose && !isLow)] : []),
  ];
}

/** By how much flags are lifted: above the name of a line that ends at the top. */
function flagLift(data, issued) {
  const [start, end] = [timeOf(data.start), timeOf(data.end)];
  const late = end - (end - start) * 0.45;
  const isFull = issued.at(-1).y > data.max * 0.9; // its name then stands where late badges would
  return isFull && data.flags.some((flag) => timeOf(flag.date) > late) ? 22 : 0;
}

function datasetsOf(data, theme, issued, dated) {
  const line = { stepped: "before", pointRadius: 0, pointHoverRadius: 4, clip: 3 };
  const datedLine = {
    ...line,
    label: data.labels.dated,
    data: dated,
    borderColor: theme.muted,
    backgroundColor: theme.muted,
    borderWidth: 1.25,
  };
  const issuedLine = {
    ...line,
    label: data.labels.issued,
    data: issued,
    borderColor: theme.accent,
    backgroundColor: theme.s1,
    pointBackgroundColor: theme.accent,
    borderWidth: 2.5,
    fill: "origin",
  };
  return data.dated.length ? [datedLine, issuedLine] : [issuedLine];
}

export function makeConfig(data, theme, width) {
  const { labels, flags = [], max } = data;
  const issued = stepsOf(data.points, data.start, data.end);
  const dated = stepsOf(data.dated, data.start, data.end);
  const [start, end] = [timeOf(data.start), timeOf(data.end)];
  const levels = flagLevels(flags, ((end - start) * BADGE_WIDTH) / Math.max(width - 60, 100));
  const lift = flagLift({ ...data, flags }, issued);
  const annotations = [
    ...flags.map((flag, i) => flagLine(theme, flag, i + 1, levels[i], lift)),
    ...endLabels(theme, data, issued, dated),
  ];
  return {
    type: "line",
    data: { datasets: datasetsOf(data, theme, issued, dated) },
    options: {
      layout: { padding: { top: flags.length ? 8 + lift + (Math.max(...levels) + 1) * BADGE_HEIGHT : 18, right: 6 } },
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: {
        annotation: { annotations },
        tooltip: {
          callbacks: {
            title: ([item]) => dayFormat.format(item.parsed.x),
            label: (item) => `${item.dataset.label}: ${item.parsed.y} ${labels.of}`,
            afterBody: (items) => nameLines(items.flatMap((item) => item.raw.names ?? [])),
          },
        },
      },
      scales: {
        x: { ...timeAxis(start, end), grid: { display: false } },
        y: { min: 0, max, title: axisTitle(labels.y), ticks: { stepSize: Math.max(1, Math.ceil(max / 4)) } },
      },
    },
  };
}
