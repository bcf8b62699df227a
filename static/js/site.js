/* What every page needs: <details> menus that close as menus do, what prints the page, and the address in the margin of
   each printed page. */
const root = document.documentElement;

// Filters and open charts change the address of a page that stays; its day and its language are part of the address.
addEventListener("beforeprint", () => {
  if (!root.dataset.paperAddress) return; // an error page
  const address = new URL(location.href);
  address.searchParams.set("as_of", root.dataset.asOf);
  address.searchParams.set("lang", root.lang);
  root.dataset.paperAddress = address.href;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
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
