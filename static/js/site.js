/* What every page needs: the current section in view, <details> menus that close as menus do, and the line at the foot
   of each printed page. */
const root = document.documentElement;

// On a phone the list of sections scrolls inside itself.
document.querySelector(".site-nav .current")?.scrollIntoView({ block: "nearest", inline: "center" });

// A style sheet cannot read a data attribute of another element.
if (root.dataset.paperLine) root.style.setProperty("--paper-line", JSON.stringify(root.dataset.paperLine));

document.addEventListener("click", (event) => {
  document.querySelectorAll(".menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
