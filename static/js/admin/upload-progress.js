/* The progress bar of a form whose work takes long, read from a streamed answer of one JSON object a line. Without this
   script the browser waits for the answer instead. */

for (const form of document.querySelectorAll("form[data-progress]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = findTooLarge(form);
    if (field) showErrors(form, [field.dataset.tooLarge]);
    else send(form);
  });
}

/** The file field with a file over its limit: reported at once, not after the whole file was sent. */
function findTooLarge(form) {
  const fields = [...form.querySelectorAll("input[type=file][data-max-bytes]")];
  return fields.find((field) => [...field.files].some((file) => file.size > Number(field.dataset.maxBytes)));
}

async function send(form) {
  const area = form.querySelector(".progress");
  const buttons = form.querySelectorAll("input[type=submit], button[type=submit]");
  buttons.forEach((button) => (button.disabled = true));
  area.hidden = false;
  showProgress(area, form.dataset.progress, 0);
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/x-ndjson" },
      credentials: "same-origin",
    });
    if (!(response.headers.get("Content-Type") || "").startsWith("application/x-ndjson")) {
      submitAgain(form); // the page itself shows what is wrong
      return;
    }
    for await (const line of readLines(response.body)) {
      if (line.url) {
        window.location.assign(line.url);
        return;
      }
      if (line.refused) {
        showErrors(form, line.refused);
        break;
      }
      showProgress(area, form.dataset.progress, line.of ? line.done / line.of : 0);
    }
  } catch {
    submitAgain(form);
    return;
  }
  area.hidden = true;
  buttons.forEach((button) => (button.disabled = false));
}

function submitAgain(form) {
  form.submit(); // harmless: what was already done is not done twice
}

function showProgress(area, text, share) {
  area.querySelector("progress").value = share;
  area.querySelector("output").textContent = `${text} … ${Math.floor(share * 100)} %`;
}

function showErrors(form, messages) {
  const list = document.createElement("ul");
  list.className = "errorlist";
  list.setAttribute("role", "alert");
  for (const text of messages) {
    const item = document.createElement("li");
    item.textContent = text;
    list.append(item);
  }
  form.querySelector(".errorlist")?.remove();
  form.prepend(list);
  list.scrollIntoView({ block: "center" });
}

async function* readLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value || "";
    const parts = rest.split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
    if (done) return;
  }
}
