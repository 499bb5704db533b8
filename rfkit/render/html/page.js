for (const part of document.querySelectorAll("[data-scripted]")) part.hidden = false;

const root = document.documentElement;
const field = new Field();
const chart = new Chart(document.getElementById("growth"), document.getElementById("growth-axis"));
const graph = new Graph(document.getElementById("graph"), document.getElementById("table"));
const readers = report.layers.map(() => []);
let chosen = null;

report.layers.forEach((layer, index) => {
  for (const input of layer.inputs) if (input >= 0) readers[input].push(index);
});

const table = new Table(document.getElementById("table"), (order, inExecutionOrder) => {
  graph.draw(order, inExecutionOrder);
  if (chosen === null) return;
  graph.mark(chosen);
  graph.stopAt(order.includes(chosen) ? chosen : order[0]);
  table.keepStop(chosen);
});

/** Draw a layer's field and bring its row, node and point out. */
function show(index) {
  field.show(index);
  table.mark(index);
  graph.mark(index);
  chart.mark(index);
  describe(report.layers[index], index);
}

function describe(layer, index) {
  const pairs = layer.facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
  document.getElementById("facts").replaceChildren(...pairs);
  document.getElementById("said").replaceChildren(...layer.remarks.map((sentence) => element("li", {}, sentence)));
  const read = layer.inputs.map((input) => (input < 0 ? element("span", {}, "the input") : linkTo(input)));
  const groups = [["reads", read], ["read by", readers[index].map(linkTo)]].filter(([, links]) => links.length);
  document.getElementById("links").replaceChildren(...groups.flatMap(([name, links]) => {
    const list = element("dd");
    links.forEach((link, at) => list.append(...(at ? [", ", link] : [link])));
    return [element("dt", {}, name), list];
  }));
}

/** Make a layer the one that stays when the pointer leaves, and say so in the address. */
function choose(index, { address = true } = {}) {
  chosen = index;
  table.choose(index);
  graph.stopAt(index);
  show(index);
  if (address) history.replaceState(null, "", addressOf(report.layers[index].label));
}

function followAddress() {
  const [key, label] = location.hash.slice(1).split("=");
  if (key !== "layer" || label === undefined) return;
  const wanted = decoded(label);
  const index = report.layers.findIndex((layer) => layer.label === wanted);
  if (index < 0) return;
  table.reveal(index);
  choose(index, { address: false });
}

function decoded(label) {
  try {
    return decodeURIComponent(label);
  } catch {
    return label;
  }
}

function rowOf(event) {
  const found = event.target.closest?.("[data-row]");
  return found ? Number(found.dataset.row) : null;
}

let pointer = [];

/** Whether the pointer came here by itself, not by what scrolled away under it. */
function moved(event) {
  return event.clientX !== pointer[0] || event.clientY !== pointer[1];
}

/** Rows and nodes show their layer under the pointer, and keep it when they are clicked or get the focus. */
function listenTo(place) {
  place.addEventListener("pointerover", (event) => {
    const index = rowOf(event);
    if (index !== null && event.pointerType === "mouse" && moved(event)) show(index);
  });
  place.addEventListener("pointerleave", () => chosen !== null && show(chosen));
  place.addEventListener("focusin", (event) => {
    const index = rowOf(event);
    if (index !== null) choose(index);
  });
  place.addEventListener("click", (event) => {
    const index = rowOf(event);
    if (index === null) return;
    choose(index);
    if (!event.target.closest("a")) table.links[index].focus({ preventScroll: true });
  });
}

function stepThroughGraph(event) {
  const at = table.order.indexOf(rowOf(event));
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (at < 0 || !step) return;
  event.preventDefault();
  graph.nodes.get(table.order[clamp(at + step, 0, table.order.length - 1)]).focus();
}

function listenToChart() {
  chart.svg.addEventListener("pointermove", (event) => {
    const index = chart.nearest(event);
    if (index !== null) show(index);
  });
  chart.svg.addEventListener("pointerleave", () => chosen !== null && show(chosen));
  chart.svg.addEventListener("click", (event) => {
    const index = chart.nearest(event);
    if (index === null) return;
    choose(index);
  });
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function listenToTheme() {
  const button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const say = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    say();
  });
  system.addEventListener("change", say);
  say();
}

function followWidth() {
  const around = table.table.parentElement;
  let width = around.clientWidth;
  new ResizeObserver(() => {
    if (around.clientWidth === width) return;
    width = around.clientWidth;
    table.layOut();
  }).observe(around);
}

listenTo(table.table.parentElement);
graph.svg.addEventListener("keydown", stepThroughGraph);
listenToChart();
listenToTheme();
table.apply();
if (report.layers.length) {
  choose(table.order[0], { address: false });
  followAddress();
  followWidth();
}
window.addEventListener("pointermove", (event) => (pointer = [event.clientX, event.clientY]));
window.addEventListener("hashchange", followAddress);
