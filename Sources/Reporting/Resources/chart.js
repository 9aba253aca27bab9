// Draws the panels of accuracy against latency anew from the values that their points carry, where
// rows are hidden or the axis is changed: the rules of ParetoPanel, Scale and LabelPlacement.
"use strict";
const round2 = value => Math.round(value * 100) / 100;

function node(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, typeof value === "number" ? round2(value) : value);
  }
  if (text !== undefined) made.textContent = text;
  return made;
}

function linearTicks(lower, upper, wanted) {
  const power = 10 ** Math.floor(Math.log10((upper - lower) / wanted));
  const cost = ([step, extra]) => Math.abs((upper - lower) / (step * power) - wanted) + extra;
  const steps = [[1, 0], [2, 0], [2.5, 0.5], [5, 0], [10, 0]];
  const step = steps.reduce((best, one) => cost(one) < cost(best) ? one : best)[0] * power;
  const ticks = [];
  for (let i = Math.ceil(lower / step - 1e-9); i <= Math.floor(upper / step + 1e-9); i++) {
    ticks.push(i * step);
  }
  return ticks;
}

function logarithmicTicks(lower, upper, wanted) {
  const all = digits => {
    const ticks = [];
    for (let d = Math.floor(Math.log10(lower)); d <= Math.ceil(Math.log10(upper)); d++) {
      ticks.push(...digits.map(digit => digit * 10 ** d));
    }
    return ticks.filter(tick => lower <= tick && tick <= upper);
  };
  for (const digits of [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    if (all(digits).length <= wanted + 1.5) return all(digits);
  }
  return all([1]);
}

function makeScale(values, start, end, spacing, limits, axis) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const wanted = Math.max(2, Math.abs(end - start) / spacing);
  const isLog = low > 0 && (axis === "log" || (axis === "" && high > 10 * low));
  let [lower, upper] = [low, high];
  if (isLog) {
    const room = high > low ? (high / low) ** 0.06 : 1.1;
    [lower, upper] = [low / room, high * room];
  } else {
    const span = high > low ? high - low : Math.max(Math.abs(high) * 0.1, 1e-3);
    lower = Math.max(limits[0], Math.min(low, low - 0.06 * span));
    upper = Math.min(limits[1], Math.max(high, high + 0.06 * span));
  }
  let ticks = isLog ? logarithmicTicks(lower, upper, wanted) : linearTicks(lower, upper, wanted);
  // Within one decade the digits of a logarithmic scale are too few.
  const isSparse = isLog && ticks.length < 3;
  if (isSparse) ticks = linearTicks(lower, upper, wanted);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : Math.abs(ticks[0] ?? 1);
  const digits = (String(Number(step.toFixed(6))).split(".")[1] ?? "").length;
  const at = value => start + (end - start) * (isLog
    ? Math.log(value / lower) / Math.log(upper / lower) : (value - lower) / (upper - lower));
  const label = tick => isLog && !isSparse ? String(Number(tick.toFixed(3))) : tick.toFixed(digits);
  return { at, ticks, label };
}

// Rows far below the others get arrows at the lower edge.
function clip(items) {
  const sorted = items.map(item => item.y[1]).sort((a, b) => a - b);
  const [best, median] = [sorted[sorted.length - 1], sorted[Math.floor(sorted.length / 2)]];
  const limit = median - Math.max(5, 3 * (best - median));
  const isMost = 2 * sorted.filter(y => y < limit).length >= sorted.length;
  const kept = items.filter(item => item.y[1] >= limit);
  const lowest = kept.reduce((least, item) => Math.min(least, item.y[0]), 100);
  const highest = kept.reduce((most, item) => Math.max(most, item.y[2]), 0);
  const end = Math.min(limit, lowest - (highest - lowest) / 2);
  for (const item of items) item.isClipped = !isMost && item.y[1] < end;
}

// Rows whose timing is not reliable are not on the front, nor are those that they dominate.
function paretoFront(items) {
  const order = items.filter(item => "competes" in item.node.dataset || "rival" in item.node.dataset)
    .sort((a, b) => a.x[1] - b.x[1] || b.y[1] - a.y[1]);
  const front = [];
  for (const item of order) {
    const last = front[front.length - 1];
    const isEqual = last && item.x[1] === last.x[1] && item.y[1] === last.y[1];
    if (!last || item.y[1] > last.y[1] || isEqual) front.push(item);
  }
  return front.filter(item => "competes" in item.node.dataset);
}

const overlap = (a, b) => {
  const wide = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const high = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  return wide > 0 && high > 0 ? wide * high : 0;
};
const pencil = document.createElement("canvas").getContext("2d");

function placeLabels(group, items, area, size, soft) {
  group.replaceChildren();
  const [left, top, right, bottom] = area;
  const markers = items.map(item => ({ x: item.cx - 5, y: item.cy - 5, w: 10, h: 10 }));
  const taken = [];
  const named = items.filter(item => item.node.dataset.label
      && (item.isFront || item.isClipped || items.length <= 28))
    .sort((a, b) => (a.isFront ? 0 : 1) - (b.isFront ? 0 : 1));
  pencil.font = `${size}px ${group.closest("svg").getAttribute("font-family")}`;
  for (const item of named) {
    const name = item.node.dataset.label;
    const text = item.isClipped ? `${name}: ${item.y[1].toFixed(1)} %` : name;
    const [w, h] = [pencil.measureText(text).width + 3, size + 1];
    let best = null;
    for (const distance of [6, 12, 20, 30, 42, 56]) {
      [[1, -.7], [1, .7], [1, 0], [0, -1], [0, 1], [-1, -.7], [-1, .7], [-1, 0]].forEach(([dx, dy], rank) => {
        const box = {
          x: item.cx + dx * distance + Math.sign(dx) * w / 2 - w / 2,
          y: item.cy + dy * distance + (dx === 0 ? dy * h / 2 : 0) - h / 2, w, h,
        };
        if (box.x < left + 1 || box.y < top + 1 || box.x + w > right - 1 || box.y + h > bottom - 1) return;
        const wide = { x: box.x - 1, y: box.y - 1, w: w + 2, h: h + 2 };
        if (taken.some(one => overlap(one, wide)) || markers.some(one => overlap(one, box))) return;
        const covered = soft.reduce((sum, one) => sum + overlap(one, box), 0);
        const near = markers.reduce((sum, one) => {
          if (Math.abs(one.x + 5 - item.cx) <= 5.5 && Math.abs(one.y + 5 - item.cy) <= 5.5) return sum;
          const gap = Math.hypot(
            Math.max(0, Math.max(one.x, box.x) - Math.min(one.x + one.w, box.x + w)),
            Math.max(0, Math.max(one.y, box.y) - Math.min(one.y + one.h, box.y + h)));
          return sum + 1.5 * Math.max(0, 8 - gap);
        }, 0);
        const cost = distance + rank * 0.4 + covered * 0.15 + near;
        if (!best || cost < best.cost) best = { cost, box, distance };
      });
    }
    if (!best) continue;
    const { box, distance } = best;
    taken.push(box);
    if (distance > 14) {
      group.append(node("line", {
        x1: item.cx, y1: item.cy, x2: Math.min(Math.max(item.cx, box.x), box.x + w),
        y2: Math.min(Math.max(item.cy, box.y), box.y + h), stroke: "#aaaaaa", "stroke-width": 0.7,
      }));
    }
    group.append(node("text", {
      x: box.x + w / 2, y: box.y + h - size * 0.22, "font-size": size, "text-anchor": "middle",
      fill: item.node.dataset.ink, stroke: "#ffffff", "stroke-width": 2.6, "paint-order": "stroke",
      "stroke-linejoin": "round",
    }, text));
  }
}

function drawTicks(panel, area, x, y) {
  const [left, top, right, bottom] = area;
  const text = { "font-size": 12, fill: "#222222" };
  const ticks = panel.querySelector(".ticks");
  ticks.replaceChildren(...y.ticks.flatMap(tick => [
    node("line", { x1: left, y1: y.at(tick), x2: right, y2: y.at(tick), stroke: "#e6e6e6", "stroke-width": 0.8 }),
    node("text", { x: left - 7, y: y.at(tick) + 4.1, "text-anchor": "end", ...text }, y.label(tick)),
  ]), ...x.ticks.flatMap(tick => [
    node("line", { x1: x.at(tick), y1: bottom, x2: x.at(tick), y2: bottom + 4, stroke: "#222222", "stroke-width": 0.9 }),
    node("text", { x: x.at(tick), y: bottom + 16, "text-anchor": "middle", ...text }, x.label(tick)),
  ]));
  pencil.font = `12px ${panel.closest("svg").getAttribute("font-family")}`;
  const widest = Math.max(0, ...y.ticks.map(tick => pencil.measureText(y.label(tick)).width));
  const title = panel.querySelector(".y-title");
  const place = round2(left - widest - 18);
  title.setAttribute("x", place);
  title.setAttribute("transform", `rotate(-90 ${place} ${round2((top + bottom) / 2)})`);
}

function drawPoint(item) {
  const { node: point, isFront, isClipped } = item;
  point.setAttribute("transform", `translate(${round2(item.cx)} ${round2(item.cy)})`);
  const marker = point.querySelector(".marker");
  if (marker.getAttribute("fill") === "none") marker.setAttribute("stroke-width", isFront ? 2.4 : 1.3);
  else marker.setAttribute("fill", isFront ? marker.getAttribute("stroke") : "#ffffff");
  point.querySelector(".arrow")?.remove();
  if (isClipped) {
    marker.setAttribute("display", "none");
    point.append(node("path", {
      class: "arrow", d: "M0,-8v11m-4,-4.5l4,4.5l4,-4.5", fill: "none",
      stroke: marker.getAttribute("stroke"), "stroke-width": 1.8,
    }));
  } else marker.removeAttribute("display");
}

// Returns the rows on the front.
function redrawPanel(panel, axis) {
  const area = panel.dataset.area.split(" ").map(Number);
  const [left, top, right, bottom] = area;
  const items = all(".point", panel).filter(point => !point.matches(".off")).map(point => ({
    node: point, x: point.dataset.x.split(" ").map(Number), y: point.dataset.y.split(" ").map(Number),
  }));
  const front = paretoFront(items);
  panel.querySelector(".labels").replaceChildren();
  panel.querySelector("polyline.front").setAttribute("points", "");
  if (items.length === 0) return [];
  clip(items);
  const x = makeScale(items.flatMap(item => item.x), left, right, 60, [0, Infinity], axis);
  const y = makeScale(
    items.filter(item => !item.isClipped).flatMap(item => [item.y[0], item.y[2]]), bottom, top, 40,
    [0, 100], "linear");
  drawTicks(panel, area, x, y);
  const byRow = new Map();
  const bars = new Map(all(".error-bars path", panel).map(bar => [bar.dataset.row, bar]));
  const onFront = new Set(front);
  const soft = [];
  for (const item of items) {
    item.cx = x.at(item.x[1]);
    item.cy = item.isClipped ? bottom - 7 : y.at(item.y[1]);
    item.isFront = onFront.has(item);
    byRow.set(item.node.dataset.row, item);
    drawPoint(item);
    const bar = bars.get(item.node.dataset.row);
    const ends = [x.at(item.x[0]), x.at(item.x[2]), y.at(item.y[2]), y.at(item.y[0])].map(round2);
    bar.setAttribute("d", `M${ends[0]},${round2(item.cy)}H${ends[1]}`
      + (item.isClipped ? "" : `M${round2(item.cx)},${ends[2]}V${ends[3]}`));
    if (item.isClipped) continue;
    soft.push({ x: item.cx - 1, y: ends[2], w: 2, h: ends[3] - ends[2] });
    soft.push({ x: ends[0], y: item.cy - 1, w: ends[1] - ends[0], h: 2 });
  }
  const corners = front.flatMap((item, i) => [[item.cx, item.cy], [front[i + 1]?.cx ?? right, item.cy]]);
  const lines = corners.map(corner => corner.map(round2).join(",")).join(" ");
  panel.querySelector("polyline.front").setAttribute("points", lines);
  corners.slice(1).forEach(([cx, cy], i) => {
    const [px, py] = corners[i];
    soft.push({ x: Math.min(px, cx) - 1, y: Math.min(py, cy) - 1, w: Math.abs(px - cx) + 2, h: Math.abs(py - cy) + 2 });
  });
  for (const trend of all(".trends polyline", panel)) {
    const known = trend.dataset.rows.split(" ").map(row => byRow.get(row)).filter(item => item);
    trend.setAttribute("points", known.map(item => `${round2(item.cx)},${round2(item.cy)}`).join(" "));
  }
  const baseline = panel.querySelector(".baseline line");
  const shown = byRow.get(baseline?.dataset.row);
  baseline?.classList.toggle("off", !shown);
  for (const end of ["x1", "x2"]) if (shown) baseline.setAttribute(end, round2(shown.cx));
  placeLabels(panel.querySelector(".labels"), items, area, Number(panel.dataset.labelSize), soft);
  return front.map(item => item.node.dataset.row);
}

function redraw(section, axis) {
  const panels = all("g.panel[data-area]", section);
  if (panels.length === 0) return;
  const front = new Set(panels.map(panel => redrawPanel(panel, axis))[0]);
  for (const row of all("tbody tr[data-row]", section)) {
    const isFront = front.has(row.dataset.row);
    row.classList.toggle("front", isFront);
    const cell = row.querySelector(".on-front");
    if (!cell) continue;
    cell.dataset.value = isFront ? 0 : 1;
    for (const part of cell.children) part.hidden = !isFront;
  }
}
