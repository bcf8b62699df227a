/* The colours of the current theme, for what a style sheet cannot paint: canvases and saved pictures. */

const NAMES = ["ink", "muted", "line", "edge", "accent", "second", "panel"];
const CHART_NAMES = ["s1", "s3", "s4", "green", "yellow", "red", "blue", "grey"];

/** Computed colours of these custom properties, as "rgb(…)": the style sheet may have light-dark() or any expression. */
function computedColors(names) {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.forcedColorAdjust = "none"; // in forced colours charts keep their own
  document.body.append(probe);
  const colors = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(colors);
}

/** The colours of the theme as they are now, and the font family of the page. */
export function themeColors() {
  const { fontFamily } = getComputedStyle(document.body);
  return { ...computedColors([...NAMES, ...CHART_NAMES]), fontFamily };
}

/** A colour of the theme, partly transparent. */
export function withAlpha(color, alpha) {
  return color.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}
