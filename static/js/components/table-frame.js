/* Scrolling tables. A table that fits its frame does not scroll: its header then sticks to the window instead of the
   frame, and the frame is no tab stop. */

// All are measured before the first is changed, or the page would be laid out again for each.
const observer = new ResizeObserver((entries) => entries.map((entry) => measure(entry.target)).forEach(apply));

function measure(frame) {
  const inPane = frame.closest(".js .pane"); // there the frame's height is fixed
  const fits = !inPane && frame.firstElementChild.offsetWidth <= frame.clientWidth + 1;
  const scrolls = !fits && (frame.scrollWidth > frame.clientWidth + 1 || frame.scrollHeight > frame.clientHeight + 1);
  return { frame, fits, scrolls };
}

function apply({ frame, fits, scrolls }) {
  frame.classList.toggle("fits", fits);
  if (scrolls) frame.tabIndex = 0;
  else frame.removeAttribute("tabindex");
}

function observe(container) {
  container.querySelectorAll(".table-frame").forEach((frame) => observer.observe(frame));
}

observe(document);
document.addEventListener("tracker:content", (event) => observe(event.target));
