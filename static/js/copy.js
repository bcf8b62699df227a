/* A button that copies what another element says. Without it the text is selected by one click. */
(() => {
  async function copy(element) {
    getSelection().selectAllChildren(element);
    try {
      await navigator.clipboard.writeText(element.textContent);
    } catch {
      if (!document.execCommand("copy")) throw new Error("refused"); // over plain HTTP there is no clipboard
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-from]");
    if (!button) return;
    try {
      await copy(document.getElementById(button.dataset.copyFrom));
      button.parentElement.querySelector(".said").textContent = button.dataset.copied;
    } catch {
      // It stays selected: the reader's own keys copy it.
    }
  });
})();
