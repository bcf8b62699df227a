/* Milestones on a time axis: an open point where each was planned, a filled one where it was done, and a bar between the
   two, or up to the as-of date, where it is late. */
import {
  breakLabel,
  dayFormat,
  monthFormat,
  rowLabels,
  rowTicks,
  timeAxis,
  timeOf,
  verticalLine,
} from "../chart-helpers.js";

export const { prepare } = monthFormat;

const DAY = 864e5; // ms

function delayBox(theme, row, index) {
  return {
    type: "box",
    drawTime: "beforeDatasetsDraw",
    xMin: timeOf(row.planned),
    xMax: timeOf(row.until),
    yMin: index - 0.1,
    yMax: index + 0.1,
    borderWidth: 0,
    backgroundColor: { red: theme.red, yellow: theme.yellow, blue: theme.blue }[row.tag] ?? theme.grey,
  };
}

/** Key milestones are larger diamonds, the others circles. */
function datasetOf(theme, label, rows, dayOf, backgroundColor) {
  const points = rows.flatMap((row, y) => (dayOf(row) ? [{ x: timeOf(dayOf(row)), y, row }] : []));
  return {
    label,
    data: points,
    borderWidth: 2,
    hoverRadius: 7,
    borderColor: theme.accent,
    backgroundColor,
    radius: points.map(({ row }) => (row.key ? 7 : 4.5)),
    pointStyle: points.map(({ row }) => (row.key ? "rectRot" : "circle")),
  };
}

export function makeConfig(data, theme, width) {
  const narrow = width < 560;
  const { labels, rows } = data;
  const [start, end] = [timeOf(data.start), timeOf(data.end)];
  const margin = (end - start) * 0.03 || DAY;
  return {
    type: "scatter",
    data: {
      datasets: [
        datasetOf(theme, labels.actual, rows, (row) => row.actual, theme.accent),
        datasetOf(theme, labels.planned, rows, (row) => row.planned, theme.panel),
      ],
    },
    options: {
      layout: { padding: { top: 22, right: 14 } },
      plugins: {
        annotation: {
          annotations: [
            ...rows.flatMap((row, i) => (row.until ? [delayBox(theme, row, i)] : [])),
            verticalLine(theme, timeOf(data.today), labels.today, theme.muted, 1),
          ],
        },
        tooltip: {
          callbacks: {
            title: ([item]) => item.raw.row.label,
            label: (item) => `${item.dataset.label}: ${dayFormat.format(item.raw.x)}`,
            footer: ([item]) => item.raw.row.text,
          },
        },
      },
      scales: {
        x: timeAxis(start - margin, end + margin),
        y: {
          min: -0.7,
          max: rows.length - 0.3,
          reverse: true,
          grid: { display: false },
          afterBuildTicks: (scale) => (scale.ticks = rowTicks(rows)),
          ticks: rowLabels(theme, narrow ? 11 : 12, (value) => breakLabel(rows[value].label, narrow ? 16 : 34)),
        },
      },
    },
  };
}
