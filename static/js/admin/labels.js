/* Accessible names that the stock admin only shows: which field a search box belongs to, which checkbox deletes a row. */

function labelOf(select) {
  const column = select.name.split("-").pop();
  const label =
    document.querySelector(`label[for="${select.id}"]`) ??
    select.closest("table")?.querySelector(`th.column-${column}`);
  if (label) label.id ||= `${select.id}_label`;
  return label;
}

function labelSearchBoxes() {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    const label = labelOf(select);
    const box = select.nextElementSibling;
    if (!label || !box?.matches(".select2-container")) continue;
    const chosen = box.querySelector(".select2-selection__rendered");
    chosen.id ||= `${select.id}_chosen`;
    for (const part of box.querySelectorAll("[role=combobox], [role=textbox], .select2-search__field")) {
      part.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
    }
  }
}

function labelRows() {
  for (const table of document.querySelectorAll(".inline-group table")) {
    const heading = table.querySelector("thead th:last-child")?.textContent.trim();
    for (const box of table.querySelectorAll("td.delete input[type=checkbox]")) box.setAttribute("aria-label", heading);
    const empty = table.querySelector("thead th.original");
    if (empty) empty.replaceWith(Object.assign(document.createElement("td"), { className: "original" }));
  }
}

function labelAll() {
  labelSearchBoxes();
  labelRows();
}

// The stock scripts make their boxes when the document is ready, which may be as late as the load event.
window.addEventListener("load", () => setTimeout(labelAll));
document.addEventListener("formset:added", () => setTimeout(labelAll));
