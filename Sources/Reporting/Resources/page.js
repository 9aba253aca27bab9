// The page's script: sorting, filtering, tooltips, themes. It loads nothing; what is chosen stands
// in the address, so that a link shows the same.
const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
const byId = id => document.getElementById(id);

// Sorting: a click goes round ascending, descending; rows without a value stay last.
const tables = all("table");
const headings = table => all("thead th", table).filter(th => th.querySelector("button"));
function sort(table, column, down) {
  const all = headings(table);
  if (!all[column]) return;
  for (const other of all) other.setAttribute("aria-sort", "none");
  all[column].setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const key = row => {
    const cell = row.cells[column];
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    return text === "–" || text === "" ? null : text;
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const rows = Array.from(body.rows).map(row => [key(row), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" && typeof b === "number"
      ? a - b : collator.compare(String(a), String(b));
    return down ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
}
for (const table of tables) {
  headings(table).forEach((th, column) => th.querySelector("button").addEventListener("click", () => {
    sort(table, column, th.getAttribute("aria-sort") === "ascending");
    remember();
  }));
}

// Filtering: tables by what they were measured on, rows and points by method.
const form = byId("filter");
const boxes = all("[name=method]", form);
let isChanged = false;
function filter() {
  const wanted = all("[data-filter]", form).filter(list => list.value);
  for (const section of all("section.group")) {
    section.hidden = wanted.some(list => section.dataset[list.dataset.filter] !== list.value);
  }
  const methods = new Set(boxes.filter(box => box.checked).map(box => box.value));
  for (const item of all("main [data-method]")) {
    item.classList.toggle("off", !methods.has(item.dataset.method));
  }
  const axis = byId("axis")?.value ?? "";
  isChanged ||= axis !== "" || methods.size < boxes.length;
  // What nobody has changed is drawn already.
  if (isChanged) all("section.group").forEach(section => redraw(section, axis));
  const rows = all("section.group tbody tr[data-row]");
  const shown = rows.filter(row => !row.closest("[hidden]") && !row.matches(".off"));
  byId("shown").textContent = `${shown.length} of ${rows.length} rows`;
  for (const svg of all("figure svg")) rove(svg);
}
form.addEventListener("change", () => { filter(); remember(); });
form.addEventListener("reset", () => setTimeout(() => { theme(); filter(); remember(); }));
form.addEventListener("submit", event => event.preventDefault());

// Themes: the system's unless one is chosen.
function theme() {
  const chosen = byId("theme").value;
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}
byId("theme").addEventListener("change", theme);

// The address: what is hidden, chosen and sorted.
function remember() {
  const state = new URLSearchParams();
  for (const list of all("[data-filter]", form)) if (list.value) state.set(list.dataset.filter, list.value);
  for (const box of boxes) if (!box.checked) state.append("hide", box.value);
  for (const name of ["axis", "theme"]) if (byId(name)?.value) state.set(name, byId(name).value);
  tables.forEach((table, index) => {
    const column = headings(table).findIndex(th => th.getAttribute("aria-sort") !== "none");
    if (column < 0) return;
    const isDown = headings(table)[column].getAttribute("aria-sort") === "descending";
    state.append("sort", `${index}.${column}${isDown ? ".down" : ""}`);
  });
  const text = state.toString();
  try { history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search); }
  catch { /* Some frames forbid it: the page then has no memory. */ }
}
function restore() {
  if (!location.hash.includes("=")) return;
  const state = new URLSearchParams(location.hash.slice(1));
  for (const list of all("[data-filter]", form)) list.value = state.get(list.dataset.filter) ?? "";
  const hidden = new Set(state.getAll("hide"));
  for (const box of boxes) box.checked = !hidden.has(box.value);
  for (const name of ["axis", "theme"]) if (byId(name)) byId(name).value = state.get(name) ?? "";
  for (const list of all("select", form)) if (list.selectedIndex < 0) list.selectedIndex = 0;
  for (const text of state.getAll("sort")) {
    const [index, column, down] = text.split(".");
    if (tables[index]) sort(tables[index], Number(column), down === "down");
  }
  theme();
}
addEventListener("hashchange", () => { restore(); filter(); });

// Points tell their values: to the pointer, the keyboard and the screen reader. One point of a
// chart is in the tab order; arrows go to the others.
const tip = byId("tip");
const points = svg => all(".point", svg).filter(point => !point.matches(".off"));
function rove(svg, to) {
  const list = points(svg);
  const target = to ?? list.find(point => point.getAttribute("tabindex") === "0") ?? list[0];
  for (const point of all(".point", svg)) point.setAttribute("tabindex", point === target ? "0" : "-1");
  return target;
}
function show(point) {
  const box = point.getBoundingClientRect();
  tip.textContent = point.getAttribute("aria-label");
  tip.hidden = false;
  const left = Math.min(box.right + 8, innerWidth - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above > 0 ? above : box.bottom + 6}px`;
}
for (const title of all("figure svg title")) {
  const item = title.parentElement;
  item.setAttribute("aria-label", title.textContent);
  item.setAttribute("role", "img");
  title.remove();
}
const speaks = target => target.closest?.("figure .point, figure .step[aria-label]");
// A row of a table and its points in the figures above it light up together.
function light(target, isOn) {
  const item = target.closest?.("section.group [data-row]");
  if (!item) return;
  for (const one of all(`[data-row="${item.dataset.row}"]`, item.closest("section.group"))) {
    one.classList.toggle("lit", isOn);
  }
}
const main = byId("results");
for (const [start, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  main.addEventListener(start, event => {
    const point = speaks(event.target);
    if (point) show(point);
    light(event.target, true);
  });
  main.addEventListener(end, event => {
    if (speaks(event.target)) tip.hidden = true;
    light(event.target, false);
  });
}
main.addEventListener("click", event => {
  const point = event.target.closest?.(".point[data-row]");
  point?.closest("section").querySelector(`tr[data-row="${point.dataset.row}"]`)
    ?.scrollIntoView({ block: "nearest" });
});
for (const svg of all("figure svg")) {
  svg.addEventListener("keydown", event => {
    const list = points(svg);
    const at = list.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    let next = event.key in steps ? at + steps[event.key] : -1;
    if (event.key === "Home") next = 0;
    if (event.key === "End") next = list.length - 1;
    if (event.key === "Escape") tip.hidden = true;
    if (at < 0 || next < 0 || next >= list.length) return;
    event.preventDefault();
    rove(svg, list[next]).focus();
  });
}
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true, capture: true });
addEventListener("beforeprint", () => { for (const part of all("details")) part.open = true; });
restore();
filter();
