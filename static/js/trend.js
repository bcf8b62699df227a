/* The values of one indicator over the years, the dashed way to its target, and what was due by now; and, in a frame of
   their own, its quarters beside those of the year before. */
(() => {
  "use strict";
  const { pens, drawings } = window.tracker;

  /** The level line of a limit, or of a base that is to be kept. */
  function level(look, data) {
    return {
      type: "line",
      scaleID: "y",
      value: data.bound,
      borderColor: look.second,
      borderWidth: 1.5,
      borderDash: [5, 4],
    };
  }

  /** The target stands in words where its line ends. */
  function aim(look, data) {
    const end = data.path[data.path.length - 1];
    const falls = end.y < data.path[0].y; // the words stand clear of the line
    return pens.words(look, data.labels.target, {
      xValue: end.x,
      yValue: end.y,
      position: { x: "end", y: falls ? "start" : "end" },
      yAdjust: falls ? 6 : -6,
      color: look.second,
    });
  }

  /** From the first year on record to the last, with some air on both sides. */
  function reach(data) {
    const marks = [...data.points, ...data.path, data.base, data.expected].filter(Boolean);
    const years = marks.map((mark) => mark.x);
    return { min: Math.min(...years) - 0.3, max: Math.max(...years) + 0.3, years };
  }

  /** The last accepted value stands at its point, on the side where the dashed way is not. */
  function lastWords(look, data) {
    const last = data.points.filter((point) => point.accepted).pop();
    if (!last || !data.labels.last) return [];
    const due = data.expected?.y ?? data.bound ?? data.path[data.path.length - 1]?.y ?? last.y;
    const below = last.y < due;
    return [
      pens.words(look, data.labels.last, {
        xValue: last.x,
        yValue: last.y,
        position: { x: "center", y: below ? "start" : "end" },
        yAdjust: below ? 9 : -9,
        color: look.accent,
      }),
    ];
  }

  function series(data, look) {
    const accepted = data.points.filter((point) => point.accepted);
    const open = data.points.filter((point) => !point.accepted);
    const start = data.base && !accepted.some((point) => point.x <= data.base.x) ? [data.base] : [];
    const dot = { radius: 4.5, hoverRadius: 6, borderWidth: 2, borderColor: look.accent };
    const line = { showLine: true, borderColor: look.accent, borderWidth: 2, tension: 0 };
    return [
      {
        ...dot,
        ...line,
        label: data.labels.actual,
        data: [...start, ...accepted].sort((a, b) => a.x - b.x),
        backgroundColor: look.accent,
      },
      { ...dot, label: data.labels.open, data: open, backgroundColor: look.panel },
      {
        label: data.labels.path,
        data: data.path,
        showLine: true,
        borderColor: look.second,
        borderWidth: 1.5,
        borderDash: [5, 4],
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
        borderColor: look.second,
        backgroundColor: look.panel,
        order: 1,
      },
    ];
  }

  function trend(data, look) {
    const config = pens.base(look, { top: 14, right: 14 });
    const annotations = data.bound === null ? [] : [level(look, data)];
    if (data.path.length && data.labels.target) annotations.push(aim(look, data));
    const { min, max } = reach(data);
    annotations.push(...lastWords(look, data));
    config.plugins.annotation = { ...pens.STILL, clip: false, annotations };
    config.plugins.tooltip.callbacks = {
      title: ([item]) => item.raw.label || String(item.raw.x),
      label: (item) => item.raw.text || `${item.dataset.label}: ${item.formattedValue}`,
    };
    config.scales = {
      x: pens.axis(look, {
        type: "linear",
        min,
        max,
        grid: { display: false },
        afterBuildTicks: (scale) => {
          const first = Math.ceil(min);
          scale.ticks = Array.from({ length: Math.floor(max) - first + 1 }, (_, i) => ({ value: first + i }));
        },
        ticks: { callback: (value) => String(value), maxRotation: 0 },
      }),
      y: pens.axis(look, {
        min: data.axis.min,
        max: data.axis.max,
        ticks: { stepSize: data.axis.step },
      }),
    };
    return { type: "scatter", data: { datasets: series(data, look) }, options: config };
  }

  /* -- quarters ---------------------------------------------------------------------------------------- */

  /** The latest year in full colour, the year before it paler; what is not accepted is an outline. */
  function quarterBars(data, look) {
    const colours = [look.s3, look.accent].slice(-data.series.length);
    return data.series.map((year, i) => ({
      label: year.label,
      data: year.values,
      backgroundColor: year.accepted.map((accepted) => (accepted === false ? look.panel : colours[i])),
      borderColor: colours[i],
      borderWidth: 1.5,
      barPercentage: 0.92,
      categoryPercentage: 0.7,
    }));
  }

  /** The value above each bar of the latest year, where there is room for it. */
  function quarterWords(data, look) {
    const year = data.series[data.series.length - 1];
    const aside = data.series.length > 1 ? 0.18 : 0;
    return year.values.flatMap((value, at) =>
      value === null
        ? []
        : [
            pens.words(look, year.short[at], {
              xValue: at + aside,
              yValue: value,
              position: { x: "center", y: "end" },
              yAdjust: -4,
              font: { family: look.face, size: 11, weight: 600 },
            }),
          ],
    );
  }

  function quarters(data, look, width) {
    const config = pens.base(look, { top: 18, right: 10 });
    const annotations = width < 320 ? [] : quarterWords(data, look);
    config.plugins.annotation = { ...pens.STILL, clip: false, annotations };
    config.interaction = { mode: "index", axis: "x", intersect: false };
    config.plugins.tooltip.callbacks = {
      label: ({ datasetIndex, dataIndex }) =>
        `${data.series[datasetIndex].label}: ${data.series[datasetIndex].texts[dataIndex]}`,
    };
    config.scales = {
      x: pens.axis(look, { grid: { display: false }, ticks: { callback: (at) => data.labels[at], maxRotation: 0 } }),
      y: pens.axis(look, { min: 0, ticks: { maxTicksLimit: 5 } }),
    };
    return { type: "bar", data: { labels: data.labels, datasets: quarterBars(data, look) }, options: config };
  }

  drawings.trend = trend;
  drawings.quarters = quarters;
})();
