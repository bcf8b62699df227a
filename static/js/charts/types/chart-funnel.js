/* Stacked bars of several parts, one row a stage. */
import { axisTitle, breakLabel, openOnClick, roundTicks, rowLabels, textLabel } from "../chart-helpers.js";

function colorOf(data, theme, series) {
  if (data.last_stands_out && series === data.series.length - 1) return theme.second;
  return [theme.accent, theme.s3, theme.second, theme.grey][series % 4];
}

/** The text behind each bar: how many of how many. */
function totalLabels(data, theme) {
  return data.bars.map((bar, i) =>
    textLabel(theme, bar.text, {
      xValue: bar.parts.reduce((sum, part) => sum + part, 0),
      yValue: i,
      position: { x: "start", y: "center" },
      xAdjust: 7,
      font: { family: theme.fontFamily, size: 12, weight: 400 },
    }),
  );
}

export function makeConfig(data, theme, width) {
  const narrow = width < 480;
  const datasets = data.series.map((label, series) => ({
    label,
    data: data.bars.map((bar) => bar.parts[series]),
    backgroundColor: colorOf(data, theme, series),
    barPercentage: 0.72,
    categoryPercentage: 0.9,
  }));
  return {
    type: "bar",
    data: { labels: data.bars.map((bar) => bar.label), datasets },
    options: {
      indexAxis: "y",
      layout: { padding: { top: 4, right: 104 } },
      interaction: { mode: "index", axis: "y", intersect: false },
      plugins: {
        annotation: { annotations: totalLabels(data, theme) },
        tooltip: {
          filter: ({ raw }) => raw > 0,
          callbacks: {
            label: ({ datasetIndex: series, dataIndex: row }) => {
              const bar = data.bars[row];
              return `${data.series[series]}: ${bar.texts ? bar.texts[series] : bar.parts[series]}`;
            },
            footer: ([item]) => item && data.bars[item.dataIndex].text,
          },
        },
      },
      scales: {
        x: {
          stacked: true,
          min: 0,
          max: data.max || 1,
          title: axisTitle(data.labels.value),
          afterBuildTicks: (scale) => (scale.ticks = roundTicks(data.max)),
        },
        y: {
          stacked: true,
          grid: { display: false },
          ticks: rowLabels(theme, narrow ? 11 : 12, (i) => breakLabel(data.bars[i].label, narrow ? 14 : 26)),
        },
      },
      ...openOnClick((item) => data.bars[item.index].url),
    },
  };
}
