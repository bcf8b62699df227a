/* The co-control coordinates: carbon across, air pollutants up, positive is reduced. Regions carry their names in
   words at the corners, the flat band is shaded, the diagonal marks equal rates, a bubble's area is tonnes of CO2. Both axes have one scale, so that the diagonal rises by 45 degrees. */
(() => {
  "use strict";
  const { pens, drawings } = window.tracker;
  const LARGEST = 22; // px, the radius of the largest bubble
  const ALWAYS_NAMED = 4; // the largest bubbles, which may have their names on others
  const MARKS = {
    co_reduction: ["circle", "green"],
    pollution_down_carbon_up: ["triangle", "yellow"],
    carbon_down_pollution_up: ["rectRot", "yellow"],
    both_up: ["rect", "red"],
    flat: ["circle", "grey"],
  };

  /** What the axes and the words beside them take away from the canvas, in px. */
  const ROOM = { left: 58, bottom: 52, top: 4, right: 14 };

  /** The ends of both axes: all bubbles and the middle lie between them, and a percent is as long across as up. */
  function ends(points, size) {
    const reach = (key) => {
      const values = points.map((point) => point[key]);
      const [low, high] = [Math.min(-2, ...values), Math.max(2, ...values)];
      const air = (high - low) * 0.09;
      return { low: low - air, span: high - low + 2 * air };
    };
    const [x, y] = [reach("x"), reach("y")];
    const unit = Math.min(size.width / x.span, size.height / y.span); // px for a percent
    const spread = (own, length) => {
      const low = own.low - (length / unit - own.span) / 2; // what is left over lies on both sides alike
      return [low, low + length / unit];
    };
    const [left, right] = spread(x, size.width);
    const [bottom, top] = spread(y, size.height);
    return { left, right, bottom, top, unit };
  }

  /** The same round steps on both axes, at least 50 px apart. */
  function ticks(low, high, unit) {
    const step = [1, 2, 5, 10, 20, 50, 100].find((size) => size * unit >= 50) ?? 200;
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => ({ value: (first + i) * step }));
  }

  function band(look, flat, axis) {
    return {
      type: "box",
      drawTime: "beforeDatasetsDraw",
      [`${axis}Min`]: -flat,
      [`${axis}Max`]: flat,
      backgroundColor: `${look.line}80`,
      borderWidth: 0,
    };
  }

  /** Where the rates are equal: as far as both axes reach. */
  function diagonal(look, edge, label) {
    const low = Math.max(edge.left, edge.bottom);
    const high = Math.min(edge.right, edge.top);
    return [
      {
        type: "line",
        drawTime: "beforeDatasetsDraw",
        xMin: low,
        xMax: high,
        yMin: low,
        yMax: high,
        borderColor: look.muted,
        borderWidth: 1,
        borderDash: [5, 4],
      },
      pens.words(look, label, {
        xValue: high * 0.42, // between the middle and the corner, whose name stands at the end of the line
        yValue: high * 0.42,
        position: "center",
        xAdjust: 8,
        yAdjust: 8,
        rotation: -45,
        color: look.muted,
        font: { family: look.face, size: 11 },
      }),
    ];
  }

  /** The name of a region in its corner, in the colour of its class. */
  function corner(look, edge, x, y, label, colour, width) {
    return pens.words(look, pens.broken(label, width < 520 ? 14 : 40), {
      xValue: x > 0 ? edge.right : edge.left,
      yValue: y > 0 ? edge.top : edge.bottom,
      position: { x: x > 0 ? "end" : "start", y: y > 0 ? "start" : "end" },
      xAdjust: x > 0 ? -6 : 6,
      yAdjust: y > 0 ? 6 : -6,
      textAlign: x > 0 ? "right" : "left",
      backgroundColor: look.panel, // the diagonal may end here
      color: look[colour],
    });
  }

  function corners(look, edge, labels, width) {
    return [
      corner(look, edge, 1, 1, labels.co_reduction, "green", width),
      corner(look, edge, -1, 1, labels.pollution_down_carbon_up, "yellow", width),
      corner(look, edge, 1, -1, labels.carbon_down_pollution_up, "yellow", width),
      corner(look, edge, -1, -1, labels.both_up, "red", width),
    ];
  }

  /** Where a name may stand: beside its bubble, above, below, or at a corner of it. */
  function places({ px, py, r }, wide) {
    const gap = r + 4;
    const slant = gap * 0.72;
    return [
      [gap, 0],
      [-gap, 0],
      [0, -gap],
      [0, gap],
      [slant, -slant],
      [-slant, -slant],
      [slant, slant],
      [-slant, slant],
    ].map(([dx, dy]) => {
      const left = px + dx - (dx > 0 ? 0 : dx < 0 ? wide : wide / 2);
      const top = py + dy - (dy > 0 ? 0 : dy < 0 ? 16 : 8);
      const position = {
        x: dx > 0 ? "start" : dx < 0 ? "end" : "center",
        y: dy > 0 ? "start" : dy < 0 ? "end" : "center",
      };
      return { box: [left, top, left + wide, top + 16], position, xAdjust: dx, yAdjust: dy };
    });
  }

  function overlap([a1, b1, a2, b2], [c1, d1, c2, d2]) {
    return Math.max(0, Math.min(a2, c2) - Math.max(a1, c1)) * Math.max(0, Math.min(b2, d2) - Math.max(b1, d1));
  }

  /** Names of the bubbles that stand out, largest first. No name lies on another; one that has no free place is left
      out, but the largest few lie on other bubbles where they hide least. */
  function names(look, points, edge, size) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `12px ${look.face}`;
    const placed = points.map((point) => ({
      ...point,
      px: (point.x - edge.left) * edge.unit,
      py: (edge.top - point.y) * edge.unit,
    }));
    const bubbles = placed.map(({ px, py, r }) => [px - r, py - r, px + r, py + r]);
    const taken = [];
    const inside = ([x1, y1, x2, y2]) => x1 > 0 && y1 > 22 && x2 < size.width && y2 < size.height - 22;
    const covers = (box) => bubbles.reduce((sum, other) => sum + overlap(box, other), 0);
    const clear = ({ box }) => inside(box) && taken.every((other) => !overlap(box, other));
    const wanted = placed.filter((point) => point.named).sort((a, b) => (b.tonnes ?? 0) - (a.tonnes ?? 0));
    return wanted.flatMap((point, rank) => {
      const open = places(point, pen.measureText(point.label).width).filter(clear);
      const best = open.sort((a, b) => covers(a.box) - covers(b.box))[0];
      if (!best || (rank >= ALWAYS_NAMED && covers(best.box))) return [];
      taken.push(best.box);
      const { position, xAdjust, yAdjust } = best;
      const font = { family: look.face, size: 12, weight: 400 };
      return [pens.words(look, point.label, { xValue: point.x, yValue: point.y, position, xAdjust, yAdjust, font })];
    });
  }

  function coordinates(data, look, width, height) {
    const most = Math.max(1, ...data.points.map((point) => point.tonnes ?? 0));
    const points = data.points.map((point) => ({
      ...point,
      r: Math.max(4, LARGEST * (width < 520 ? 0.6 : 1) * Math.sqrt((point.tonnes ?? 0) / most)),
    }));
    const size = {
      width: Math.max(width - ROOM.left - ROOM.right, 100),
      height: Math.max(height - ROOM.top - ROOM.bottom, 100),
    };
    const edge = ends(points, size);
    const config = pens.base(look, { top: ROOM.top, right: ROOM.right });
    config.layout.autoPadding = false; // the plot has exactly the size that its scales are made for
    config.plugins.annotation = {
      ...pens.STILL,
      clip: false,
      annotations: [
        band(look, data.flat, "x"),
        band(look, data.flat, "y"),
        ...diagonal(look, edge, data.labels.diagonal),
        ...corners(look, edge, data.labels, width),
        ...names(look, points, edge, size),
      ],
    };
    config.plugins.tooltip.callbacks = {
      title: ([item]) => item.raw.label,
      label: (item) => item.raw.text,
    };
    config.scales = {
      x: pens.axis(look, {
        min: edge.left,
        max: edge.right,
        title: pens.axisTitle(look, data.labels.x),
        afterBuildTicks: (scale) => (scale.ticks = ticks(edge.left, edge.right, edge.unit)),
        afterFit: (scale) => Object.assign(scale, { height: ROOM.bottom, paddingLeft: 0, paddingRight: 0 }),
        ticks: { maxRotation: 0 },
      }),
      y: pens.axis(look, {
        min: edge.bottom,
        max: edge.top,
        title: pens.axisTitle(look, data.labels.y),
        afterBuildTicks: (scale) => (scale.ticks = ticks(edge.bottom, edge.top, edge.unit)),
        afterFit: (scale) => Object.assign(scale, { width: ROOM.left, paddingTop: 0, paddingBottom: 0 }),
      }),
    };
    const datasets = Object.entries(MARKS).map(([kind, [pointStyle, colour]]) => ({
      label: data.labels[kind],
      data: points.filter((point) => point.kind === kind),
      pointStyle,
      borderColor: look[colour],
      backgroundColor: `${look[colour]}59`, // the token with a third of its cover
      borderWidth: 1.5,
    }));
    Object.assign(
      config,
      pens.opens((hit) => datasets[hit.datasetIndex].data[hit.index].url),
    );
    return { type: "bubble", data: { datasets }, options: config };
  }

  drawings.coordinates = coordinates;
})();
