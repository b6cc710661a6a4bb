// What the pages do beyond plain HTML: local times, a live list, a panel that changes without a reload, copying.
"use strict";

const REFRESH_MS = 3000;

function localTimes(within) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
  for (const time of within.querySelectorAll("time[datetime]")) {
    time.title = time.dateTime;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

async function fetchPart(address, id) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error(`${address}: ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
}

function keepLive(button) {
  let timer = 0;
  async function refresh() {
    try {
      const fresh = await fetchPart(location.href, "list");
      document.getElementById("list").replaceWith(fresh);
      localTimes(fresh);
    } catch {
      toggle();
    }
  }
  function toggle() {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    clearInterval(timer);
    if (on) timer = setInterval(() => document.hidden || refresh(), REFRESH_MS);
    if (on) refresh();
  }
  button.addEventListener("click", toggle);
  button.hidden = false;
}

async function choose(step) {
  const address = new URL(step.href);
  address.hash = "";
  history.replaceState(null, "", address);
  for (const other of document.querySelectorAll(".step[aria-current]")) other.removeAttribute("aria-current");
  step.setAttribute("aria-current", "true");
  const part = new URL(address);
  part.searchParams.set("part", "detail");
  try {
    const detail = await fetchPart(part, "detail");
    if (step.getAttribute("aria-current")) document.getElementById("detail").replaceWith(detail);
  } catch {
    location.assign(step.href);
  }
}

function walkSteps(waterfall) {
  waterfall.addEventListener("click", (event) => {
    const step = event.target.closest("a.step");
    if (!step || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    choose(step);
  });
  waterfall.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const steps = [...waterfall.querySelectorAll("a.step")].filter((step) => step.checkVisibility());
    const next = steps[steps.indexOf(document.activeElement) + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
    choose(next);
  });
}

// Work that goes on: its card is kept as it is now, and its end shows the whole page anew.
function follow(card) {
  setTimeout(async () => {
    try {
      const fresh = document.hidden ? card : await fetchPart(location.href, card.id);
      if (fresh !== card) card.replaceWith(fresh);
      const ended = !fresh.matches("[data-follow]"), writes = document.activeElement.matches("input, textarea, select");
      if (ended) return writes || location.reload();
      if (fresh !== card) localTimes(fresh);
      follow(fresh);
    } catch { /* "Look again" is there */ }
  }, REFRESH_MS);
}

function offerCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}

function showLine(link) {
  link.addEventListener("click", (event) => {
    const text = document.querySelector(link.hash);
    const lines = text.value.split("\n");
    const before = lines.slice(0, link.dataset.line - 1).join("\n").length + (link.dataset.line > 1 ? 1 : 0);
    event.preventDefault();
    text.focus();
    text.setSelectionRange(before, before + (lines[link.dataset.line - 1] ?? "").length);
    text.scrollTop = Math.max(0, text.scrollHeight * (link.dataset.line - 6) / lines.length);
  });
}

function reviewByKeys(form) {
  const criteria = [...form.querySelectorAll("[data-criterion]")];
  const writes = (target) => target.closest("textarea, select, input:not([type=radio])");
  const focused = () => document.activeElement.closest("[data-criterion]") ?? criteria[0];
  const enter = (criterion) => (criterion?.querySelector(":checked") ?? criterion?.querySelector("[type=radio]"))?.focus();
  function choose(key) {
    const value = { t: "tie" }[key] ?? key;
    const pick = [...(focused()?.querySelectorAll("[type=radio]") ?? [])].find((radio) => radio.value === value);
    if (!pick) return false;
    pick.checked = true;
    pick.focus();
    return true;
  }
  function act(key) {
    const button = form.querySelector(`[data-key="${key}"]`);
    if (button) form.requestSubmit(button);
    return Boolean(button);
  }
  function move(by) {
    enter(criteria[criteria.indexOf(focused()) + by]);
    return criteria.length > 0;
  }
  const actions = {
    ArrowUp: () => move(-1),
    ArrowDown: () => move(1),
    c: () => !focused()?.querySelector("input[type=text]")?.focus(),
    Enter: () => criteria.length > 0 && !form.requestSubmit(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (writes(event.target)) {
      if (event.key === "Escape") enter(event.target.closest("[data-criterion]") ?? criteria[0]);
      return;
    }
    if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (choose(key) || act(key) || actions[key]?.()) event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
  for (const help of form.querySelectorAll("[data-keys]")) help.hidden = false;
  enter(criteria[0]);
}

function takeFile(input) {
  const form = input.closest("form");
  input.closest("label").hidden = false;
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    form.elements.text.value = await file.text();
    form.elements.file.value = file.name;
    const kind = { jsonl: "jsonl", ndjson: "jsonl", json: "json", csv: "csv" }[file.name.split(".").pop().toLowerCase()];
    if (kind) form.elements.format.value = kind;
  });
}

// Of forms attributes are asked for, not properties: a field named `action` or `dataset` would stand in for those.
function livePreview(form) {
  let timer = 0, turn = 0;
  async function renew() {
    const mine = ++turn, body = new URLSearchParams(new FormData(form));
    body.set("action", "preview");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== turn) return;
      const shown = document.getElementById("preview"), made = page.getElementById("preview");
      if (!made) return shown.replaceChildren("No preview could be made. The button \"Preview\" says why.");
      shown.replaceWith(made);
      const values = document.getElementById("values"), fresh = page.getElementById("values");
      if (values.dataset.names !== fresh.dataset.names) values.replaceWith(fresh);
      document.querySelectorAll("#preview [data-line]").forEach(showLine);
    } catch { /* the next change tries again */ }
  }
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(renew, 350);
  });
}

const unseen = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const visible = (text) => text.replace(unseen, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

async function eachLine(answer, take) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "";;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) take(JSON.parse(line));
  }
}

function playground(form) {
  const columns = [...form.querySelectorAll("[data-column]")];
  const part = (column, name) => column.querySelector(`[data-part=${name}]`);
  let answers = new Map(), running = new Map();
  function show(column, line) {
    if (line.text) answers.set(column, (answers.get(column) ?? "") + line.text);
    if (line.text) part(column, "answer").append(visible(line.text));
    if (line.error) part(column, "error").textContent = visible(line.error);
    if (line.told ?? line.error) part(column, "told").textContent = line.told ?? "";
    if (line.trace) Object.assign(part(column, "trace"), { href: part(column, "trace").dataset.at + line.trace, hidden: false });
    part(column, "keep").hidden = !line.told;
  }
  async function run(column) {
    const stop = new AbortController(), body = new URLSearchParams(new FormData(form));
    body.set("column", column.dataset.column);
    running.get(column)?.abort();
    running.set(column, stop);
    answers.delete(column);
    for (const name of ["answer", "error", "told"]) part(column, name).textContent = "";
    for (const name of ["trace", "keep"]) part(column, name).hidden = true;
    column.setAttribute("aria-busy", "true");
    part(column, "told").textContent = "Asked, and answering …";
    try {
      const answer = await fetch(form.getAttribute("data-play"), { method: "POST", body, credentials: "same-origin", signal: stop.signal });
      if (!answer.headers.get("content-type").includes("ndjson")) throw new Error("The page has to be opened again.");
      await eachLine(answer, (line) => show(column, line));
    } catch (error) {
      show(column, { error: error.name === "AbortError" ? "Stopped." : error.message });
    }
    if (running.get(column) === stop) running.delete(column);
    if (!running.has(column)) column.removeAttribute("aria-busy");
  }
  const chosen = () => columns.filter((column) => !column.hidden && part(column, "model").value.trim());
  const actions = {
    run: () => chosen().forEach(run),
    stop: () => running.forEach((stop) => stop.abort()),
    more: (button) => {
      columns.find((column) => column.hidden).hidden = false;
      button.hidden = !columns.some((column) => column.hidden);
    },
    keep: (button) => {
      const expected = form.elements.expected;
      expected.value = answers.get(button.closest("[data-column]"));
      expected.closest("details").open = true;
      expected.focus();
    },
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do](button);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) actions.run();
  });
}

localTimes(document);
document.querySelectorAll("[data-file]").forEach(takeFile);
document.querySelectorAll("[data-review]").forEach(reviewByKeys);
document.querySelectorAll("[data-line]").forEach(showLine);
document.querySelectorAll("[data-preview]").forEach(livePreview);
document.querySelectorAll("[data-play]").forEach(playground);
document.querySelectorAll("[data-live]").forEach(keepLive);
document.querySelectorAll("[data-follow]").forEach(follow);
document.querySelectorAll(".waterfall").forEach(walkSteps);
document.querySelectorAll("[data-copy]").forEach(offerCopy);
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("[data-search]");
  if (event.key === "/" && search && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    search.focus();
  }
});
