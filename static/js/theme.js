/* The colour theme that the user chose. The only script that is not a module: it must run before the first paint, or a
   chosen theme would flash, and a module runs after the page has been parsed. The admin stores the choice under the
   same key, so that both parts of the site agree. */
(() => {
  "use strict";
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");

  /** The stored theme; "auto" where none is stored, or where the browser stores nothing. */
  function storedTheme() {
    try {
      const stored = localStorage.getItem("theme");
      return stored === "light" || stored === "dark" ? stored : "auto";
    } catch {
      return "auto";
    }
  }

  /** The theme after this one. The first click always changes what is seen: from the system's colours to the others. */
  function nextTheme(theme) {
    const other = prefersDark.matches ? "light" : "dark";
    const same = prefersDark.matches ? "dark" : "light";
    return { auto: other, [other]: same, [same]: "auto" }[theme];
  }

  function applyTheme(theme) {
    root.dataset.theme = theme;
    document.dispatchEvent(new Event("tracker:theme"));
  }

  root.classList.add("js");
  applyTheme(storedTheme());
  prefersDark.addEventListener("change", () => applyTheme(root.dataset.theme));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const theme = nextTheme(root.dataset.theme);
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // The choice then holds for this page only.
    }
    applyTheme(theme);
  });
})();
