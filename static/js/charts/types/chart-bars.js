/* Horizontal bars, sorted as given, with a text beside each; a gap is a dashed outline. */
import { axisTitle, breakLabel, DASHED, openOnClick, roundTicks, rowLabels, textMeasure } from "../chart-helpers.js";

/** Room to the right for the texts of those bars that reach far: most texts fit on the drawing itself. */
function roomForTexts(theme, data, texts, width) {
  const measure = textMeasure(`600 12px ${theme.fontFamily}`);
  const freeOf = (bar) => (1 - (bar.value || 0) / (data.max || 1)) * width * 0.5;
  return Math.max(8, ...data.bars.map((bar, i) => measure(texts[i]) + 16 - freeOf(bar)));
}

/** The outline of a bar that is missing. */
function strokeOutline(context, theme, left, right, middle, height) {
  context.strokeStyle = theme.second;
  context.lineWidth = 1.5;
  context.setLineDash(DASHED);
  context.strokeRect(left, middle - height / 2, right - left, height);
}

/** A plugin that draws the text beside each bar. A few dozen annotations would block the page. */
function barTexts(theme, data, texts, isGap, gapWidth) {
  return {
    id: "barTexts",
    afterDatasetsDraw(chart) {
      const { ctx: context, scales } = chart;
      context.save();
      context.textBaseline = "middle";
      chart.getDatasetMeta(0).data.forEach(({ y, height }, i) => {
        const gap = isGap(data.bars[i]);
        const end = scales.x.getPixelForValue(gap ? gapWidth : data.bars[i].value || 0);
        if (gap) strokeOutline(context, theme, scales.x.getPixelForValue(0), end, y, height);
        context.font = `${gap ? 600 : 400} 12px ${theme.fontFamily}`;
        context.fillStyle = gap ? theme.second : theme.ink;
        context.fillText(texts[i], end + 7, y);
      });
      context.restore();
    },
  };
}

export function makeConfig(data, theme, width) {
  const narrow = width < 480;
  const isGap = (bar) => bar.mark === "gap" && !bar.value;
  const textOf = (bar) => (narrow ? String(bar.value ?? "") : bar.text);
  const texts = data.bars.map((bar) => (isGap(bar) ? data.labels.mark : textOf(bar)));
  const dataset = {
    data: data.bars.map((bar) => bar.value),
    backgroundColor: data.bars.map((bar) => (bar.mark === "gap" ? theme.second : theme.accent)),
    barPercentage: 0.72,
    categoryPercentage: 0.9,
  };
  return {
    type: "bar",
    data: { labels: data.bars.map((bar) => bar.label), datasets: [dataset] },
    options: {
      indexAxis: "y",
      layout: { padding: { top: 4, right: Math.ceil(roomForTexts(theme, data, texts, width)) } },
      interaction: { mode: "index", axis: "y", intersect: false },
      plugins: { tooltip: { callbacks: { label: (item) => data.bars[item.dataIndex].text } } },
      scales: {
        x: {
          min: 0,
          max: data.max || 1,
          title: axisTitle(data.labels.value),
          afterBuildTicks: (scale) => (scale.ticks = roundTicks(data.max)),
        },
        y: {
          grid: { display: false },
          ticks: rowLabels(theme, narrow ? 11 : 12, (i) => breakLabel(data.bars[i].label, narrow ? 18 : 26)),
        },
      },
      ...openOnClick((item) => data.bars[item.index].url),
    },
    plugins: [barTexts(theme, data, texts, isGap, data.max * 0.04 || 0.1)],
  };
}
