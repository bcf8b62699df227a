/* Creates the Chart.js chart of a frame, with the defaults of the theme. */
import { applyDefaults } from "./chart-defaults.js";
import { themeColors } from "./theme-colors.js";

/** Create the chart of this type from the frame's data; its canvas must be free. */
export function createChart(Chart, frame, type, plugins = []) {
  const box = frame.querySelector("[data-live-drawing]");
  const canvas = box.querySelector("canvas");
  const data = JSON.parse(box.querySelector("script").textContent);
  const theme = themeColors();
  applyDefaults(Chart, theme);
  const config = type.makeConfig(data, theme, box.clientWidth, box.clientHeight);
  config.plugins = [...(config.plugins ?? []), ...plugins];
  return new Chart(canvas, config);
}
