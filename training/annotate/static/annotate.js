"use strict";
// The annotation page. Text of pages is only ever set as textContent; nothing here writes HTML.

const byId = (id) => document.getElementById(id);
const MARKS = ["◌", "✎", "✓"]; // predicted, corrected, confirmed
const PREDICTED = 0, CORRECTED = 1, CONFIRMED = 2;
const SAVE_AFTER = 120, RETRY_AFTER = 2000, FRAME_STEP = 200, UNDO_LEVELS = 500;

let token = "";
let session = null; // what the server said of all pages
let page = null; // what it said of the open one
let state = null; // labels, status, main, access, complete, notes: what the person works on
let undone = []; // earlier states of this page
let rows = [];
let order = []; // blocks as they stand in the list
let cursor = 0, anchor = 0; // places in `order`
let chosen = new Set(); // blocks
let ranging = false, writing = false;
let saving = false, dirty = false, retry = 0;

// -- talking to the server ------------------------------------------------------------------------------------

function readToken() {
  const found = /^#token=([\w-]+)$/.exec(location.hash);
  if (found) {
    sessionStorage.setItem("token", found[1]);
    history.replaceState(null, "", "/");
  }
  return sessionStorage.getItem("token") || "";
}

async function ask(path, method = "GET", body = undefined) {
  const headers = { "X-Pagesieve-Token": token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body, cache: "no-store" });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { status: answer.status });
  return value;
}

// -- opening --------------------------------------------------------------------------------------------------

async function begin() {
  token = readToken();
  try {
    session = await ask("/api/session");
  } catch (error) {
    note(error.message || "pagesieve annotate is not running.", true);
    return;
  }
  for (const [index, label] of session.labels.entries()) byId("labels").append(labelButton(label, index));
  for (const level of session.access) byId("access").append(new Option(level, level));
  showPages();
  await openPage((session.pages.find((one) => !one.problem && one.settled < one.blocks) || session.pages[0]).number);
}

async function openPage(number) {
  await settleSave();
  const found = await ask(`/api/pages/${number}`);
  undone = [];
  show(found, found.state);
  const first = leastCertain();
  moveTo(first < 0 ? 0 : order.indexOf(first), false);
  byId("list").focus({ preventScroll: true });
}

function show(found, shown) {
  page = found;
  state = structuredClone(shown);
  dirty = false;
  byId("page-name").textContent = page.id;
  document.title = `${page.id} – pagesieve annotate`;
  const strays = page.strays.length ? `${page.strays.length} old labels found no place: “${page.strays[0]}”` : "";
  note(page.problem || page.reading || strays, Boolean(page.problem));
  for (const one of document.querySelectorAll(".work button, .work select, .work textarea, .work input"))
    one.disabled = Boolean(page.problem);
  arrange();
  showAbout();
  showPages();
  byId("undo").disabled = !undone.length;
  saved("idle", page.revision ? "All saved" : "Nothing to save");
  showFrame();
}

function note(text, bad = false) {
  byId("page-note").textContent = text || "";
  byId("page-note").title = text || "";
  byId("page-note").classList.toggle("bad", bad);
}

// -- the list -------------------------------------------------------------------------------------------------

const sureness = (block) => page.blocks[block].p[state.labels[block]];
const guessed = (block) => page.blocks[block].p[page.predicted.labels[block]];

function arrange() {
  order = page.blocks.map((_, block) => block);
  if (byId("sort").checked)
    order.sort((a, b) => (state.status[a] > 0) - (state.status[b] > 0) || guessed(a) - guessed(b) || a - b);
  rows = page.blocks.map(makeRow);
  byId("list").replaceChildren(...order.map((block) => rows[block]));
  for (const block of order) showRow(block);
}

function makeRow(block, index) {
  const row = document.createElement("div");
  row.className = "block";
  row.id = `block-${index}`;
  row.setAttribute("role", "option");
  for (const name of ["label", "state", "text", "sure"]) {
    const part = document.createElement("span");
    part.className = name;
    row.append(part);
  }
  row.addEventListener("click", (event) => pick(index, event.shiftKey));
  return row;
}

function showRow(block) {
  const row = rows[block], [label, mark, text, sure] = row.children;
  const name = session.labels[state.labels[block]], status = state.status[block], { hidden } = page.blocks[block];
  const main = isMain(block), known = state.main !== null;
  row.className = `block ${name}${order[cursor] === block ? " current" : ""}`;
  row.dataset.status = status;
  row.setAttribute("aria-selected", chosen.has(block));
  label.textContent = name;
  mark.textContent = MARKS[status];
  text.replaceChildren();
  for (const tag of [hidden && "hidden", main && (known ? "★ main" : "☆ main")].filter(Boolean)) {
    const part = document.createElement("span");
    part.className = "tag";
    part.textContent = tag;
    text.append(part);
  }
  text.append(page.blocks[block].text);
  sure.textContent = status === PREDICTED ? `${Math.round(100 * sureness(block))} %` : "";
  sure.className = `sure${status === PREDICTED && sureness(block) < 0.6 ? " low" : ""}`;
  const said = status === PREDICTED ? `predicted, ${Math.round(100 * sureness(block))} percent` : session.statuses[status];
  row.setAttribute("aria-label", [name, said, main && "main text", hidden && "hidden", page.blocks[block].text].filter(Boolean).join(", "));
}

const mainSets = new WeakMap(); // a list of blocks as a set, made once

function isMain(block) {
  const list = state.main || page.predicted.main;
  if (!mainSets.has(list)) mainSets.set(list, new Set(list));
  return mainSets.get(list).has(block) && session.labels[state.labels[block]] === "content";
}

function moveTo(place, extend) {
  if (!order.length) return showSelection([]);
  const before = [...chosen, order[cursor]];
  cursor = Math.max(0, Math.min(order.length - 1, place));
  if (!extend) anchor = cursor;
  chosen = new Set(order.slice(Math.min(anchor, cursor), Math.max(anchor, cursor) + 1));
  showSelection(before);
}

function choose(first, last) {
  const before = [...chosen];
  chosen = new Set();
  for (let block = first; block < last; block++) chosen.add(block);
  showSelection(before);
}

function showSelection(before) {
  for (const block of new Set([...before, ...chosen])) if (rows[block]) showRow(block);
  const current = rows[order[cursor]];
  byId("list").setAttribute("aria-activedescendant", current ? current.id : "");
  if (current) current.scrollIntoView({ block: "nearest" });
  showLabels();
  showCrumbs();
  const settled = state.status.filter((status) => status !== PREDICTED).length;
  byId("count").textContent = `${settled} of ${order.length} settled${chosen.size > 1 ? `, ${chosen.size} selected` : ""}`;
  pointFrame();
}

function pick(block, extend) {
  const place = order.indexOf(block);
  if (place < 0) return;
  moveTo(place, extend || ranging);
  setRanging(false);
  byId("list").focus({ preventScroll: true });
}

function setRanging(on) {
  ranging = on;
  byId("range").setAttribute("aria-pressed", on);
}

function leastCertain() {
  let best = -1;
  for (let block = 0; block < page.blocks.length; block++)
    if (state.status[block] === PREDICTED && (best < 0 || guessed(block) < guessed(best))) best = block;
  return best;
}

// -- containers -----------------------------------------------------------------------------------------------

function around(block) {
  return page.containers.filter(([, first, last]) => first <= block && block < last); // the outer first
}

function covers(first, last) {
  for (let block = first; block < last; block++) if (!chosen.has(block)) return false;
  return true;
}

function widen() {
  const wider = around(order[cursor]).reverse().find(([, first, last]) => !covers(first, last));
  if (wider) choose(wider[1], wider[2]);
}

function showCrumbs() {
  const crumbs = byId("crumbs");
  crumbs.replaceChildren();
  const found = around(order[cursor]).reverse(); // the innermost is wanted most
  const lead = document.createElement("span");
  lead.textContent = found.length ? "Container" : "In no container";
  crumbs.append(lead);
  for (const [name, first, last] of found) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${name} (${last - first})`;
    button.setAttribute("aria-pressed", chosen.size === last - first && covers(first, last));
    button.addEventListener("click", () => {
      choose(first, last);
      byId("list").focus({ preventScroll: true });
    });
    crumbs.append(button);
  }
}

// -- changing -------------------------------------------------------------------------------------------------

function labelButton(label, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = label;
  const key = document.createElement("kbd");
  key.textContent = index + 1;
  button.append(label, key);
  button.addEventListener("click", () => {
    relabel(index);
    byId("list").focus({ preventScroll: true });
  });
  return button;
}

function showLabels() {
  for (const [index, button] of [...byId("labels").children].entries())
    button.setAttribute("aria-pressed", [...chosen].some((block) => state.labels[block] === index));
}

function remember() {
  undone.push({ state: structuredClone(state), cursor, anchor, chosen: [...chosen] });
  if (undone.length > UNDO_LEVELS) undone.shift();
}

function change(what, act) {
  if (!page || page.problem) return;
  const before = faces();
  remember();
  act();
  changed(what, before);
}

const faces = () => page.blocks.map((_, block) => `${state.labels[block]} ${state.status[block]} ${isMain(block)} ${!state.main}`);

function changed(what, before, selected = []) {
  const now = faces();
  showSelection([...selected, ...order.filter((block) => now[block] !== before[block])]);
  showAbout();
  byId("undo").disabled = !undone.length;
  byId("said").textContent = what;
  queueSave();
}

function relabel(label) {
  const blocks = [...chosen];
  change(`${session.labels[label]}: ${blocks.length === 1 ? "1 block" : `${blocks.length} blocks`}`, () => {
    for (const block of blocks) {
      state.labels[block] = label;
      state.status[block] = page.predicted.labels[block] === label ? CONFIRMED : CORRECTED;
    }
    if (state.main) state.main = state.main.filter((block) => session.labels[state.labels[block]] === "content");
  });
}

function confirm(blocks, what) {
  change(what, () => {
    for (const block of blocks) if (state.status[block] === PREDICTED) state.status[block] = CONFIRMED;
  });
}

function confirmPage() {
  change("Page confirmed", () => {
    state.status = state.status.map((status) => status || CONFIRMED);
    state.main = page.blocks.map((_, block) => block).filter(isMain);
    if (state.access === "unsure") state.access = page.predicted.access;
  });
}

function toggleMain() {
  const blocks = [...chosen].filter((block) => session.labels[state.labels[block]] === "content");
  if (!blocks.length) return;
  const on = !blocks.every(isMain);
  change(on ? "Main text" : "Not main text", () => {
    const main = new Set(state.main || page.predicted.main);
    for (const block of blocks) on ? main.add(block) : main.delete(block);
    const isContent = (block) => session.labels[state.labels[block]] === "content";
    state.main = [...main].filter(isContent).sort((a, b) => a - b);
  });
}

function undo() {
  const last = undone.pop();
  if (!last) return;
  const before = faces(), selected = [...chosen, order[cursor]];
  state = last.state;
  ({ cursor, anchor } = last);
  chosen = new Set(last.chosen);
  changed("Undone", before, selected);
}

// -- the page as a whole --------------------------------------------------------------------------------------

function showAbout() {
  const { access, accessProbability } = page.predicted;
  for (const option of byId("access").options) {
    const guess = option.value === "unsure" ? `, predicted ${access}` : "";
    option.textContent = `${option.value}${guess}`;
  }
  byId("access").value = state.access;
  byId("access").title = `The model says ${access}; not open with probability ${accessProbability}.`;
  byId("complete").checked = state.complete;
  if (byId("notes").value !== state.notes) byId("notes").value = state.notes;
}

function showPages() {
  let blocks = 0, settled = 0, done = 0;
  const items = session.pages.map((one) => {
    blocks += one.blocks;
    settled += one.settled;
    const ready = one.settled === one.blocks;
    done += ready;
    return pageItem(one, ready);
  });
  byId("pages").replaceChildren(...items);
  const current = byId("pages").querySelector("[aria-current]");
  if (current) current.scrollIntoView({ block: "nearest" });
  byId("overall").max = blocks || 1;
  byId("overall").value = settled;
  byId("overall-text").textContent = `${settled} of ${blocks} blocks`;
  byId("pages-done").textContent = `${done} of ${session.pages.length} done`;
}

function pageItem(one, ready) {
  const item = document.createElement("li"), button = document.createElement("button");
  const mark = document.createElement("span"), name = document.createElement("b"), about = document.createElement("small");
  button.type = "button";
  mark.className = "mark";
  mark.textContent = one.problem ? "✗" : ready ? "✓" : one.settled ? "◐" : "○";
  mark.setAttribute("aria-hidden", "true");
  name.textContent = one.id;
  about.textContent = one.problem ? "cannot be saved" : ready ? "done" : `${one.settled}/${one.blocks}, ~${Math.round(one.mistakes)} mistakes`;
  button.title = one.problem || one.id;
  if (page && page.number === one.number) button.setAttribute("aria-current", "page");
  button.append(mark, name, about);
  button.addEventListener("click", () => openPage(one.number));
  item.append(button);
  return item;
}

function turn(step) {
  const at = session.pages.findIndex((one) => one.number === page.number);
  const next = session.pages[at + step];
  if (next) openPage(next.number);
}

// -- saving ---------------------------------------------------------------------------------------------------

function saved(kind, text) {
  byId("saved").dataset.state = kind;
  byId("saved").textContent = text;
}

function queueSave() {
  dirty = true;
  saved("busy", "Saving …");
  clearTimeout(retry);
  retry = setTimeout(save, SAVE_AFTER);
}

async function save() {
  clearTimeout(retry);
  if (saving || !dirty) return;
  saving = true;
  dirty = false;
  const { number, revision } = page;
  try {
    const answer = await ask(`/api/pages/${number}`, "PUT", JSON.stringify({ base: revision, ...state }));
    page.revision = answer.revision;
    Object.assign(session.pages.find((one) => one.number === number), answer.page);
    saved("saved", "All saved");
    showPages();
    showFrame();
  } catch (error) {
    dirty = true;
    if (error.status === 409) await conflict(number);
    else if (error.status) saved("bad", `Not saved: ${error.message}`);
    else {
      saved("bad", "Not saved; trying again");
      retry = setTimeout(save, RETRY_AFTER);
    }
  } finally {
    saving = false;
  }
  if (dirty && byId("saved").dataset.state === "saved") queueSave();
}

async function settleSave() {
  while (saving) await new Promise((resolve) => setTimeout(resolve, 20));
  if (dirty) await save();
  if (dirty) throw new Error("not saved");
}

async function conflict(number) {
  saved("bad", "Not saved: changed elsewhere");
  const theirs = await ask(`/api/pages/${number}`);
  const differ = state.labels.filter((label, block) => label !== theirs.state.labels[block]).length;
  byId("conflict-text").textContent =
    `Another tab or program changed “${page.id}” since you opened it. ${differ === 1 ? "1 label differs" : `${differ} labels differ`}.`;
  byId("take-theirs").onclick = () => {
    byId("conflict-dialog").close();
    remember();
    show(theirs, theirs.state);
    moveTo(cursor, false);
  };
  byId("keep-mine").onclick = () => {
    byId("conflict-dialog").close();
    page.revision = theirs.revision;
    queueSave();
  };
  byId("conflict-dialog").showModal();
}

// -- the page as it looks -------------------------------------------------------------------------------------
// Frames have no scripts and an origin of their own. A click in one reaches us as a fragment of our own address;
// we reach it by its fragment. To show new colours a second frame is loaded behind the first and takes its place.

let frame = null, coming = null, turns = 0, pointed = 0, pointTimer = 0;

function frameAddress() {
  return `${page.frame}/${byId("styles").getAttribute("aria-pressed") === "true" ? "styled" : "plain"}/${turns}`;
}

function showFrame() {
  turns++;
  if (coming) coming.remove();
  coming = document.createElement("iframe");
  coming.setAttribute("sandbox", "allow-top-navigation-by-user-activation");
  coming.setAttribute("referrerpolicy", "no-referrer");
  coming.setAttribute("tabindex", "-1");
  coming.title = `${page.id} as it looks; the list beside it says the same`;
  coming.className = "coming";
  const mine = coming;
  mine.dataset.address = frameAddress();
  mine.addEventListener("load", () => {
    if (mine !== coming) return;
    if (frame) frame.remove();
    frame = mine;
    coming = null;
    frame.className = "";
    pointFrame();
  }, { once: true });
  mine.src = `${mine.dataset.address}#pagesieve-${order[cursor] ?? 0}`;
  byId("frames").append(mine);
}

function pointFrame() {
  if (!frame || pointTimer) return; // browsers refuse a fragment more often than 200 times in 30 s
  const wait = Math.max(0, pointed + FRAME_STEP - performance.now());
  pointTimer = setTimeout(() => {
    pointTimer = 0;
    pointed = performance.now();
    if (frame && order.length) frame.contentWindow.location.replace(`${location.origin}${frame.dataset.address}#pagesieve-${order[cursor]}`);
  }, wait);
}

window.addEventListener("hashchange", () => {
  const found = /^#b=(\d+)$/.exec(location.hash);
  history.replaceState(null, "", "/"); // so that the same block can be clicked again
  if (found && page) pick(Number(found[1]), false);
});

function toggleStyles() {
  byId("styles").setAttribute("aria-pressed", byId("styles").getAttribute("aria-pressed") !== "true");
  showFrame();
}

function shield(on) {
  const there = byId("frames").querySelector(".shield");
  if (!on && there) there.remove();
  if (!on || there) return;
  const made = document.createElement("div"); // a click with Shift would open a window
  made.className = "shield";
  made.textContent = "Let go of Shift, then click the end of the range.";
  made.hidden = true;
  byId("frames").append(made);
  byId("frames").addEventListener("pointerenter", () => (made.hidden = false), { once: true });
  if (byId("frames").matches(":hover")) made.hidden = false;
}

// -- keys and buttons -----------------------------------------------------------------------------------------

const KEYS = {
  j: () => moveTo(cursor + 1, false), J: () => moveTo(cursor + 1, true),
  k: () => moveTo(cursor - 1, false), K: () => moveTo(cursor - 1, true),
  n: () => { const block = leastCertain(); if (block >= 0) moveTo(order.indexOf(block), false); },
  w: widen, m: toggleMain, u: undo, C: confirmPage,
  r: () => setRanging(!ranging), s: toggleStyles,
  o: () => byId("sort").click(),
  a: () => byId("access").focus(), e: () => byId("notes").focus(),
  "[": () => turn(-1), "]": () => turn(1),
  "?": () => byId("help-dialog").showModal(),
  Escape: () => { setRanging(false); moveTo(cursor, false); },
};
const LIST_KEYS = {
  ArrowDown: (shift) => moveTo(cursor + 1, shift), ArrowUp: (shift) => moveTo(cursor - 1, shift),
  PageDown: (shift) => moveTo(cursor + 10, shift), PageUp: (shift) => moveTo(cursor - 10, shift),
  Home: (shift) => moveTo(0, shift), End: (shift) => moveTo(order.length - 1, shift),
  Enter: () => { confirm([...chosen], "Confirmed"); moveTo(cursor + 1, false); },
  " ": () => confirm([...chosen], "Confirmed"),
};

function onKey(event) {
  if (!page || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("textarea, select, input");
  if (typing) {
    if (event.key === "Escape") byId("list").focus();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return take(event, undo);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Shift") return shield(true);
  const digit = /^(?:Digit|Numpad)([1-4])$/.exec(event.code);
  if (digit) return take(event, () => digitKey(Number(digit[1]) - 1, event.shiftKey));
  const inList = event.target === byId("list") || event.target === document.body;
  const act = (inList && LIST_KEYS[event.key]) || KEYS[event.key];
  if (act) take(event, () => act(event.shiftKey));
}

function take(event, act) {
  event.preventDefault();
  act();
}

function digitKey(label, whole) {
  if (whole && chosen.size < 2) widen();
  relabel(label);
}

document.addEventListener("keydown", onKey);
document.addEventListener("keyup", (event) => event.key === "Shift" && shield(false));
window.addEventListener("blur", () => shield(false));
window.addEventListener("beforeunload", (event) => dirty && event.preventDefault());
byId("frames").addEventListener("pointerdown", (event) => event.target.className === "shield" && setRanging(true));
byId("undo").addEventListener("click", undo);
byId("styles").addEventListener("click", toggleStyles);
byId("range").addEventListener("click", () => setRanging(!ranging));
byId("confirm-page").addEventListener("click", confirmPage);
byId("next-page").addEventListener("click", () => turn(1));
byId("help").addEventListener("click", () => byId("help-dialog").showModal());
byId("about").addEventListener("submit", (event) => event.preventDefault());
byId("sort").addEventListener("change", () => {
  const block = order[cursor];
  arrange();
  moveTo(order.indexOf(block), false);
});
byId("access").addEventListener("change", () => change("Access", () => (state.access = byId("access").value)));
byId("complete").addEventListener("change", () => change("Whole", () => (state.complete = byId("complete").checked)));
byId("notes").addEventListener("input", () => {
  if (!writing) remember(); // one step of undo for all that is written in one go
  writing = true;
  state.notes = byId("notes").value;
  byId("undo").disabled = false;
  queueSave();
});
byId("notes").addEventListener("blur", () => (writing = false));

byId("export").addEventListener("click", async () => {
  await settleSave();
  const { tasks } = await ask("/api/export");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(tasks)], { type: "application/json" }));
  link.download = "pagesieve-label-studio.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
byId("import").addEventListener("click", () => byId("import-file").click());
byId("import-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  await settleSave();
  let sentence, problems = [];
  try {
    const report = await ask("/api/import", "POST", await file.text());
    sentence = `${report.labels} labels on ${report.pages} pages were taken over.`;
    problems = report.problems;
    session = await ask("/api/session");
    const found = await ask(`/api/pages/${page.number}`);
    show(found, found.state);
    moveTo(cursor, false);
  } catch (error) {
    sentence = `Nothing was taken over. ${error.message}`;
  }
  event.target.value = "";
  byId("report-text").textContent = sentence;
  byId("report-list").replaceChildren(...problems.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  byId("report-dialog").showModal();
});

begin();
