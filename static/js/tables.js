/* A table that fits its frame needs no scrolling: its header then sticks to the window instead of the frame, and
   the keyboard does not stop at the frame. */
(() => {
  "use strict";
  // All are measured before the first is changed, or the page would be laid out anew for each.
  const sizes = new ResizeObserver((entries) => entries.map((entry) => judged(entry.target)).forEach(apply));

  function judged(frame) {
    const inPane = frame.closest(".js .pane"); // there the frame's height is fixed
    const fits = !inPane && frame.firstElementChild.offsetWidth <= frame.clientWidth + 1;
    const scrolls =
      !fits && (frame.scrollWidth > frame.clientWidth + 1 || frame.scrollHeight > frame.clientHeight + 1);
    return { frame, fits, scrolls };
  }

  function apply({ frame, fits, scrolls }) {
    frame.classList.toggle("fits", fits);
    if (scrolls) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }

  function watch(within) {
    within.querySelectorAll(".table-frame").forEach((frame) => sizes.observe(frame));
  }

  watch(document);
  document.addEventListener("tracker:content", (event) => watch(event.target));
})();
