/* The documentation of the API: opens what a link leads to, and sends a request where the reader asks for it. */
(() => {
  "use strict";

  /* -- links into what is closed ------------------------------------------------------------------------- */

  function reveal() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    target.scrollIntoView();
  }

  addEventListener("hashchange", reveal);
  document.querySelector(".api-toc")?.addEventListener("click", (event) => {
    if (event.target.hash === location.hash) reveal(); // a second click changes no address
  });
  reveal();

  const links = [...document.querySelectorAll(".api-toc a")];
  const watcher = new IntersectionObserver(
    (entries) => {
      const seen = entries.find((entry) => entry.isIntersecting);
      if (!seen) return;
      const name = seen.target.dataset.openFor ?? seen.target.id;
      links.forEach((link) => {
        if (link.hash !== `#${name}`) return link.removeAttribute("aria-current");
        link.setAttribute("aria-current", "true");
        const bar = link.closest("ul");
        bar.scrollTo({ left: link.offsetLeft - bar.clientWidth / 2, top: link.offsetTop - bar.clientHeight / 2 });
      });
    },
    { rootMargin: "-80px 0px -75% 0px" },
  );
  document.querySelectorAll(".api-body > [id], .api-body > [data-open-for]").forEach((part) => watcher.observe(part));

  /* -- the description, fetched when it is first needed ---------------------------------------------------- */

  const pattern = document.getElementById("try-form");
  if (!pattern) return; // the page for newcomers has no operations
  const words = pattern.dataset;
  const LONGEST = 100_000; // characters of an answer that are shown
  let token = ""; // in memory alone: it ends with the page
  let fetched;

  function described() {
    fetched ??= fetch(words.schema).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)));
    return fetched;
  }

  function part(description, thing) {
    if (!thing.$ref) return thing;
    return thing.$ref
      .split("/")
      .slice(1)
      .reduce((place, name) => place[name], description);
  }

  async function operationNamed(name) {
    const description = await described();
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.operationId !== name) continue;
        const parameters = (operation.parameters ?? []).map((own) => part(description, own));
        return { path, method: method.toUpperCase(), parameters, body: operation.requestBody };
      }
    }
    throw new Error(name);
  }

  const exampleOf = (thing) => Object.values(thing.examples ?? {})[0]?.value;

  /* -- the form --------------------------------------------------------------------------------------------- */

  async function openForm(button) {
    const place = button.parentElement;
    if (place.nextElementSibling?.matches(".try-form")) return place.nextElementSibling.querySelector("input").focus();
    const operation = await operationNamed(button.dataset.operation);
    const form = pattern.content.firstElementChild.cloneNode(true);
    fill(form, operation);
    place.after(form);
    form.querySelector("input").focus();
  }

  function fill(form, operation) {
    const fields = form.querySelector(".try-fields");
    const adder = form.querySelector(".try-add select");
    const rest = operation.parameters.filter((own) => !own.required);
    operation.parameters.filter((own) => own.required).forEach((own) => fields.append(row(own)));
    rest.forEach((own) => adder.append(new Option(own.name)));
    adder.addEventListener("change", () => {
      const own = rest.find((item) => item.name === adder.value);
      if (own) fields.append(row(own));
      adder.selectedOptions[0].remove();
      adder.value = "";
      fields.lastElementChild?.querySelector("input, select").focus();
    });
    const area = form.querySelector("textarea");
    if (operation.body) {
      const content = exampleOf(operation.body.content["application/json"]);
      area.value = content === undefined ? "{}" : JSON.stringify(content, null, 2);
      area.rows = Math.min(16, area.value.split("\n").length + 1);
    } else area.closest(".field").remove();
    const secret = form.elements.token;
    secret.value = token;
    secret.addEventListener("input", () => (token = secret.value.trim()));
    const version = form.querySelector(".try-version");
    if (!operation.parameters.some((own) => own.name === "If-Match")) version.remove();
    version.addEventListener("click", () => readVersion(form, operation));
    form.querySelector(".try-close").addEventListener("click", () => {
      form.previousElementSibling.querySelector("button").focus();
      form.remove();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form, operation);
    });
  }

  /** One parameter: its words to choose from, or a line to write in. */
  function row(own) {
    const field = document.createElement("div");
    const label = document.createElement("label");
    const input = own.schema.enum ? document.createElement("select") : document.createElement("input");
    field.className = "field";
    label.append(own.required ? `${own.name} · ${words.needed} ` : `${own.name} `, input);
    own.schema.enum?.forEach((word) => input.append(new Option(word)));
    input.name = `${own.in}:${own.name}`;
    input.spellcheck = false;
    input.value = exampleOf(own) ?? "";
    field.append(label);
    return field;
  }

  /* -- the request --------------------------------------------------------------------------------------------- */

  function request(form, operation) {
    const address = { path: operation.path, query: new URLSearchParams(), headers: {} };
    for (const input of form.querySelectorAll(".try-fields :is(input, select)")) {
      const [where, ...rest] = input.name.split(":");
      const name = rest.join(":");
      if (where === "path") address.path = address.path.replace(`{${name}}`, encodeURIComponent(input.value));
      else if (where === "query") address.query.append(name, input.value);
      else address.headers[name] = input.value;
    }
    const query = address.query.toString();
    const body = form.querySelector("textarea")?.value;
    if (body !== undefined) address.headers["Content-Type"] = "application/json";
    return {
      method: operation.method,
      address: location.origin + address.path + (query && `?${query}`),
      headers: address.headers,
      body,
    };
  }

  /** Beside the reader's session a write carries the token of the page's own forms. */
  function signed(headers, method) {
    if (token) return { ...headers, Authorization: `Bearer ${token}` };
    const csrf = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    return csrf && method !== "GET" ? { ...headers, "X-CSRFToken": csrf } : headers;
  }

  function ask({ method, address, headers, body }) {
    return fetch(address, {
      method,
      body,
      headers: signed(headers, method),
      credentials: token ? "omit" : "same-origin",
      cache: "no-store",
    });
  }

  async function send(form, operation) {
    const status = form.querySelector(".try-status");
    const wanted = request(form, operation);
    const begun = performance.now();
    status.textContent = words.sending;
    form.querySelector(".try-curl").textContent = curl(wanted);
    try {
      const answer = await ask(wanted);
      const content = await contentOf(answer);
      const took = Math.round(performance.now() - begun);
      status.textContent = `${answer.status} ${answer.statusText} · ${took} ms`.replace("  ", " ");
      status.className = `try-status ${answer.ok ? "good" : "refused"}`;
      form.querySelector(".try-headers").textContent = [...answer.headers].map((pair) => pair.join(": ")).join("\n");
      form.querySelector(".try-content").textContent = content;
      form.querySelector(".try-answer").hidden = false;
    } catch {
      status.textContent = words.failed;
      status.className = "try-status refused";
    }
  }

  async function contentOf(answer) {
    const kind = answer.headers.get("Content-Type") ?? "";
    if (kind && !/json|text|yaml/.test(kind)) return `${words.file} ${(await answer.blob()).size}`;
    const text = await answer.text();
    const shown = kind.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
    return shown.length > LONGEST ? shown.slice(0, LONGEST) + `\n${words.cut}` : shown;
  }

  async function readVersion(form, operation) {
    const { address } = request(form, operation);
    const answer = await ask({ method: "GET", address: address.split("?")[0], headers: {} });
    const tag = answer.headers.get("ETag");
    if (answer.ok && tag) form.elements["header:If-Match"].value = tag;
    form.querySelector(".try-status").textContent = answer.ok ? tag : `${words.unread} ${answer.status}`;
  }

  /** The same request for a shell; the token stays out of it. */
  function curl({ method, address, headers, body }) {
    const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
    const lines = [`curl -X ${method} ${quoted(address)}`];
    if (token || method !== "GET") lines.push(`-H "Authorization: Bearer $TOKEN"`);
    for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
    if (body !== undefined) lines.push(`--data-binary ${quoted(body)}`);
    return lines.join(" \\\n  ");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-operation]");
    if (button) openForm(button).catch(() => (button.parentElement.append(` ${words.failed}`)));
  });
})();
