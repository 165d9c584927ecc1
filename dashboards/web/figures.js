// Which charts there are: what each fetches, and which figures of the feed continue it.
import { Chart } from "./chart.js";
import { power, ratio } from "./numbers.js";

const KINDS = {
  power: {
    form: power,
    units: [
      [1e9, "GW"],
      [1e6, "MW"],
      [1e3, "kW"],
      [1, "W"],
    ],
    limitName: "grid contract",
    lines: [
      { key: "power_w", label: "Site" },
      { key: "it_w", label: "IT" },
      { key: "gpu_w", label: "GPU" },
    ],
  },
  pue: { form: ratio, lines: [{ key: "pue", label: "PUE" }] },
};

export class Figure {
  #card;
  #chart;
  #kind;
  #stepS = 300;

  constructor(card) {
    const { chart, limit, mark } = card.dataset;
    this.#card = card;
    this.#kind = KINDS[chart];
    this.#chart = new Chart(card, {
      ...this.#kind,
      limit: limit === undefined ? null : Number(limit),
      mark: mark === undefined ? null : Number(mark),
    });
  }

  async load() {
    if (!this.#card.querySelector(".u-wrap")) this.#chart.state("Loading…");
    try {
      const answer = await fetch(this.#card.dataset.src, { headers: { Accept: "application/json" } });
      if (!answer.ok) return this.#chart.state(await trouble(answer));
      const told = await answer.json();
      this.#stepS = told.step_s;
      if (told.limit_w != null) this.#chart.limit = told.limit_w;
      const keys = this.#kind.lines.map(({ key }) => key);
      const spread = keys.map((key) => (told[`${key}_min`] ? [told[`${key}_min`], told[`${key}_max`]] : null));
      this.#chart.draw([told.t.map((ms) => ms / 1000), ...keys.map((key) => told[key])], spread);
    } catch {
      this.#chart.state("The service cannot be reached. The chart returns when it does.");
    }
  }

  tick({ t, values }) {
    const site = this.#card.dataset.live;
    if (!site) return;
    this.#chart.append(t, this.#kind.lines.map(({ key }) => values[`${site}.${key}`]?.v ?? null), this.#stepS);
  }

  retheme() {
    this.#chart.retheme();
  }
}

async function trouble(answer) {
  try {
    const { title, detail } = await answer.json();
    const words = detail ?? title;
    return `${words[0].toUpperCase()}${words.slice(1)}.`;
  } catch {
    return `The figures could not be read (${answer.status}).`;
  }
}
