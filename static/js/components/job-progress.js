/* A job that waits or runs: the page is fetched again every two seconds and its part about the job replaced; when the
   job is over, the page is loaded anew. Without this script the browser does that all the time (noscript, meta refresh). */

const EVERY = 2000; // ms

function follow() {
  setTimeout(async () => {
    if (!document.hidden) await update(document.getElementById("job"));
    follow();
  }, EVERY);
}

/** Replace the part about the job by what it is now; a failed fetch is tried again the next time. */
async function update(old) {
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = page.getElementById("job");
    if (!next || !("open" in next.dataset)) {
      location.reload();
      return;
    }
    const said = old.querySelector("[role=status]");
    const says = next.querySelector("[role=status]");
    if (said && says) {
      // the same element stays: screen readers announce what changes in it
      if (said.textContent !== says.textContent) said.textContent = says.textContent;
      says.replaceWith(said);
    }
    old.replaceWith(document.adoptNode(next));
  } catch {
    // the server restarts, or the network is gone for a moment
  }
}

follow();
