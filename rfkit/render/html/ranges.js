const report = JSON.parse(document.getElementById("report").textContent);
const SVG = "http://www.w3.org/2000/svg";

/** The numbers that `runs.encode` wrote: a period, and for each of its phases runs of start, step and length. */
function expand(code) {
  const [period] = code;
  const phases = [];
  let at = 1;
  for (let phase = 0; phase < period; phase += 1) {
    const values = [];
    const end = at + 1 + 3 * code[at];
    for (at += 1; at < end; at += 3) {
      for (let i = 0; i < code[at + 2]; i += 1) values.push(code[at] + code[at + 1] * i);
    }
    phases.push(values);
  }
  const count = phases.reduce((sum, values) => sum + values.length, 0);
  return Int32Array.from({ length: count }, (_, i) => phases[i % period][Math.floor(i / period)]);
}

const expanded = new Map();

/** Per axis of the input, the first and last position that each of a layer's units sees; null where it is not known. */
function rangesOf(layer) {
  if (!layer.ranges) return null;
  return layer.ranges.map((place) => {
    if (!expanded.has(place)) {
      const [lo, hi] = report.ranges[place];
      expanded.set(place, { lo: expand(lo), hi: expand(hi) });
    }
    return expanded.get(place);
  });
}

const opened = new Map();

/** Per axis and unit, the runs of positions that it reaches, counted from its first; null for a unit that skips none. */
function setsOf(layer) {
  if (!layer.sets) return null;
  return layer.sets.map((place) => {
    if (!opened.has(place)) {
      const [coded, chosen] = report.sets[place];
      const ways = coded.map(([firsts, lasts]) => {
        const last = expand(lasts);
        return Array.from(expand(firsts), (first, i) => [first, last[i]]);
      });
      opened.set(place, Array.from(expand(chosen), (way) => (way ? ways[way - 1] : null)));
    }
    return opened.get(place);
  });
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function drawn(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** The address within the page of a layer. */
function addressOf(label) {
  return `#layer=${encodeURIComponent(label)}`;
}

function linkTo(index) {
  const { label } = report.layers[index];
  return element("a", { href: addressOf(label) }, label);
}

function counted(number) {
  return number.toLocaleString("en");
}
