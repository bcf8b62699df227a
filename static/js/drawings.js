/* What each kind of chart is, as a configuration for Chart.js: steps, strip, bars. The words come with the data. */
(() => {
  "use strict";
  const lang = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const time = (iso) => new Date(`${iso}T00:00`).getTime();
  const dayWords = writer({ day: "numeric", month: "long", year: "numeric" });
  const monthWords = writer({ month: "short", year: "numeric" });

  /** A writer of dates, made when it is first needed: that takes longer than reading this whole file. */
  function writer(options) {
    let made;
    const make = () => (made ??= new Intl.DateTimeFormat(lang, options));
    return { make, format: (value) => make().format(value) };
  }

  const STILL = { animations: { numbers: false, colors: false } }; // the plugin moves its labels unless told not to

  /* -- shared ------------------------------------------------------------------------------------------ */

  function base(look, padding) {
    return {
      animation: false, // nothing moves without cause, and paper does not wait
      maintainAspectRatio: false,
      devicePixelRatio: Math.max(2, window.devicePixelRatio), // so that a saved picture is sharp
      font: { family: look.face },
      layout: { padding },
      plugins: {
        legend: { display: false },
        tooltip: {
          backgroundColor: look.ink,
          titleColor: look.panel,
          bodyColor: look.panel,
          titleFont: { family: look.face, weight: 600 },
          bodyFont: { family: look.face },
          displayColors: false,
          padding: 8,
          cornerRadius: 4,
        },
      },
    };
  }

  /** The number at a tick, with as many decimals as any tick of the axis needs. Chart.js would ask the browser's own
      writer of numbers, and that takes as long to make as the whole axis. */
  function tickWords(value, _, ticks) {
    const decimalsOf = (tick) => String(Number(tick.value.toFixed(6))).split(".")[1]?.length ?? 0;
    const text = Math.abs(value).toFixed(Math.max(...ticks.map(decimalsOf)));
    const [whole, decimals] = text.split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return (value < 0 ? "−" : "") + (decimals ? `${grouped}.${decimals}` : grouped);
  }

  function axis(look, more = {}) {
    return {
      border: { color: look.edge },
      ...more,
      grid: { color: look.line, drawTicks: false, ...more.grid },
      ticks: {
        color: look.muted,
        font: { family: look.face, size: 12 },
        padding: 6,
        callback: tickWords,
        ...more.ticks,
      },
    };
  }

  function axisTitle(look, text) {
    return { display: Boolean(text), text, color: look.muted, font: { family: look.face, size: 12 } };
  }

  function words(look, content, more) {
    return {
      type: "label",
      content,
      clip: false,
      color: look.ink,
      padding: 0,
      font: { family: look.face, size: 12, weight: 600 },
      ...more,
    };
  }

  /** A point that stands for a record opens it, and the pointer says so. */
  function opens(urlOf) {
    return {
      onClick: (_, [hit]) => {
        const url = hit && urlOf(hit);
        if (url) location.assign(withState(url));
      },
      onHover: (event, [hit]) => {
        event.native.target.style.cursor = hit && urlOf(hit) ? "pointer" : "default";
      },
    };
  }

  /** The day and the language that this page's address names go along, as with every link. */
  function withState(url) {
    const address = new URL(url, location.href);
    const here = new URLSearchParams(location.search);
    ["as_of", "lang"].forEach((key) => {
      if (here.has(key) && !address.searchParams.has(key)) address.searchParams.set(key, here.get(key));
    });
    return address.href;
  }

  /* -- steps: how many, day by day ------------------------------------------------------------------- */

  function series(points, start, end) {
    const line = points.map(({ date, n, names = [] }) => ({ x: time(date), y: n, names }));
    const last = line.length ? line[line.length - 1].y : 0;
    return [{ x: time(start), y: 0 }, ...line, { x: time(end), y: last }];
  }

  /** Flags nearer to each other than their badges are wide stand on different levels. */
  function levels(flags, room) {
    const last = [];
    return flags.map((flag) => {
      const level = last.findIndex((taken) => time(flag.date) - taken > room);
      const own = level < 0 ? last.length : level;
      last[own] = time(flag.date);
      return own;
    });
  }

  function flagLine(look, flag, number, level, lift) {
    return {
      type: "line",
      scaleID: "x",
      value: time(flag.date),
      borderColor: look.second,
      borderWidth: 1,
      borderDash: [3, 3],
      drawTime: "afterDatasetsDraw", // the area under the line would hide it
      label: {
        display: true,
        drawTime: "afterDraw",
        content: String(number),
        position: "start", // of a vertical line: its top
        yAdjust: -20 - lift - level * 19,
        backgroundColor: look.second,
        color: look.panel,
        borderRadius: 9,
        padding: { x: 6, y: 3 },
        font: { family: look.face, size: 11, weight: 600 },
      },
    };
  }

  /** Names in lines short enough for a tooltip. */
  function nameLines(names, most = 44) {
    const rows = [];
    const mark = lang.startsWith("zh") ? "、" : ", ";
    for (const name of names) {
      const row = rows.at(-1);
      if (row && row.length + mark.length + name.length <= most) rows[rows.length - 1] = row + mark + name;
      else rows.push(name);
    }
    return rows;
  }

  function endWords(look, line, name, color, below, lift = 0) {
    const end = line[line.length - 1];
    return words(look, `${name} ${end.y}`.trim(), {
      xValue: end.x,
      yValue: end.y,
      position: { x: "end", y: below ? "start" : "end" },
      yAdjust: (below ? 4 : -4) - lift,
      color,
    });
  }

  function steps(data, look, width) {
    const { labels, flags = [] } = data;
    const issued = series(data.points, data.start, data.end);
    const dated = series(data.dated, data.start, data.end);
    const name = (label) => (innerWidth > 720 ? label : ""); // a phone has a legend under the drawing instead
    const level = levels(flags, ((time(data.end) - time(data.start)) * 22) / Math.max(width - 60, 100));
    const late = time(data.end) - (time(data.end) - time(data.start)) * 0.45;
    const full = issued[issued.length - 1].y > data.max * 0.9; // its name then stands where late badges would
    const lift = full && flags.some((flag) => time(flag.date) > late) ? 22 : 0;
    const close = issued[issued.length - 1].y - dated[dated.length - 1].y < data.max * 0.12;
    const crown = flags.length ? 8 + lift + (Math.max(...level) + 1) * 19 : 18;
    const config = base(look, { top: crown, right: 6 });
    const annotations = flags.map((flag, i) => flagLine(look, flag, i + 1, level[i], lift));
    const low = dated[dated.length - 1].y < data.max * 0.12; // below such a line the words would lie on the axis
    const stacked = data.dated.length && close && low;
    annotations.push(endWords(look, issued, name(labels.issued), look.accent, false, stacked ? 16 : 0));
    if (data.dated.length) annotations.push(endWords(look, dated, name(labels.dated), look.muted, close && !low));
    config.plugins.annotation = { ...STILL, clip: false, annotations };
    config.interaction = { mode: "nearest", axis: "x", intersect: false };
    config.plugins.tooltip.callbacks = {
      title: ([item]) => dayWords.format(item.parsed.x),
      label: (item) => `${item.dataset.label}: ${item.parsed.y} ${labels.of}`,
      afterBody: (items) => nameLines(items.flatMap((item) => item.raw.names ?? [])),
    };
    config.scales = {
      x: axis(look, {
        type: "time",
        min: time(data.start),
        max: time(data.end),
        grid: { display: false },
        time: { minUnit: "month" },
        ticks: { maxRotation: 0, autoSkipPadding: 18, callback: (value) => monthWords.format(value) },
      }),
      y: axis(look, {
        min: 0,
        max: data.max,
        title: axisTitle(look, labels.y),
        ticks: { stepSize: Math.max(1, Math.ceil(data.max / 4)) },
      }),
    };
    const line = { stepped: "before", pointRadius: 0, pointHoverRadius: 4, clip: 3 };
    const datasets = [
      {
        ...line,
        label: labels.dated,
        data: dated,
        borderColor: look.muted,
        backgroundColor: look.muted,
        borderWidth: 1.25,
      },
      {
        ...line,
        label: labels.issued,
        data: issued,
        borderColor: look.accent,
        backgroundColor: look.s1,
        pointBackgroundColor: look.accent,
        borderWidth: 2.5,
        fill: "origin",
      },
    ];
    return {
      type: "line",
      data: { datasets: data.dated.length ? datasets : datasets.slice(1) },
      options: config,
    };
  }

  steps.before = monthWords.make;

  /* -- strip: one dot a record, or a span of days where they are many; one lane a region ----------------- */

  /** Dots of one lane that would touch get different levels: 0, 1, -1, 2, -2 … */
  function fan(points, room) {
    const taken = new Map(); // "lane:level" -> the last day standing there
    return [...points]
      .sort((a, b) => a.days - b.days)
      .map((point) => {
        for (let i = 0; ; i++) {
          const level = i % 2 ? (i + 1) / 2 : -i / 2;
          const key = `${point.lane}:${level}`;
          if (taken.has(key) && point.days - taken.get(key) < room) continue;
          taken.set(key, point.days);
          return { ...point, level };
        }
      });
  }

  /** The days between which a plan must have come, as a thin hollow bar that ends in its dot. */
  function span(look, point) {
    return {
      type: "box",
      drawTime: "beforeDatasetsDraw",
      xMin: point.from,
      xMax: point.days,
      yMin: point.y - 0.045,
      yMax: point.y + 0.045,
      borderColor: look.s4,
      borderWidth: 1,
      borderRadius: 3,
      backgroundColor: look.panel,
    };
  }

  function medianLine(look, data) {
    return {
      type: "line",
      scaleID: "x",
      value: data.median,
      borderColor: look.second,
      borderWidth: 1.5,
      borderDash: [4, 3],
      drawTime: "beforeDatasetsDraw",
      label: {
        display: true,
        drawTime: "afterDraw",
        content: data.labels.median,
        position: "start",
        yAdjust: -18,
        backgroundColor: "transparent",
        color: look.second,
        padding: 2,
        font: { family: look.face, size: 12, weight: 600 },
      },
    };
  }

  /** Round numbers from 0 on, though the axis ends after the last of them: Chart.js would divide it evenly instead. */
  function marks(last) {
    const step = stepOf(last);
    return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => ({ value: i * step }));
  }

  function strip(data, look, width) {
    const last = Math.max(1, ...data.points.map((point) => point.days));
    const most = Math.max(1, ...data.points.map((point) => point.n ?? 1));
    const size = (point) => (point.n ? 3 + 9 * Math.sqrt(point.n / most) : 4.5); // a dot for several pilots: its area
    const placed = fan(data.points, (last * 12) / Math.max(width - 120, 100));
    const high = Math.max(1, ...placed.map((point) => Math.abs(point.level)));
    const step = Math.min(0.2, 0.46 / high); // the highest stack just fills its lane
    const points = placed.map((point) => ({ ...point, x: point.days, y: point.lane + point.level * step }));
    const config = base(look, { top: data.median === null ? 8 : 22, right: 12 });
    const spans = points.filter((point) => point.from !== null && point.from !== undefined);
    const annotations = spans.map((point) => span(look, point));
    if (data.median !== null) annotations.push(medianLine(look, data));
    config.plugins.annotation = { ...STILL, clip: false, annotations };
    config.plugins.tooltip.callbacks = {
      title: (items) => items.map((item) => item.raw.label).join(", "),
      label: (item) => item.raw.text,
    };
    config.scales = {
      x: axis(look, {
        min: 0,
        max: last * 1.03,
        title: axisTitle(look, data.labels.x),
        afterBuildTicks: (scale) => (scale.ticks = marks(last * 1.03)),
        ticks: { maxRotation: 0 },
      }),
      y: axis(look, {
        min: -0.6,
        max: data.lanes.length - 0.4,
        reverse: true,
        afterBuildTicks: (scale) => (scale.ticks = data.lanes.map((_, value) => ({ value }))),
        ticks: { color: look.ink, autoSkip: false, callback: (value) => data.lanes[value] },
      }),
    };
    const dots = {
      data: points,
      radius: points.map(size),
      hoverRadius: points.map((point) => size(point) + 1.5),
      borderWidth: 2,
      borderColor: look.accent,
      hoverBorderColor: look.accent,
      backgroundColor: points.map((point) => (point.certain ? look.accent : look.panel)),
    };
    Object.assign(
      config,
      opens((hit) => points[hit.index].url),
    );
    return { type: "scatter", data: { datasets: [dots] }, options: config };
  }

  /* -- bars: sorted as given; a gap is an outline with a word -------------------------------------- */

  /** A long name on two lines, broken near its middle: at a space where it has spaces. */
  function broken(text, room) {
    if (text.length <= room) return text;
    const middle = Math.ceil(text.length / 2);
    const spaces = [...text.matchAll(/ /g)].map((space) => space.index);
    const at =
      spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0] ??
      (text.length > 2 * room ? middle : room);
    return [text.slice(0, at), text.slice(at).trim()];
  }

  /** Room to the right for the words of those bars that reach far: most words fit over the drawing itself. */
  function overhang(look, data, said, width) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `600 12px ${look.face}`;
    const free = (bar) => (1 - (bar.value || 0) / (data.max || 1)) * width * 0.5;
    return Math.max(8, ...data.bars.map((bar, i) => pen.measureText(said[i]).width + 16 - free(bar)));
  }

  /** 1, 2, 5, 10, 20 …: the first that cuts the axis into five parts or fewer. */
  function stepOf(max) {
    for (let ten = 1; ; ten *= 10) {
      const step = [1, 2, 5].find((digit) => max / (digit * ten) <= 5);
      if (step) return step * ten;
    }
  }

  /** The outline of a bar that ought to be there. */
  function outline(pen, look, left, right, middle, height) {
    pen.strokeStyle = look.second;
    pen.lineWidth = 1.5;
    pen.setLineDash([4, 3]);
    pen.strokeRect(left, middle - height / 2, right - left, height);
  }

  /** What stands beside each bar. Painted here, for a few dozen annotations would hold the page up. */
  function beside(look, data, said, isGap, reach) {
    return {
      id: "beside",
      afterDatasetsDraw(chart) {
        const { ctx: pen, scales } = chart;
        pen.save();
        pen.textBaseline = "middle";
        chart.getDatasetMeta(0).data.forEach(({ y, height }, i) => {
          const gap = isGap(data.bars[i]);
          const end = scales.x.getPixelForValue(gap ? reach : data.bars[i].value || 0);
          if (gap) outline(pen, look, scales.x.getPixelForValue(0), end, y, height);
          pen.font = `${gap ? 600 : 400} 12px ${look.face}`;
          pen.fillStyle = gap ? look.second : look.ink;
          pen.fillText(said[i], end + 7, y);
        });
        pen.restore();
      },
    };
  }

  function bars(data, look, width) {
    const narrow = width < 480;
    const gap = (bar) => bar.mark === "gap" && !bar.value;
    const reach = data.max * 0.04 || 0.1;
    const said = data.bars.map((bar) =>
      gap(bar) ? data.labels.mark : narrow ? String(bar.value ?? "") : bar.text,
    );
    const config = base(look, { top: 4, right: Math.ceil(overhang(look, data, said, width)) });
    config.indexAxis = "y";
    config.plugins.tooltip.callbacks = { label: (item) => data.bars[item.dataIndex].text };
    config.interaction = { mode: "index", axis: "y", intersect: false };
    config.scales = {
      x: axis(look, {
        min: 0,
        max: data.max || 1,
        title: axisTitle(look, data.labels.value),
        afterBuildTicks: (scale) => (scale.ticks = marks(data.max)),
      }),
      y: axis(look, {
        grid: { display: false },
        ticks: {
          color: look.ink,
          autoSkip: false,
          font: { family: look.face, size: narrow ? 11 : 12 },
          callback: (i) => broken(data.bars[i].label, narrow ? 18 : 26),
        },
      }),
    };
    const dataset = {
      data: data.bars.map((bar) => bar.value),
      backgroundColor: data.bars.map((bar) => (bar.mark === "gap" ? look.second : look.accent)),
      barPercentage: 0.72,
      categoryPercentage: 0.9,
    };
    Object.assign(
      config,
      opens((hit) => data.bars[hit.index].url),
    );
    return {
      type: "bar",
      data: { labels: data.bars.map((bar) => bar.label), datasets: [dataset] },
      options: config,
      plugins: [beside(look, data, said, gap, reach)],
    };
  }

  const pens = { base, axis, axisTitle, words, opens, marks, broken, time, dayWords, monthWords, STILL };
  window.tracker = { ...window.tracker, pens, drawings: { steps, strip, bars } }; // other files add their own
})();
