const INPUT = -1;
const WIDEST = { wide: 100, narrow: 54 };
const SPACING = 11;
const MARGIN = 9;

/** By layer, the nearest visible layers that it reads, through those that are not; INPUT for the input itself. */
function visibleSources(visible) {
  const found = [];
  report.layers.forEach((layer, index) => {
    const sources = new Set();
    for (const input of layer.inputs.filter((each) => each < index)) {
      if (input === INPUT || visible[input]) sources.add(input);
      else for (const source of found[input]) sources.add(source);
    }
    found.push(sources);
  });
  return found;
}

/**
 * A lane for each layer, as in the graph of a version history: a layer keeps its lane until the last that reads it has
 * run; that one goes on in the first lane that ends with it, and one with no such lane opens a new one.
 */
function lanesOf(order, sources) {
  const last = new Map();
  order.forEach((index, row) => sources[index].forEach((source) => last.set(source, row)));
  const holders = last.has(INPUT) ? [INPUT] : [];
  const lanes = new Map([[INPUT, 0]]);
  order.forEach((index, row) => {
    const ending = [...sources[index]].filter((source) => last.get(source) === row).map((source) => lanes.get(source));
    for (const lane of ending) holders[lane] = undefined;
    const free = holders.findIndex((holder) => holder === undefined);
    const lane = ending.length ? Math.min(...ending) : free < 0 ? holders.length : free;
    lanes.set(index, lane);
    holders[lane] = last.has(index) ? index : undefined;
  });
  return { lanes, count: Math.max(0, ...lanes.values()) + 1 };
}

class Graph {
  constructor(svg, table) {
    this.svg = svg;
    this.table = table;
    this.nodes = new Map();
  }

  /** Lay out and draw for the rows that are shown, in their order; edges only where that is the order of execution. */
  draw(order, inExecutionOrder) {
    const visible = [];
    order.forEach((index) => (visible[index] = true));
    this.sources = visibleSources(visible);
    this.order = order;
    this.straight = inExecutionOrder;
    const { lanes, count } = inExecutionOrder ? lanesOf(order, this.sources) : { lanes: new Map(), count: 2 };
    this.lanes = lanes;
    const widest = window.matchMedia("(max-width: 700px)").matches ? WIDEST.narrow : WIDEST.wide;
    this.spacing = count > 1 ? Math.min(SPACING, (widest - 2 * MARGIN) / (count - 1)) : 0;
    const width = Math.max(30, 2 * MARGIN + this.spacing * (count - 1));
    this.table.style.setProperty("--graph", `${width}px`);
    this.measure(width);
    const edges = inExecutionOrder ? order.flatMap((index) => this.edgesInto(index)) : [];
    this.context = drawn("path", { class: "context", d: this.path(edges.filter((edge) => this.isContext(edge))) });
    this.plain = drawn("path", { d: this.path(edges.filter((edge) => !this.isContext(edge))) });
    this.marked = drawn("path", { class: "marked" });
    this.svg.replaceChildren(this.plain, this.context, this.marked);
    this.nodes.clear();
    for (const index of order) this.svg.append(this.node(index));
  }

  measure(width) {
    const rows = [...this.table.tBodies[0].rows].filter((row) => !row.hidden);
    const box = rows.length ? rows[0].getBoundingClientRect() : null;
    const around = this.svg.parentElement.getBoundingClientRect();
    this.height = rows.length ? (rows[rows.length - 1].getBoundingClientRect().bottom - box.top) / rows.length : 0;
    this.rows = new Map(this.order.map((index, row) => [index, (row + 0.5) * this.height]));
    this.rows.set(INPUT, -this.height / 2);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", this.height * rows.length);
    this.svg.style.top = rows.length ? `${box.top - around.top + this.svg.parentElement.scrollTop}px` : "0";
  }

  x(index) {
    return MARGIN + this.spacing * (this.lanes.get(index) ?? 0);
  }

  edgesInto(index) {
    return [...this.sources[index]].filter((source) => this.rows.has(source)).map((source) => [source, index]);
  }

  edgesFrom(index) {
    return this.order.filter((each) => this.sources[each].has(index)).map((each) => [index, each]);
  }

  /** Whether an edge hands the whole image to layers that keep a local field. */
  isContext([from, to]) {
    return from !== INPUT && report.layers[from].global && !report.layers[to].global;
  }

  /** Down in the source's lane, over to the target's in the last row; an arc beside the nodes in any other order. */
  path(edges) {
    const parts = edges.map(([from, to]) => {
      const [x, y, u, v] = [this.x(from), this.rows.get(from), this.x(to), this.rows.get(to)];
      if (!this.straight) {
        const out = 2 * MARGIN + this.spacing;
        return `M${x} ${y}C${out} ${y} ${out} ${v} ${u} ${v}`;
      }
      const half = v - this.height / 2;
      return x === u ? `M${x} ${y}V${v}` : `M${x} ${y}V${v - this.height}C${x} ${half} ${u} ${half} ${u} ${v}`;
    });
    return parts.join("");
  }

  node(index) {
    const layer = report.layers[index];
    const link = drawn("a", { href: addressOf(layer.label), tabindex: "-1", "data-row": index, "aria-label": layer.label });
    const at = { cx: this.x(index), cy: this.rows.get(index) };
    const joins = this.sources[index].size > 1;
    const shape = joins
      ? { x: at.cx - 4, y: at.cy - 4, width: 8, height: 8, rx: 1.5 }
      : { ...at, r: layer.changes ? 4 : 2.5 };
    link.append(
      drawn("circle", { ...at, r: 10, class: "around" }),
      drawn(joins ? "rect" : "circle", { ...shape, class: "shell" }),
      drawn(joins ? "rect" : "circle", { ...shape, class: "fill", "fill-opacity": layer.coverage ?? 0 }),
    );
    this.nodes.set(index, link);
    return link;
  }

  /** Bring out one layer and the edges into and out of it. */
  mark(index) {
    this.nodes.get(this.shown)?.classList.remove("marked");
    this.nodes.get(index)?.classList.add("marked");
    this.shown = index;
    const here = this.nodes.has(index);
    this.marked.setAttribute("d", here ? this.path([...this.edgesInto(index), ...this.edgesFrom(index)]) : "");
  }

  /** Only the node of the layer that is chosen is a stop of the tab key. */
  stopAt(index) {
    for (const [each, link] of this.nodes) link.setAttribute("tabindex", each === index ? "0" : "-1");
  }
}
