// The page's script: sorting, filtering, tooltips, themes. It loads nothing and stores nothing.
"use strict";
const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
const byId = id => document.getElementById(id);

// Sorting: a click goes round ascending, descending; rows without a value stay last.
for (const table of all("table")) {
  const headings = all("thead th", table).filter(th => th.querySelector("button"));
  headings.forEach((th, column) => th.querySelector("button").addEventListener("click", () => {
    const down = th.getAttribute("aria-sort") === "ascending";
    for (const other of headings) other.setAttribute("aria-sort", "none");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const key = row => {
      const cell = row.cells[column];
      if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
      const text = cell.textContent.trim();
      return text === "–" || text === "" ? null : text;
    };
    const rows = Array.from(body.rows).map(row => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" && typeof b === "number"
        ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      return down ? -order : order;
    });
    for (const [, row] of rows) body.append(row);
  }));
}

// Filtering: tables by what they were measured on, rows and points by method.
const form = byId("filter");
function filter() {
  const wanted = all("[data-filter]", form).filter(list => list.value);
  for (const section of all("section.group")) {
    section.hidden = wanted.some(list => section.dataset[list.dataset.filter] !== list.value);
  }
  const methods = new Set(all("[name=method]:checked", form).map(box => box.value));
  for (const item of all("main [data-method]")) {
    item.classList.toggle("off", !methods.has(item.dataset.method));
  }
  const rows = all("section.group tbody tr");
  const shown = rows.filter(row => !row.closest("[hidden]") && !row.matches(".off"));
  byId("shown").textContent = `${shown.length} of ${rows.length} rows`;
  for (const svg of all("figure svg")) rove(svg);
}
form.addEventListener("change", filter);
form.addEventListener("reset", () => setTimeout(() => { theme(); filter(); }));
form.addEventListener("submit", event => event.preventDefault());

// Themes: the system's unless one is chosen.
function theme() {
  const chosen = byId("theme").value;
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}
byId("theme").addEventListener("change", theme);

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
for (const point of all("figure .point, figure .step[aria-label]")) {
  point.addEventListener("pointerenter", () => show(point));
  point.addEventListener("pointerleave", () => { tip.hidden = true; });
  point.addEventListener("focus", () => show(point));
  point.addEventListener("blur", () => { tip.hidden = true; });
}
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
filter();
