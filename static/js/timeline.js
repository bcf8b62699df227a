/* Milestones on one axis of time: an open mark where each was planned, a filled one where it was done, and a bar
   between the two, or up to the day shown, where it is late. */
(() => {
  "use strict";
  const { pens, drawings } = window.tracker;

  function late(look, row, index) {
    const colour = { red: look.red, yellow: look.yellow, blue: look.blue }[row.tag] ?? look.grey;
    return {
      type: "box",
      drawTime: "beforeDatasetsDraw",
      xMin: pens.time(row.planned),
      xMax: pens.time(row.until),
      yMin: index - 0.1,
      yMax: index + 0.1,
      borderWidth: 0,
      backgroundColor: colour,
    };
  }

  function today(look, data) {
    return {
      type: "line",
      scaleID: "x",
      value: pens.time(data.today),
      borderColor: look.muted,
      borderWidth: 1,
      borderDash: [4, 3],
      drawTime: "beforeDatasetsDraw",
      label: {
        display: true,
        drawTime: "afterDraw",
        content: data.labels.today,
        position: "start",
        yAdjust: -18,
        backgroundColor: "transparent",
        color: look.muted,
        padding: 2,
        font: { family: look.face, size: 12, weight: 600 },
      },
    };
  }

  function marks(data, look) {
    const at = (row, y, day) => ({ x: pens.time(day), y, row });
    const dot = { borderWidth: 2, hoverRadius: 7, borderColor: look.accent };
    const style = data.rows.map((row) => (row.key ? "rectRot" : "circle"));
    const done = data.rows.flatMap((row, y) => (row.actual ? [at(row, y, row.actual)] : []));
    return [
      {
        ...dot,
        label: data.labels.actual,
        data: done,
        backgroundColor: look.accent,
        radius: done.map(({ row }) => (row.key ? 7 : 4.5)),
        pointStyle: done.map(({ row }) => (row.key ? "rectRot" : "circle")),
      },
      {
        ...dot,
        label: data.labels.planned,
        data: data.rows.map((row, y) => at(row, y, row.planned)),
        backgroundColor: look.panel,
        radius: data.rows.map((row) => (row.key ? 7 : 4.5)),
        pointStyle: style,
      },
    ];
  }

  function timeline(data, look, width) {
    const narrow = width < 560;
    const config = pens.base(look, { top: 22, right: 14 });
    const annotations = data.rows.flatMap((row, i) => (row.until ? [late(look, row, i)] : []));
    const air = (pens.time(data.end) - pens.time(data.start)) * 0.03 || 864e5;
    config.plugins.annotation = { ...pens.STILL, clip: false, annotations: [...annotations, today(look, data)] };
    config.plugins.tooltip.callbacks = {
      title: ([item]) => item.raw.row.label,
      label: (item) => `${item.dataset.label}: ${pens.dayWords.format(item.raw.x)}`,
      footer: ([item]) => item.raw.row.text,
    };
    config.scales = {
      x: pens.axis(look, {
        type: "time",
        min: pens.time(data.start) - air,
        max: pens.time(data.end) + air,
        time: { minUnit: "month" },
        ticks: {
          maxRotation: 0,
          autoSkipPadding: 18,
          callback: (value) => pens.monthWords.format(value),
        },
      }),
      y: pens.axis(look, {
        min: -0.7,
        max: data.rows.length - 0.3,
        reverse: true,
        grid: { display: false },
        afterBuildTicks: (scale) => (scale.ticks = data.rows.map((_, value) => ({ value }))),
        ticks: {
          color: look.ink,
          autoSkip: false,
          font: { family: look.face, size: narrow ? 11 : 12 },
          callback: (value) => pens.broken(data.rows[value].label, narrow ? 16 : 34),
        },
      }),
    };
    return { type: "scatter", data: { datasets: marks(data, look) }, options: config };
  }

  timeline.before = pens.monthWords.make;
  drawings.timeline = timeline;
})();
