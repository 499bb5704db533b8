const NAMES = {
  row: ["rows", "top", "bottom"],
  column: ["columns", "left", "right"],
  frame: ["frames", "first", "last"],
  position: ["positions", "start", "end"],
};

/** A stretch of positions along an axis in words: ``rows 3 to 5``, ``position 7 of axis 3``. */
function stretch(name, [first, last]) {
  const one = first === last;
  const words = one ? counted(first) : `${counted(first)} to ${counted(last)}`;
  if (NAMES[name]) return `${one ? name : NAMES[name][0]} ${words}`;
  return `${one ? "position" : "positions"} ${words} of ${name}`;
}

/** What lies between stretches of positions, before the first and after the last: as first position and length. */
function gaps(runs, length) {
  const edges = [[-1, -1], ...runs, [length, length]];
  return runs.length
    ? edges.slice(1).map(([first], i) => [edges[i][1] + 1, first - edges[i][1] - 1]).filter(([, count]) => count > 0)
    : [[0, length]];
}

/** A picture, or a signal, that fields are drawn on; its coordinates are positions of the input. */
class View {
  constructor(svg, axes) {
    this.svg = svg;
    this.axes = axes;
    const [height, width] = this.sizes();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.outside = drawn("path", { class: "outside" });
    this.seen = drawn("rect", { class: "seen" });
    this.halo = drawn("rect", { class: "halo" });
    svg.append(this.outside, this.halo, this.seen);
  }

  sizes() {
    const lengths = this.axes.map((axis) => report.axes[axis].length);
    return lengths.length === 1 ? [1, lengths[0]] : lengths;
  }

  /** Show what is seen, runs of positions along each axis: the rest is dimmed, a frame goes around the whole. */
  draw(parts) {
    const [height, width] = this.sizes();
    const [rows, columns] = parts.length === 1 ? [[[0, 0]], parts[0]] : parts;
    const across = gaps(rows, height).map(([top, count]) => `M0 ${top}h${width}v${count}H0Z`);
    const down = gaps(columns, width).map(([left, count]) => `M${left} 0h${count}v${height}h${-count}Z`);
    this.outside.setAttribute("d", [...across, ...down].join(""));
    for (const frame of [this.seen, this.halo]) this.frame(frame, rows, columns);
  }

  frame(frame, rows, columns) {
    frame.toggleAttribute("hidden", !rows.length || !columns.length);
    if (!rows.length || !columns.length) return;
    const [top, bottom] = [rows[0][0], rows[rows.length - 1][1]];
    const [left, right] = [columns[0][0], columns[columns.length - 1][1]];
    const box = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
    for (const [name, value] of Object.entries(box)) frame.setAttribute(name, value);
  }

  /** The position along each axis that a pointer is at. */
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const [height, width] = this.sizes();
    const x = clamp(((event.clientX - box.left) / box.width) * width - 0.5, 0, width - 1);
    const y = clamp(((event.clientY - box.top) / box.height) * height - 0.5, 0, height - 1);
    return new Map(this.axes.length === 1 ? [[this.axes[0], x]] : [[this.axes[0], y], [this.axes[1], x]]);
  }
}

/** A strip for one axis: ticks where there are few positions, else a signal where it is all of the input. */
function strip(axis, signal) {
  const { length } = report.axes[axis];
  const svg = drawn("svg", { class: signal ? "strip signal" : "strip", preserveAspectRatio: "none", role: "img" });
  svg.setAttribute("aria-labelledby", "readout");
  svg.append(drawn("rect", { class: "ground", width: length, height: 1 }));
  if (signal) {
    const count = Math.min(480, 8 * length);
    const wave = Array.from({ length: count + 1 }, (_, i) => {
      const t = (i / count) * 6.3;
      const y = 0.5 - 0.2 * Math.sin(3 * t) * Math.cos(0.5 * t) - 0.12 * Math.sin(11 * t + 1) - 0.06 * Math.sin(29 * t);
      return `${((i / count) * length).toFixed(2)} ${y.toFixed(3)}`;
    });
    svg.append(drawn("path", { class: "wave", d: `M${wave.join("L")}` }));
  } else if (length <= 64) {
    const lines = Array.from({ length: length - 1 }, (_, i) => `M${i + 1} 0V1`);
    svg.append(drawn("path", { class: "ticks", d: lines.join("") }));
  }
  return svg;
}

class Field {
  constructor() {
    this.find = (id) => document.getElementById(id);
    this.share = report.axes.map(() => 0.5);
    this.views = this.makeViews();
    this.map = this.find("map");
    this.map.addEventListener("pointermove", (event) => this.pointAtMap(event));
    this.map.addEventListener("click", (event) => this.pointAtMap(event));
    this.map.addEventListener("keydown", (event) => this.step(event));
  }

  makeViews() {
    const figure = this.find("views");
    const plane = this.find("plane");
    const made = plane ? [new View(plane, report.plane)] : [];
    report.axes.forEach((axis, index) => {
      if (plane && report.plane.includes(index)) return;
      const svg = strip(index, report.axes.length === 1);
      const label = element("p", { class: "ends" });
      label.append(element("span", {}, "0"), element("span", {}, axis.name), element("span", {}, counted(axis.length - 1)));
      figure.insertBefore(svg, figure.querySelector("figcaption"));
      figure.insertBefore(label, figure.querySelector("figcaption"));
      made.push(new View(svg, [index]));
    });
    for (const view of made) {
      for (const kind of ["pointermove", "click"]) view.svg.addEventListener(kind, (event) => this.pointAt(view.at(event)));
    }
    if (plane) {
      const [height, width] = made[0].sizes();
      plane.style.setProperty("--aspect", clamp(width / height, 0.4, 8));
    }
    return made;
  }

  /** Show a layer: its field for the unit that lies where the last one lay, its map, its figures. */
  show(index) {
    const layer = report.layers[index];
    this.layer = layer;
    this.ranges = rangesOf(layer);
    this.sets = setsOf(layer);
    this.find("field-name").textContent = layer.label;
    this.find("field-type").textContent = layer.type;
    this.unit = layer.dims.map((axes) => this.unitNear(axes));
    this.find("units").hidden = !this.ranges || !layer.dims.length;
    if (this.ranges) this.prepareMap();
    this.draw();
  }

  count(axes) {
    return this.ranges[axes[0]].lo.length;
  }

  unitNear(axes) {
    if (!this.ranges) return 0;
    if (axes.length === 1) return clamp(Math.floor(this.share[axes[0]] * this.count(axes)), 0, this.count(axes) - 1);
    return this.nearest(axes, new Map(axes.map((axis) => [axis, this.share[axis] * report.axes[axis].length])));
  }

  /**
   * The unit of a dimension whose field's centre is nearest to places along some of its axes; of several the one in the
   * same part of its dimension; the middle one where none sees anything there.
   */
  nearest(axes, places) {
    const count = this.count(axes);
    const pointed = axes.filter((axis) => places.has(axis));
    let [best, least] = [Math.floor(count / 2), Infinity];
    for (let unit = 0; unit < count; unit += 1) {
      let distance = 0;
      for (const axis of pointed) {
        const { lo, hi } = this.ranges[axis];
        if (lo[unit] < 0) distance = Infinity;
        const place = places.get(axis);
        distance += Math.abs((lo[unit] + hi[unit]) / 2 - place);
        distance += 1e-3 * Math.abs((unit + 0.5) / count - (place + 0.5) / report.axes[axis].length);
      }
      if (distance < least) [best, least] = [unit, distance];
    }
    return best;
  }

  pointAt(places) {
    if (!this.ranges) return;
    this.layer.dims.forEach((axes, dim) => {
      if (axes.some((axis) => places.has(axis))) this.choose(dim, this.nearest(axes, places));
    });
    this.draw();
  }

  /** Take a unit of a dimension, within its bounds, and remember in which part of the input it lies. */
  choose(dim, unit) {
    const axes = this.layer.dims[dim];
    const count = this.count(axes);
    this.unit[dim] = clamp(Number.isFinite(unit) ? Math.round(unit) : 0, 0, count - 1);
    for (const axis of axes) {
      const span = this.span(axis);
      if (axes.length === 1) this.share[axis] = (this.unit[dim] + 0.5) / count;
      else if (span) this.share[axis] = (span[0] + span[1] + 1) / 2 / report.axes[axis].length;
    }
  }

  /** Dimensions of the map, down and across: the last two, or a single one across. */
  across() {
    const { dims } = this.layer;
    const shown = dims.map((_, dim) => dim).slice(-2);
    return shown.length === 1 ? [null, shown[0]] : shown;
  }

  prepareMap() {
    const [tall, wide] = this.across().map((dim) => (dim === null ? 1 : this.count(this.layer.dims[dim])));
    this.map.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
    const side = clamp(wide / tall, 0.5, 12);
    this.map.style.width = tall === 1 && wide > 1 ? "100%" : `${Math.min(220, 112 * side)}px`;
    this.map.style.height = tall === 1 && wide > 1 ? "28px" : `${Math.min(112, 220 / side)}px`;
    const lines = [];
    if (wide <= 32) for (let i = 1; i < wide; i += 1) lines.push(`M${i} 0V${tall}`);
    if (tall <= 32) for (let i = 1; i < tall; i += 1) lines.push(`M0 ${i}H${wide}`);
    this.here = drawn("rect", { class: "here", width: 1, height: 1 });
    const ground = drawn("rect", { class: "ground", width: wide, height: tall });
    this.map.replaceChildren(ground, drawn("path", { class: "ticks", d: lines.join("") }), this.here);
    this.find("places").replaceChildren(...this.layer.dims.map((axes, dim) => this.place(axes, dim)));
  }

  place(axes, dim) {
    const name = axes.length === 1 ? report.axes[axes[0]].name : "unit";
    const label = element("label", {}, `${name} `);
    const input = element("input", { type: "number", min: 0, max: this.count(axes) - 1, step: 1, "data-dim": dim });
    input.addEventListener("change", () => {
      this.choose(dim, input.valueAsNumber);
      this.draw();
    });
    label.append(input, element("span", {}, ` of ${counted(this.count(axes))}`));
    return label;
  }

  pointAtMap(event) {
    const box = this.map.getBoundingClientRect();
    const places = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    this.across().forEach((dim, way) => {
      if (dim === null) return;
      this.choose(dim, Math.floor(places[way] * this.count(this.layer.dims[dim])));
    });
    this.draw();
  }

  step(event) {
    const [down, across] = this.across();
    const moves = { ArrowUp: [down, -1], ArrowDown: [down, 1], ArrowLeft: [across, -1], ArrowRight: [across, 1] };
    const move = moves[event.key];
    if (!move || move[0] === null) return;
    event.preventDefault();
    this.choose(move[0], this.unit[move[0]] + move[1] * (event.shiftKey ? 10 : 1));
    this.draw();
  }

  unitOf(axis) {
    return this.unit[this.layer.dims.findIndex((axes) => axes.includes(axis))];
  }

  /** The first and the last position along an axis that the unit sees; null where it sees none. */
  span(axis) {
    const unit = this.unitOf(axis);
    const { lo, hi } = this.ranges[axis];
    return lo[unit] >= 0 ? [lo[unit], hi[unit]] : null;
  }

  /** The stretches of positions along an axis that the unit sees: one, unless it skips some. */
  runs(axis) {
    const span = this.ranges && this.span(axis);
    if (!span) return [];
    const [lo, hi] = span;
    const set = this.sets?.[axis][this.unitOf(axis)];
    return set ? set.map(([first, last]) => [lo + first, lo + last]) : [[lo, hi]];
  }

  draw() {
    const { layer, ranges } = this;
    for (const view of this.views) {
      view.draw(view.axes.map((axis) => this.runs(axis)));
    }
    this.find("readout").textContent = ranges ? this.words() : layer.size.includes(null) ? "What it sees is not known." : "";
    if (!ranges) return;
    const [down, across] = this.across();
    this.here.setAttribute("y", down === null ? 0 : this.unit[down]);
    this.here.setAttribute("x", this.unit[across]);
    for (const input of this.find("places").querySelectorAll("input")) input.value = this.unit[input.dataset.dim];
  }

  /** What the unit sees, in a sentence, with the borders that cut its field. */
  words() {
    const parts = [];
    const cut = [];
    const inputOf = (axis) => Math.floor(axis / report.rank);
    const blind = new Set(report.axes.flatMap((_, axis) => (this.span(axis) ? [] : [inputOf(axis)])));
    report.axes.forEach(({ name, length }, axis) => {
      const span = this.span(axis);
      if (blind.has(inputOf(axis))) return;
      const [lo, hi] = span;
      const [, low, high] = NAMES[name] ?? ["", `start of ${name}`, `end of ${name}`];
      parts.push(stretch(name, span));
      if (this.layer.size[axis] === null || hi - lo + 1 >= this.layer.size[axis]) return;
      if (lo === 0) cut.push(low);
      if (hi === length - 1) cut.push(high);
    });
    if (!parts.length) return "This unit sees nothing of the input.";
    const list = (words) => words.join(", ").replace(/, ([^,]*)$/, " and $1");
    const border = cut.length ? `; cut by the border: ${list(cut)}` : "";
    const holes = report.axes.some((_, axis) => this.runs(axis).length > 1) ? ", with holes" : "";
    return `Sees ${list(parts)}${holes}${border}.`;
  }
}
