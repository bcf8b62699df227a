/* Spreadsheet keys for the grid of readings: up, down and Enter change the row, a pasted block fills its cells. */

const grid = document.querySelector("table.reading-grid");

function rowsOfCells() {
  return [...grid.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("input.amount")]);
}

function positionOf(input) {
  const rows = rowsOfCells();
  const row = rows.findIndex((cells) => cells.includes(input));
  return { rows, row, column: rows[row]?.indexOf(input) };
}

function move(event) {
  const step = { ArrowUp: -1, ArrowDown: 1, Enter: 1 }[event.key];
  if (!step || event.isComposing || !event.target.matches("input.amount")) return;
  event.preventDefault();
  const { rows, row, column } = positionOf(event.target);
  rows[row + step]?.[column]?.focus();
}

function paste(event) {
  if (!event.target.matches("input.amount")) return;
  const block = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "");
  if (!/[\t\n]/.test(block)) return;
  event.preventDefault();
  const { rows, row, column } = positionOf(event.target);
  block.split(/\r?\n/).forEach((line, down) => {
    line.split("\t").forEach((text, across) => {
      const cell = rows[row + down]?.[column + across];
      if (cell && text.trim()) cell.value = text.trim();
    });
  });
}

grid?.addEventListener("keydown", move);
grid?.addEventListener("paste", paste);
grid?.querySelector("td.errors input.amount")?.focus();
