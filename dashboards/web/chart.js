// A time series chart: gaps stay gaps, a current value stands at the line's end, keys move a read-out.
import uPlot from "uplot";
import { say } from "./live.js";
import { clock } from "./numbers.js";
import { colour } from "./theme.js";

const DASHES = [[], [8, 4], [14, 3, 3, 3]];
const LABEL_LETTERS = 9;
const NARROW = 520;
const SPEAK_EVERY_MS = 2000;
// A line that ended longer ago than this many steps has no current value.
const CURRENT_STEPS = 2;
const BAND_ALPHA = 0.22;

export class Chart {
  #card;
  #plot;
  #uplot = null;
  #data = null;
  #cursor = null;
  #spoken = 0;
  #spread = [];

  // `lines`: [{ key, label }]; `form` writes a value; `units`: [[size, name]], largest first, of which the
  // axis takes the one that fits; without them the axis shows what matters of a ratio, not its zero.
  // `limit` and `mark` are a value and a time (ms) to draw across the chart.
  constructor(card, { lines, form, units = null, limitName = "limit", limit = null, mark = null }) {
    this.#card = card;
    this.#plot = card.querySelector(".plot");
    Object.assign(this, { lines, form, units, limitName, limit, mark, scale: 1 });
    this.zone = document.body.dataset.tz;
    this.#plot.addEventListener("keydown", (event) => this.#key(event));
    card.querySelector("[data-table]")?.addEventListener("click", (event) => this.#table(event.currentTarget));
    this.#legend();
    new ResizeObserver(() => this.#resize()).observe(this.#plot);
  }

  // Columns: [times in s, values …] with null for what is not known. `spread` holds for each line the least
  // and the greatest value within each step, or null: a peak must not vanish in a mean.
  draw(columns, spread = []) {
    this.#data = columns;
    this.#spread = spread;
    const known = columns.slice(1).some((column) => column.some((value) => value !== null));
    if (!known) return this.state("No figures in this time.");
    this.state(null);
    this.#scaleUp();
    if (this.#uplot) this.#uplot.setData(columns, !this.#zoomed());
    else this.#make();
    this.#tellNewest();
    this.#refreshTable();
  }

  // The last point follows the feed until its step is over; then a new one begins.
  append(at, values, stepS) {
    if (!this.#data || !this.#uplot) return;
    const times = this.#data[0];
    const start = Math.floor(at / 1000 / stepS) * stepS;
    if (start < times.at(-1)) return;
    const fresh = start > times.at(-1);
    if (fresh) times.push(start);
    values.forEach((value, index) => {
      const column = this.#data[index + 1];
      if (fresh) column.push(value);
      else column[column.length - 1] = value;
    });
    if (fresh) this.#moveOn();
    this.#uplot.setData(this.#data, !this.#zoomed());
    this.#tellNewest();
  }

  // A step has been added: the oldest leaves, and of the newest no spread is known yet.
  #moveOn() {
    const bands = this.#spread.flatMap((band) => band ?? []);
    bands.forEach((column) => column.push(null));
    if (this.#data[0].length > 2) [...this.#data, ...bands].forEach((column) => column.shift());
  }

  // Draw a sentence in place of the chart; null draws the chart again.
  state(words) {
    this.#plot.querySelector(".chart-state")?.remove();
    if (words === null) return;
    this.#uplot?.destroy();
    this.#uplot = null;
    const note = document.createElement("p");
    note.className = "chart-state";
    note.textContent = words;
    this.#plot.append(note);
  }

  // The unit in which the largest value has one to three digits before the point.
  #scaleUp() {
    if (!this.units) return;
    const most = Math.max(this.limit ?? 0, ...this.#data.slice(1).flat().map((value) => value ?? 0));
    const [size, name] = this.units.find(([least]) => most >= least) ?? this.units.at(-1);
    this.scale = size;
    say(this.#card.querySelector(".unit"), name);
  }

  retheme() {
    if (!this.#uplot) return;
    this.#uplot.destroy();
    this.#make();
  }

  #zoomed() {
    const { scales, data } = this.#uplot;
    return scales.x.min > data[0][0] + 1 || scales.x.max < data[0].at(-1) - this.stepSlack();
  }

  stepSlack() {
    const times = this.#data[0];
    return times.length > 1 ? times[1] - times[0] + 1 : 1;
  }

  #make() {
    const ink = colour("muted");
    // A wall has larger letters, and a canvas does not inherit them.
    this.letter = Math.round(parseFloat(getComputedStyle(this.#plot).fontSize) * 0.8);
    const grid = { stroke: colour("line"), width: 1 };
    const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: `${this.letter}px system-ui, sans-serif` };
    const narrow = this.#plot.clientWidth < NARROW;
    this.colours = this.lines.map((_, index) => colour(`series-${index + 1}`));
    this.#uplot = new uPlot(
      {
        width: this.#plot.clientWidth,
        height: this.#plot.clientHeight,
        padding: [14, narrow ? 24 : this.letter * LABEL_LETTERS, 0, 0],
        legend: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), this.zone),
        cursor: { points: { size: 7 }, drag: { x: true, y: false } },
        scales: { y: { range: (_, low, high) => this.#range(low, high) } },
        axes: [
          { ...axis, size: this.letter * 2.5, values: (_, ticks) => this.#times(ticks) },
          { ...axis, size: this.letter * 4.2, values: (_, ticks) => this.#amounts(ticks) },
        ],
        series: [
          {},
          ...this.lines.map((line, index) => ({
            label: line.label,
            stroke: this.colours[index],
            width: 1.75,
            dash: DASHES[index],
            points: { show: true, size: 4, fill: this.colours[index], filter: alone },
          })),
        ],
        hooks: { drawAxes: [(u) => this.#bands(u)], draw: [(u) => this.#annotate(u, narrow)], setCursor: [(u) => this.#read(u.cursor.idx)] },
      },
      this.#data,
      this.#plot,
    );
  }

  #range(low, high) {
    if (low == null) return [0, 1];
    for (const band of this.#spread) for (const value of band?.[1] ?? []) high = Math.max(high, value ?? high);
    // Power is seen from zero; a ratio near its limit would then be a flat line.
    if (!this.units) {
      const values = this.limit === null ? [low, high] : [low, high, this.limit];
      const room = (Math.max(...values) - Math.min(...values)) * 0.15 || 0.05;
      return [Math.min(...values) - room, Math.max(...values) + room];
    }
    const near = this.limit !== null && this.limit < high * 2 ? this.limit : 0;
    return [Math.min(0, low), Math.max(high, near) * 1.08];
  }

  // As many decimals as the step between two ticks needs: steps of 2.5 are not 2, 5, 8.
  #amounts(ticks) {
    const step = ticks.length > 1 ? (ticks[1] - ticks[0]) / this.scale : 1;
    const exact = (places) => Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) < 1e-6;
    const places = [0, 1, 2, 3].find(exact) ?? 3;
    return ticks.map((value) => (value / this.scale).toFixed(places));
  }

  #times(ticks) {
    return ticks.map((at) => clock(at * 1000, this.zone, { hour: "2-digit", minute: "2-digit" }));
  }

  #annotate(u, narrow) {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `${this.letter * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    if (this.limit !== null) this.#limitLine(u, ratio);
    if (this.mark !== null) this.#markLine(u, ratio);
    if (!narrow) this.#endLabels(u, bbox, ratio);
    ctx.restore();
  }

  #bands(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.globalAlpha = BAND_ALPHA;
    this.#spread.forEach((band, index) => {
      ctx.fillStyle = this.colours[index];
      for (const [from, until] of runs(band?.[0] ?? [])) this.#band(u, band, from, until);
    });
    ctx.restore();
  }

  #band(u, [low, high], from, until) {
    const { ctx } = u;
    const x = (i) => u.valToPos(u.data[0][i], "x", true);
    ctx.beginPath();
    for (let i = from; i < until; i++) ctx.lineTo(x(i), u.valToPos(high[i], "y", true));
    for (let i = until - 1; i >= from; i--) ctx.lineTo(x(i), u.valToPos(low[i], "y", true));
    ctx.fill();
  }

  #limitLine(u, ratio) {
    const y = u.valToPos(this.limit, "y", true);
    if (y < u.bbox.top) return;
    const { ctx, bbox } = u;
    ctx.strokeStyle = ctx.fillStyle = colour("ink");
    ctx.lineWidth = ratio;
    ctx.setLineDash([6 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillText(`${this.limitName} ${this.form(this.limit)}`, bbox.left + 6 * ratio, y - 4 * ratio);
  }

  #markLine(u, ratio) {
    const x = u.valToPos(this.mark / 1000, "x", true);
    const { ctx, bbox } = u;
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.strokeStyle = ctx.fillStyle = colour("ink");
    ctx.lineWidth = ratio;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const roomy = x < bbox.left + bbox.width - 50 * ratio;
    ctx.textAlign = roomy ? "left" : "right";
    ctx.fillText("began", x + (roomy ? 4 : -4) * ratio, bbox.top + bbox.height - 6 * ratio);
    ctx.textAlign = "left";
  }

  #endLabels(u, bbox, ratio) {
    const { ctx } = u;
    const labels = this.lines
      .map((line, index) => ({ line, index, value: current(u.data[index + 1]) }))
      .filter(({ value }) => value !== null)
      .map((label) => ({ ...label, y: u.valToPos(label.value, "y", true) }))
      .sort((a, b) => a.y - b.y);
    // Labels of lines that lie together are pushed apart, and then back into the chart.
    const step = (this.letter + 3) * ratio;
    labels.forEach((label, i) => i && (label.y = Math.max(label.y, labels[i - 1].y + step)));
    labels.reverse().forEach((label, i, all) => {
      const floor = i ? all[i - 1].y - step : bbox.top + bbox.height;
      label.y = Math.min(label.y, floor);
    });
    for (const { line, index, value, y } of labels) {
      ctx.fillStyle = this.colours[index];
      ctx.fillText(`${line.label} ${this.form(value)}`, bbox.left + bbox.width + 6 * ratio, y + 4 * ratio);
    }
  }

  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 }[event.key];
    if (by === undefined || !this.#uplot) return;
    event.preventDefault();
    const last = this.#data[0].length - 1;
    this.#cursor = Math.min(last, Math.max(0, (this.#cursor ?? last) + by));
    this.#uplot.setCursor({ left: this.#uplot.valToPos(this.#data[0][this.#cursor], "x"), top: 10 });
  }

  #read(index) {
    const readout = this.#card.querySelector(".readout");
    if (index == null || !this.#data) return say(readout, "");
    const speak = performance.now() - this.#spoken > SPEAK_EVERY_MS;
    readout.setAttribute("aria-live", speak ? "polite" : "off");
    if (speak) this.#spoken = performance.now();
    const values = this.lines.map((line, i) => `${line.label} ${this.form(this.#data[i + 1][index])}`);
    say(readout, `${this.#moment(this.#data[0][index])}   ${values.join(" · ")}`);
  }

  #moment(seconds) {
    const options = { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    return clock(seconds * 1000, this.zone, options);
  }

  // Where there is no room for names at the lines' ends, they stand below the chart.
  #legend() {
    this.newest = this.lines.map(() => document.createElement("b"));
    const list = document.createElement("ul");
    list.className = "legend lines";
    this.lines.forEach((line, index) => {
      const item = document.createElement("li");
      const stroke = document.createElement("span");
      stroke.className = `stroke stroke-${index + 1}`;
      item.append(stroke, line.label, " ", this.newest[index]);
      list.append(item);
    });
    this.#plot.after(list);
  }

  #tellNewest() {
    this.newest.forEach((element, index) => say(element, this.form(current(this.#data[index + 1]))));
  }

  #table(button) {
    const rows = this.#card.querySelector(".rows");
    rows.hidden = !rows.hidden;
    button.setAttribute("aria-expanded", String(!rows.hidden));
    this.#refreshTable();
  }

  #refreshTable() {
    const rows = this.#card.querySelector(".rows");
    if (rows.hidden || !this.#data) return;
    const table = document.createElement("table");
    table.className = "figures";
    const head = table.createTHead().insertRow();
    ["Time", ...this.lines.map((line) => line.label)].forEach((words, i) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = words;
      if (i) cell.className = "n";
      head.append(cell);
    });
    const body = table.createTBody();
    for (let i = this.#data[0].length - 1; i >= 0; i--) {
      const row = body.insertRow();
      row.insertCell().textContent = this.#moment(this.#data[0][i]);
      this.lines.forEach((_, line) => {
        const cell = row.insertCell();
        cell.className = "n";
        cell.textContent = this.form(this.#data[line + 1][i]);
      });
    }
    rows.replaceChildren(table);
  }

  #resize() {
    if (!this.#uplot || !this.#plot.clientWidth) return;
    const crossed = (this.#plot.clientWidth < NARROW) !== (this.#uplot.width < NARROW);
    if (crossed) this.retheme();
    else this.#uplot.setSize({ width: this.#plot.clientWidth, height: this.#plot.clientHeight });
  }
}

// Where a column is known: [first, one past the last] of each stretch.
function runs(column) {
  const found = [];
  column.forEach((value, i) => {
    if (value === null) return;
    if (found.at(-1)?.[1] === i) found.at(-1)[1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

// What has no neighbour would not be seen as a line: it becomes a dot, and the gaps stay gaps.
function alone(u, series) {
  const column = u.data[series];
  const found = [];
  column.forEach((value, i) => {
    if (value !== null && (column[i - 1] ?? null) === null && (column[i + 1] ?? null) === null) found.push(i);
  });
  return found;
}

// The newest value, unless the line ended before the chart does: an old value must not pass for the present.
function current(column) {
  return column.slice(-CURRENT_STEPS).findLast((value) => value != null) ?? null;
}
