/* The quarters of one indicator beside those of the year before. */
import { textLabel } from "../chart-helpers.js";

/** The latest year in full colour, the year before it paler; what is not accepted is an outline. */
function datasetsOf(data, theme) {
  const colors = [theme.s3, theme.accent].slice(-data.series.length);
  return data.series.map((year, i) => ({
    label: year.label,
    data: year.values,
    backgroundColor: year.accepted.map((accepted) => (accepted === false ? theme.panel : colors[i])),
    borderColor: colors[i],
    borderWidth: 1.5,
    barPercentage: 0.92,
    categoryPercentage: 0.7,
  }));
}

/** The value above each bar of the latest year. */
function valueLabels(data, theme) {
  const year = data.series.at(-1);
  const offset = data.series.length > 1 ? 0.18 : 0;
  return year.values.flatMap((value, quarter) =>
    value === null
      ? []
      : [
          textLabel(theme, year.short[quarter], {
            xValue: quarter + offset,
            yValue: value,
            position: { x: "center", y: "end" },
            yAdjust: -4,
            font: { family: theme.fontFamily, size: 11, weight: 600 },
          }),
        ],
  );
}

export function makeConfig(data, theme, width) {
  return {
    type: "bar",
    data: { labels: data.labels, datasets: datasetsOf(data, theme) },
    options: {
      layout: { padding: { top: 18, right: 10 } },
      interaction: { mode: "index", axis: "x", intersect: false },
      plugins: {
        annotation: { annotations: width < 320 ? [] : valueLabels(data, theme) }, // too narrow for them
        tooltip: {
          callbacks: {
            label: ({ datasetIndex, dataIndex }) =>
              `${data.series[datasetIndex].label}: ${data.series[datasetIndex].texts[dataIndex]}`,
          },
        },
      },
      scales: {
        x: { grid: { display: false }, ticks: { callback: (index) => data.labels[index], maxRotation: 0 } },
        y: { min: 0, ticks: { maxTicksLimit: 5 } },
      },
    },
  };
}
