// The month map: drawn from the table that the server wrote, so both always tell the same.
import { say } from "./live.js";
import { share } from "./numbers.js";
import { swap } from "./regions.js";
import { colour, rgb } from "./theme.js";

const LEFT = 54;
const TOP = 20;
const ROW = 17;
const STOPS = 5;

export class HeatMap {
  #card;
  #rows;
  #canvas;
  #days;
  #at = { day: 0, hour: 0 };
  #chosen = null;
  #focused = false;

  constructor(card) {
    this.#card = card;
    this.#rows = card.querySelector(".rows");
    this.#days = [...this.#rows.querySelectorAll("tbody tr")].map(readDay);
    this.#canvas = document.createElement("canvas");
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("role", "application");
    this.#canvas.setAttribute("aria-label", "Map of hourly matched share. Arrow keys move, Enter shows the hour.");
    this.#canvas.setAttribute("aria-describedby", "map-readout");
    const room = card.querySelector(".canvas");
    room.append(this.#canvas);
    room.hidden = false;
    this.#rows.hidden = true;
    this.#chosen = this.#find(new URL(location.href).searchParams.get("hour"));
    this.#listen();
    new ResizeObserver(() => this.draw()).observe(room);
    this.draw();
  }

  draw() {
    const width = this.#canvas.parentElement.clientWidth;
    if (!width) return;
    const ratio = devicePixelRatio;
    const height = TOP + this.#days.length * ROW + 2;
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    const ctx = this.#canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    this.cell = (width - LEFT - 2) / 24;
    this.#labels(ctx);
    const ramp = Array.from({ length: STOPS }, (_, i) => rgb(`match-${i}`));
    const hatch = hatching(ctx);
    // On a dark ground nothing green at all is nearly black: the edge tells it from an hour to come.
    this.edge = colour("line");
    ctx.lineWidth = 0.5;
    this.#days.forEach((day, row) =>
      day.hours.forEach((cells, hour) =>
        cells.forEach((cell, part) => this.#paint(ctx, cell, this.#box(row, hour, part, cells.length), ramp, hatch)),
      ),
    );
    this.#outlines(ctx);
  }

  #box(row, hour, part = 0, parts = 1) {
    const width = this.cell / parts;
    return [LEFT + hour * this.cell + part * width, TOP + row * ROW, width - 1, ROW - 1];
  }

  #labels(ctx) {
    ctx.font = "11px system-ui, sans-serif";
    ctx.fillStyle = colour("muted");
    ctx.textBaseline = "middle";
    ctx.textAlign = "center";
    const every = this.cell < 18 ? 6 : 3;
    for (let hour = 0; hour < 24; hour += every) {
      ctx.fillText(String(hour).padStart(2, "0"), LEFT + (hour + 0.5) * this.cell, TOP / 2);
    }
    ctx.textAlign = "right";
    this.#days.forEach((day, row) => ctx.fillText(day.name, LEFT - 6, TOP + (row + 0.5) * ROW));
  }

  #paint(ctx, cell, [x, y, w, h], ramp, hatch) {
    ctx.fillStyle = cell.share === null ? hatch : mix(ramp, cell.share);
    ctx.fillRect(x, y, w, h);
    ctx.strokeStyle = this.edge;
    ctx.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    if (!cell.estimated) return;
    ctx.fillStyle = cell.share > 0.6 ? colour("card") : colour("ink");
    ctx.beginPath();
    ctx.arc(x + w / 2, y + h / 2, 2, 0, Math.PI * 2);
    ctx.fill();
  }

  #outlines(ctx) {
    ctx.lineWidth = 2;
    ctx.strokeStyle = colour("ink");
    if (this.#chosen) ctx.strokeRect(...this.#box(this.#chosen.day, this.#chosen.hour));
    if (!this.#focused) return;
    ctx.strokeStyle = colour("series-2");
    ctx.strokeRect(...this.#box(this.#at.day, this.#at.hour));
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("click", (event) => this.#point(event) && this.#choose());
    canvas.addEventListener("mousemove", (event) => this.#point(event) && this.#say());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    for (const kind of ["focus", "blur"]) {
      canvas.addEventListener(kind, () => {
        this.#focused = kind === "focus";
        this.draw();
      });
    }
    const button = this.#card.querySelector("[data-table]");
    button.addEventListener("click", () => {
      this.#rows.hidden = !this.#rows.hidden;
      canvas.parentElement.hidden = !this.#rows.hidden;
      button.setAttribute("aria-expanded", String(!this.#rows.hidden));
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-at], a[data-hour]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#show(link.dataset.at ?? link.dataset.hour);
    });
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    const hour = Math.floor((event.clientX - box.left - LEFT) / this.cell);
    const day = Math.floor((event.clientY - box.top - TOP) / ROW);
    if (hour < 0 || hour > 23 || day < 0 || day >= this.#days.length) return false;
    this.#at = { day, hour };
    return true;
  }

  #key(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -24], End: [0, 24] };
    const move = moves[event.key];
    if (event.key === "Enter" || event.key === " ") this.#choose();
    else if (move) {
      this.#at.day = clamp(this.#at.day + move[0], this.#days.length - 1);
      this.#at.hour = clamp(this.#at.hour + move[1], 23);
      this.#say();
      this.draw();
    } else return;
    event.preventDefault();
  }

  #say() {
    const day = this.#days[this.#at.day];
    const cells = day.hours[this.#at.hour];
    const words = cells.map((cell) => (cell.share === null ? (cell.reason ?? "no figure") : share(cell.share)));
    const when = `${day.name} ${String(this.#at.hour).padStart(2, "0")}:00`;
    say(this.#card.querySelector(".readout"), `${when}  ${words.join(" and ") || "not settled"}`);
  }

  #choose() {
    const cells = this.#days[this.#at.day].hours[this.#at.hour];
    this.#say();
    if (!cells.length) return;
    this.#show(cells[0].at);
  }

  #find(at) {
    for (const [day, { hours }] of this.#days.entries()) {
      const hour = hours.findIndex((cells) => cells.some((cell) => cell.at === at));
      if (hour >= 0) return { day, hour };
    }
    return null;
  }

  async #show(at) {
    this.#chosen = this.#find(at);
    this.draw();
    const page = new URL(location.href);
    page.searchParams.set("hour", at);
    history.replaceState(null, "", page);
    const source = new URL(this.#card.dataset.hourSrc, location.href);
    source.searchParams.set("hour", at);
    const panel = document.getElementById("hour");
    const answer = await fetch(source, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    swap(panel, fresh.body);
    panel.dataset.at = at;
    if (panel.getBoundingClientRect().top > innerHeight) panel.scrollIntoView({ block: "start" });
  }
}

function readDay(row) {
  const [name, ...cells] = row.cells;
  return { name: name.textContent, hours: cells.map((cell) => [...cell.querySelectorAll("a")].map(readCell)) };
}

function readCell(link) {
  const { at, share: told, estimated } = link.dataset;
  return {
    at,
    share: told === undefined ? null : Number(told),
    estimated: estimated !== undefined,
    reason: link.title || null,
  };
}

function mix(ramp, value) {
  const place = Math.min(1, Math.max(0, value)) * (STOPS - 1);
  const below = Math.min(STOPS - 2, Math.floor(place));
  const part = place - below;
  const parts = ramp[below].map((from, i) => Math.round(from + (ramp[below + 1][i] - from) * part));
  return `rgb(${parts.join(" ")})`;
}

function hatching(ctx) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour("muted");
  pen.beginPath();
  pen.moveTo(-1, 7);
  pen.lineTo(7, -1);
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}

function clamp(value, most) {
  return Math.min(most, Math.max(0, value));
}
