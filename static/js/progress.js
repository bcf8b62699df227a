// A form whose work takes long: it tells how far it is. Without this script the browser waits for the answer instead.
"use strict";

for (const form of document.querySelectorAll("form[data-progress]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const large = tooLarge(form);
    if (large) refuse(form, [large.dataset.tooLarge]);
    else send(form);
  });
}

// The file field with a file over its limit: said at once, not after the whole of it was sent.
function tooLarge(form) {
  const fields = [...form.querySelectorAll("input[type=file][data-max-bytes]")];
  return fields.find((field) => [...field.files].some((file) => file.size > Number(field.dataset.maxBytes)));
}

async function send(form) {
  const area = form.querySelector(".progress");
  const buttons = form.querySelectorAll("input[type=submit], button[type=submit]");
  buttons.forEach((button) => { button.disabled = true; });
  area.hidden = false;
  tell(area, form.dataset.progress, 0);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/x-ndjson" },
      credentials: "same-origin",
    });
    if (!(answer.headers.get("Content-Type") || "").startsWith("application/x-ndjson")) {
      resend(form); // the page itself says what is wrong
      return;
    }
    for await (const line of lines(answer.body)) {
      if (line.url) { window.location.assign(line.url); return; }
      if (line.refused) { refuse(form, line.refused); break; }
      tell(area, form.dataset.progress, line.of ? line.done / line.of : 0);
    }
  } catch {
    resend(form);
    return;
  }
  area.hidden = true;
  buttons.forEach((button) => { button.disabled = false; });
}

function resend(form) {
  form.submit(); // pressing twice is harmless: what was done already is not done again
}

function tell(area, words, share) {
  area.querySelector("progress").value = share;
  area.querySelector("output").textContent = `${words} … ${Math.floor(share * 100)} %`;
}

function refuse(form, messages) {
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

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value || "";
    const parts = rest.split("\n");
    rest = parts.pop();
    for (const part of parts) { if (part) yield JSON.parse(part); }
    if (done) return;
  }
}
