/* Bars of several parts, one row a stage: stacked where the parts make up a whole, side by side where batches are
   compared. */
(() => {
  "use strict";
  const { pens, drawings } = window.tracker;

  const colours = (look) => [look.accent, look.s3, look.second, look.grey];

  /** In a stack the last series is what stands out. */
  const colourOf = (data, look, series) =>
    data.stacked && series === data.series.length - 1 ? look.second : colours(look)[series % 4];

  /** The words behind each bar: how many of how many. */
  function said(data, look) {
    return data.bars.map((bar, i) =>
      pens.words(look, bar.text, {
        xValue: bar.parts.reduce((sum, part) => sum + part, 0),
        yValue: i,
        position: { x: "start", y: "center" },
        xAdjust: 7,
        font: { family: look.face, size: 12, weight: 400 },
      }),
    );
  }

  function funnel(data, look, width) {
    const narrow = width < 480;
    const config = pens.base(look, { top: 4, right: data.stacked ? 104 : 12 });
    const annotations = data.stacked ? said(data, look) : [];
    config.indexAxis = "y";
    config.plugins.annotation = { ...pens.STILL, clip: false, annotations };
    config.interaction = { mode: "index", axis: "y", intersect: false };
    config.plugins.tooltip.filter = ({ raw }) => !data.stacked || raw > 0;
    config.plugins.tooltip.callbacks = {
      label: ({ datasetIndex: series, dataIndex: row }) => {
        const bar = data.bars[row];
        return `${data.series[series]}: ${bar.texts ? bar.texts[series] : bar.parts[series]}`;
      },
      footer: ([item]) => item && data.bars[item.dataIndex].text,
    };
    config.scales = {
      x: pens.axis(look, {
        stacked: data.stacked,
        min: 0,
        max: data.max || 1,
        title: pens.axisTitle(look, data.labels.value),
        afterBuildTicks: (scale) => (scale.ticks = pens.marks(data.max)),
      }),
      y: pens.axis(look, {
        stacked: data.stacked,
        grid: { display: false },
        ticks: {
          color: look.ink,
          autoSkip: false,
          font: { family: look.face, size: narrow ? 11 : 12 },
          callback: (i) => pens.broken(data.bars[i].label, narrow ? 14 : 26),
        },
      }),
    };
    const datasets = data.series.map((label, series) => ({
      label,
      data: data.bars.map((bar) => bar.parts[series]),
      backgroundColor: colourOf(data, look, series),
      barPercentage: data.stacked ? 0.72 : 0.9,
      categoryPercentage: data.stacked ? 0.9 : 0.8,
    }));
    Object.assign(
      config,
      pens.opens((hit) => data.bars[hit.index].url),
    );
    return { type: "bar", data: { labels: data.bars.map((bar) => bar.label), datasets }, options: config };
  }

  drawings.funnel = funnel;
})();
