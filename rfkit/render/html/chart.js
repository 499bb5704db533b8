const EDGES = { left: 44, right: 14, top: 10, bottom: 24 };
const TALL = 168;

/** Round numbers from 0 up to a limit, about so many. */
function ticks(limit, wanted) {
  const rough = Math.max(limit / wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: Math.floor(limit / step) + 1 }, (_, i) => i * step);
}

class Chart {
  constructor(place, picker) {
    this.place = place;
    this.axis = 0;
    this.svg = drawn("svg", { role: "img", height: TALL });
    this.alone = element("p", { class: "under", hidden: "" }, "No layer has a known receptive field.");
    this.key = place.parentElement.querySelector(".key");
    place.append(this.svg, this.alone);
    this.offerAxes(picker);
    new ResizeObserver(() => this.draw()).observe(place);
  }

  /** A choice of axis where layers or inputs are not the same along all of them. */
  offerAxes(picker) {
    const alike = report.layers.every((layer) => new Set(layer.size).size < 2 && new Set(layer.least).size < 2);
    if (alike && new Set(report.axes.map((axis) => axis.length)).size < 2) return;
    const select = picker.querySelector("select");
    const names = { row: "rows", column: "columns", frame: "frames" };
    report.axes.forEach((axis, index) => select.append(element("option", { value: index }, names[axis.name] ?? axis.name)));
    this.axis = Math.max(0, report.plane[0] ?? 0);
    select.value = this.axis;
    select.addEventListener("change", () => {
      this.axis = Number(select.value);
      this.draw();
    });
    picker.hidden = false;
  }

  /** Per depth the smallest and the largest field; the points are the layers that change something. */
  gather() {
    this.points = [];
    this.range = new Map();
    report.layers.forEach((layer, index) => {
      const size = layer.size[this.axis];
      if (size === null || size === undefined || !layer.changes) return;
      this.points.push({ index, depth: layer.depth, size });
      const [low, high] = this.range.get(layer.depth) ?? [Infinity, 0];
      this.range.set(layer.depth, [Math.min(low, layer.least[this.axis] ?? size), Math.max(high, size)]);
    });
    this.depths = [...this.range.keys()].sort((a, b) => a - b);
  }

  draw() {
    const width = this.place.clientWidth;
    if (!width) return;
    this.gather();
    const known = this.depths.length > 0;
    this.svg.toggleAttribute("hidden", !known);
    this.key.toggleAttribute("hidden", !known);
    this.alone.toggleAttribute("hidden", known);
    if (!known) return;
    const length = report.axes[this.axis].length;
    const largest = Math.max(1, ...this.points.map((point) => point.size));
    const beyond = length > 2.5 * largest;
    const limit = beyond ? 1.5 * largest : 1.08 * Math.max(largest, length);
    const deepest = Math.max(1, ...this.depths);
    this.x = (depth) => EDGES.left + (depth / deepest) * (width - EDGES.left - EDGES.right);
    this.y = (size) => TALL - EDGES.bottom - (size / limit) * (TALL - EDGES.top - EDGES.bottom);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("aria-label", this.described(length));
    const scale = this.scale(beyond ? largest : limit, deepest, width);
    this.svg.replaceChildren(...scale, ...this.limit(length, beyond, width), ...this.curve());
    this.name(length, beyond);
    this.marked = drawn("circle", { class: "marked", r: 5, cx: -20, cy: -20 });
    this.svg.append(this.marked);
    this.mark(this.index);
  }

  described(length) {
    const deepest = this.depths[this.depths.length - 1];
    const [low, high] = this.range.get(deepest);
    const range = low === high ? `${high}` : `${low} to ${high}`;
    return `Receptive field by depth: ${range} after ${deepest} layers, on an input of ${length}.`;
  }

  scale(limit, deepest, width) {
    const lines = ticks(limit, 4).flatMap((size) => [
      drawn("line", { class: "rule", x1: EDGES.left, x2: width - EDGES.right, y1: this.y(size), y2: this.y(size) }),
      drawn("text", { class: "up", x: EDGES.left - 8, y: this.y(size) + 4 }, counted(size)),
    ]);
    const along = ticks(deepest, Math.max(2, Math.min(8, width / 90))).map((depth) =>
      drawn("text", { class: "along", x: this.x(depth), y: TALL - 6 }, depth ? counted(depth) : "input"),
    );
    return [...lines, ...along];
  }

  /** The line at the size of the input; one far above all fields is at the upper edge, beyond a break of the scale. */
  limit(length, beyond, width) {
    const y = this.heightOf(length, beyond);
    const line = drawn("line", { class: "limit", x1: EDGES.left, x2: width - EDGES.right, y1: y, y2: y });
    const [x, under] = [EDGES.left, y + 22];
    const broken = drawn("path", { class: "break", d: `M${x - 5} ${under}l10 -5M${x - 5} ${under + 5}l10 -5` });
    return beyond ? [line, broken] : [line];
  }

  heightOf(length, beyond) {
    return beyond ? EDGES.top : this.y(length);
  }

  /** What the line at the size of the input is, on a ground of its own over whatever passes there. */
  name(length, beyond) {
    const y = this.heightOf(length, beyond);
    const text = beyond ? `input ${counted(length)}, far above` : `input ${counted(length)}`;
    const label = drawn("text", { class: "limit", x: EDGES.left + 10, y: y < 30 ? y + 16 : y - 5 }, text);
    this.svg.append(label);
    const box = label.getBBox();
    const ground = { class: "behind", x: box.x - 3, y: box.y, width: box.width + 6, height: box.height };
    this.svg.insertBefore(drawn("rect", ground), label);
  }

  curve() {
    const at = (depth, end) => `${this.x(depth).toFixed(1)} ${this.y(this.range.get(depth)[end]).toFixed(1)}`;
    const up = this.depths.map((depth) => at(depth, 1));
    const down = this.depths.map((depth) => at(depth, 0)).reverse();
    if (!up.length) return [];
    const radius = this.points.length > 150 ? 1.2 : 2.4;
    const dots = this.points.map(({ index, depth, size }) =>
      drawn("circle", { class: "dot", r: radius, cx: this.x(depth), cy: this.y(size), "data-row": index }),
    );
    const origin = `${this.x(0)} ${this.y(1)}`;
    return [
      drawn("path", { class: "band", d: `M${[...up, ...down].join("L")}Z` }),
      drawn("path", { class: "curve", d: `M${[origin, ...up].join("L")}` }),
      ...dots,
    ];
  }

  /** The layer whose point is nearest to a place in the chart. */
  nearest(event) {
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [null, Infinity];
    for (const { index, depth, size } of this.points) {
      const distance = Math.hypot(this.x(depth) - x, (this.y(size) - y) / 3);
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  mark(index) {
    this.index = index;
    const layer = report.layers[index];
    const size = layer?.size[this.axis];
    if (!this.marked || size === null || size === undefined) return this.marked?.setAttribute("cx", -20);
    this.marked.setAttribute("cx", this.x(layer.depth));
    this.marked.setAttribute("cy", this.y(size));
  }
}
