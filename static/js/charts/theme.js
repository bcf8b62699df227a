/* The theme for what a style sheet cannot paint: the font of the page and the colours of theme.css. */

/** The theme as it is now, or as `scheme` ("light") has it. `color` reads "--accent", or "--green/0.35" for a part of it:
    the style sheet may have light-dark() or any expression, a canvas wants "rgb(…)". */
export function readTheme(scheme = "") {
  const colors = new Map();
  const probe = document.createElement("span");
  probe.hidden = true;
  Object.assign(probe.style, { colorScheme: scheme, forcedColorAdjust: "none" }); // in forced colours charts keep their own
  const compute = (name) => {
    document.body.append(probe);
    probe.style.color = `var(${name})`;
    const color = getComputedStyle(probe).color;
    probe.remove();
    return color;
  };
  const color = (token) => {
    const [name, alpha] = token.split("/");
    if (!colors.has(name)) colors.set(name, compute(name));
    return alpha ? colors.get(name).replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`) : colors.get(name);
  };
  return { color, fontFamily: getComputedStyle(document.body).fontFamily };
}
