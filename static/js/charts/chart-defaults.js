/* Defaults of Chart.js: the look that all charts share, taken from the theme. */
import { formatTick } from "./chart-helpers.js";

/** Set the defaults before a chart is created; the chart keeps them until it is created again. */
export function applyDefaults(Chart, theme) {
  const { defaults } = Chart;
  Object.assign(defaults, {
    animation: false, // nothing moves without cause, and paper does not wait
    maintainAspectRatio: false,
    devicePixelRatio: Math.max(2, window.devicePixelRatio), // so that a saved picture is sharp
    color: theme.muted,
  });
  defaults.font.family = theme.fontFamily;
  defaults.plugins.legend.display = false;
  Object.assign(defaults.plugins.tooltip, {
    backgroundColor: theme.ink,
    titleColor: theme.panel,
    bodyColor: theme.panel,
    displayColors: false,
    padding: 8,
    cornerRadius: 4,
  });
  defaults.plugins.tooltip.titleFont.weight = 600;
  defaults.scale.border.color = theme.edge;
  Object.assign(defaults.scale.grid, { color: theme.line, drawTicks: false });
  defaults.scale.ticks.padding = 6;
  defaults.scales.linear.ticks.callback = formatTick;
  if (defaults.plugins.annotation) {
    defaults.plugins.annotation.clip = false;
    defaults.plugins.annotation.animations = { numbers: false, colors: false }; // labels would move otherwise
  }
}
