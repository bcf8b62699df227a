/* A button that copies the text of another element. Without it one click selects the text. */

async function copy(element) {
  getSelection().selectAllChildren(element);
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    if (!document.execCommand("copy")) throw new Error("not copied"); // over plain HTTP there is no clipboard
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-from]");
  if (!button) return;
  try {
    await copy(document.getElementById(button.dataset.copyFrom));
    button.parentElement.querySelector(".status-message").textContent = button.dataset.copied;
  } catch {
    // The text stays selected for the user to copy by keyboard.
  }
});
