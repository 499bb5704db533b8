const COLLATOR = new Intl.Collator("en", { numeric: true });

/** Columns that go first where there is no room for all; the figures of a layer are also beside the table. */
const SPARE = ["type", "window", "macs", "jump", "params", "output"];
const LETTER = 7.6;
const HEADING = 34;

/** The table: which rows are shown and in what order, and which of them the tab key stops at. */
class Table {
  constructor(table, laidOut) {
    this.table = table;
    this.body = table.tBodies[0];
    this.rows = [...this.body.rows];
    this.links = this.rows.map((row) => row.querySelector("a"));
    this.heads = [...table.querySelectorAll("thead th")];
    this.laidOut = laidOut;
    this.key = "order";
    this.descending = false;
    this.wanted = [];
    this.everything = report.layers.every((layer) => layer.changes);
    this.rows.forEach((row, index) => (row.dataset.row = index));
    this.listen();
  }

  listen() {
    for (const head of this.heads) head.querySelector("button").addEventListener("click", (event) => this.sortBy(event.currentTarget));
    const filter = document.getElementById("filter");
    filter.addEventListener("input", () => {
      this.wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.apply();
    });
    this.all = document.getElementById("all");
    this.all?.addEventListener("change", () => this.showAll(this.all.checked));
    this.body.addEventListener("keydown", (event) => this.step(event));
  }

  sortBy(button) {
    const { key } = button.dataset;
    const figures = !["order", "label", "type"].includes(key);
    this.descending = key === this.key ? !this.descending : figures;
    this.key = key;
    for (const head of this.heads) {
      if (head.classList.contains(key)) head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.apply();
  }

  showAll(everything) {
    this.everything = everything;
    if (this.all) this.all.checked = everything;
    this.apply();
  }

  matches(index) {
    const { label, type } = report.layers[index];
    const text = `${label} ${type}`.toLowerCase();
    return this.wanted.every((word) => text.includes(word));
  }

  /** Sort and filter; what is not known comes last whichever way it is sorted. */
  apply() {
    const matching = report.layers.map((_, index) => index).filter((index) => this.matches(index));
    const order = matching.filter((index) => this.everything || report.layers[index].changes);
    order.sort((a, b) => this.compare(a, b) || a - b);
    const shown = new Set(order);
    const rest = this.rows.map((_, index) => index).filter((index) => !shown.has(index));
    rest.forEach((index) => (this.rows[index].hidden = true));
    order.forEach((index) => (this.rows[index].hidden = false));
    this.body.append(...order.map((index) => this.rows[index]), ...rest.map((index) => this.rows[index]));
    this.order = order;
    this.say(order.length, matching.length - order.length);
    this.layOut();
  }

  layOut() {
    this.fit();
    this.laidOut(this.order, this.key === "order" && !this.descending);
  }

  compare(a, b) {
    const sign = this.descending ? -1 : 1;
    if (this.key === "order") return sign * (a - b);
    const [one, other] = [report.layers[a], report.layers[b]];
    if (this.key === "label" || this.key === "type") return sign * COLLATOR.compare(one[this.key], other[this.key]);
    const [x, y] = [one.sort[this.key], other.sort[this.key]];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (x - y);
  }

  say(shown, left) {
    const more = left && this.wanted.length ? `, ${counted(left)} more among all rows` : "";
    document.getElementById("count").textContent = `${counted(shown)} of ${counted(this.rows.length)} rows${more}`;
    const nothing = document.getElementById("nothing");
    nothing.hidden = shown > 0 || !this.wanted.length;
    const where = left ? `, but ${counted(left)} among all rows` : "";
    nothing.textContent = `No row here has “${this.wanted.join(" ")}” in its name or type${where}.`;
  }

  /** Leave columns out until the rest fits, names of layers included. */
  fit() {
    const room = this.table.parentElement.clientWidth;
    const fitted = `${room} ${this.everything} ${this.wanted}`;
    if (fitted === this.fitted) return;
    this.fitted = fitted;
    const longest = Math.max(...this.order.map((index) => report.layers[index].label.length));
    const wanted = Math.min(longest * LETTER + 28, Math.max(104, room * 0.28));
    for (let left = 0; left <= SPARE.length; left += 1) {
      this.table.className = SPARE.slice(0, left).map((name) => `no-${name}`).join(" ");
      const label = this.heads[1].getBoundingClientRect().width;
      if (this.table.getBoundingClientRect().width <= room + 1 && label >= wanted) return;
    }
  }

  step(event) {
    const at = this.order.indexOf(Number(event.target.closest("tr")?.dataset.row));
    const moves = { ArrowUp: at - 1, ArrowDown: at + 1, PageUp: at - 10, PageDown: at + 10, Home: 0, End: this.order.length - 1 };
    if (at < 0 || !(event.key in moves) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.links[this.order[clamp(moves[event.key], 0, this.order.length - 1)]].focus();
  }

  /** Bring a row into view, whatever hides it. */
  reveal(index) {
    if (this.wanted.length && !this.matches(index)) {
      document.getElementById("filter").value = "";
      this.wanted = [];
    }
    if (this.rows[index].hidden) this.showAll(this.everything || !report.layers[index].changes);
    const { top, bottom } = this.rows[index].getBoundingClientRect();
    if (top < HEADING || bottom > window.innerHeight) this.rows[index].scrollIntoView({ block: "center" });
  }

  mark(index) {
    this.rows[this.marked]?.classList.remove("marked");
    this.rows[index].classList.add("marked");
    this.marked = index;
  }

  choose(index) {
    this.links.forEach((link, each) => {
      link.tabIndex = each === index ? 0 : -1;
      if (each === index) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  }

  /** The first row that is shown is where the tab key stops when the chosen one is not shown. */
  keepStop(index) {
    const stop = this.order.includes(index) ? index : this.order[0];
    this.links.forEach((link, each) => (link.tabIndex = each === stop ? 0 : -1));
  }
}
