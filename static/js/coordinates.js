/* The co-control coordinates: carbon across, air pollutants up, positive is reduced. Regions carry their names in
   words at the corners, the flat band is shaded, the diagonal marks equal rates, a bubble's area is tonnes of CO2. */
(() => {
  "use strict";
  const { pens, drawings } = window.tracker;
  const LARGEST = 22; // px, the radius of the largest bubble
  const MARKS = {
    co_reduction: ["circle", "green"],
    pollution_down_carbon_up: ["triangle", "yellow"],
    carbon_down_pollution_up: ["rectRot", "yellow"],
    both_up: ["rect", "red"],
    flat: ["circle", "grey"],
  };

  /** A round end of both axes a little beyond the furthest point, the same unit across and up. */
  function ends(points) {
    const end = (values, sign) => {
      const far = Math.max(2, ...values.map((value) => value * sign));
      return sign * (Math.ceil((far * 1.15) / 2) * 2);
    };
    const x = points.map((point) => point.x);
    const y = points.map((point) => point.y);
    return { left: end(x, -1), right: end(x, 1), bottom: end(y, -1), top: end(y, 1) };
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
        xValue: high,
        yValue: high,
        position: { x: "end", y: "start" },
        xAdjust: -4,
        yAdjust: 16,
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

  /** Names beside the bubbles that stand out; a name that would lie on another, or outside, is left out. */
  function names(look, points, edge, size) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `12px ${look.face}`;
    const px = (value) => ((value - edge.left) / (edge.right - edge.left)) * size.width;
    const py = (value) => (1 - (value - edge.bottom) / (edge.top - edge.bottom)) * size.height;
    const taken = points.map((p) => [px(p.x) - p.r, py(p.y) - p.r, px(p.x) + p.r, py(p.y) + p.r]);
    const inside = ([x1, y1, x2, y2]) => x1 > 0 && y1 > 22 && x2 < size.width && y2 < size.height - 22;
    const free = (box) =>
      inside(box) &&
      taken.every(([x1, y1, x2, y2]) => box[2] < x1 || box[0] > x2 || box[3] < y1 || box[1] > y2);
    return points.flatMap((point) => {
      if (!point.named) return [];
      const wide = pen.measureText(point.label).width;
      const [x, y, gap] = [px(point.x), py(point.y), point.r + 4];
      const places = [
        [[x + gap, y - 8, x + gap + wide, y + 8], { x: "start", y: "center" }, gap, 0],
        [[x - gap - wide, y - 8, x - gap, y + 8], { x: "end", y: "center" }, -gap, 0],
        [
          [x - wide / 2, y - gap - 16, x + wide / 2, y - gap],
          { x: "center", y: "end" },
          0,
          -gap,
        ],
        [
          [x - wide / 2, y + gap, x + wide / 2, y + gap + 16],
          { x: "center", y: "start" },
          0,
          gap,
        ],
      ];
      const found = places.find(([box]) => free(box));
      if (!found) return [];
      taken.push(found[0]);
      const [, position, xAdjust, yAdjust] = found;
      const font = { family: look.face, size: 12, weight: 400 };
      return [
        pens.words(look, point.label, {
          xValue: point.x,
          yValue: point.y,
          position,
          xAdjust,
          yAdjust,
          font,
        }),
      ];
    });
  }

  function coordinates(data, look, width) {
    const most = Math.max(1, ...data.points.map((point) => point.tonnes ?? 0));
    const points = data.points.map((point) => ({
      ...point,
      r: Math.max(4, LARGEST * (width < 520 ? 0.6 : 1) * Math.sqrt((point.tonnes ?? 0) / most)),
    }));
    const edge = ends(points);
    const size = { width: Math.max(width - 62, 100), height: width < 520 ? 360 : 500 };
    const config = pens.base(look, { top: 4, right: 8 });
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
    const ticks = { maxRotation: 0 };
    config.scales = {
      x: pens.axis(look, {
        min: edge.left,
        max: edge.right,
        title: pens.axisTitle(look, data.labels.x),
        ticks,
      }),
      y: pens.axis(look, {
        min: edge.bottom,
        max: edge.top,
        title: pens.axisTitle(look, data.labels.y),
        ticks,
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
