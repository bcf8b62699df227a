/* The reader's choice of colours. This one script runs before the first paint, so that a chosen theme does not
   flash. The admin keeps the choice under the same name, so that both sides of the site agree. */
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  /** What was chosen; "auto" where nothing was, or where the browser keeps nothing. */
  function chosen() {
    try {
      const kept = localStorage.getItem("theme");
      return kept === "light" || kept === "dark" ? kept : "auto";
    } catch {
      return "auto";
    }
  }

  /** The first click always changes what is seen: from the system's colours to the other ones. */
  function following(theme) {
    const other = dark.matches ? "light" : "dark";
    const same = dark.matches ? "dark" : "light";
    return { auto: other, [other]: same, [same]: "auto" }[theme];
  }

  function show(theme) {
    root.dataset.theme = theme;
    document.dispatchEvent(new Event("tracker:theme"));
  }

  root.classList.add("js");
  show(chosen());
  dark.addEventListener("change", () => show(root.dataset.theme));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const theme = following(root.dataset.theme);
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // The choice then holds for this page only.
    }
    show(theme);
  });
})();
