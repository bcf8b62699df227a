/* The values of one indicator over the years, the dashed way to its target, and what was due by now. */
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

  /** The lines need no zero, but the highest and lowest value need some air. */
  function heights(data) {
    const marks = [...data.points, ...data.path, data.base, data.expected].filter(Boolean);
    const values = [...marks.map((mark) => mark.y), ...(data.bound === null ? [] : [data.bound])];
    const low = Math.min(...values);
    const high = Math.max(...values);
    const air = (high - low) * 0.18 || Math.abs(high) * 0.1 || 1;
    return { min: low >= 0 ? Math.max(0, low - air) : low - air, max: high + air };
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
    const { min: low, max: high } = heights(data);
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
        min: low,
        max: high,
        ticks: { maxTicksLimit: 5, includeBounds: false },
      }),
    };
    return { type: "scatter", data: { datasets: series(data, look) }, options: config };
  }

  drawings.trend = trend;
})();
