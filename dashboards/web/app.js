// What every page starts: the feed, the regions, and the charts that this page has.
import { Feed } from "./feed.js";
import { watchIssues } from "./issuing.js";
import { bind } from "./live.js";
import { refresh, refreshEverySoOften, refreshOn } from "./regions.js";
import { onScheme } from "./theme.js";
import { watchTicks } from "./ticking.js";

const INGEST_PAUSE_MS = 5000;
const page = document.documentElement;

async function start() {
  unfold();
  const feed = new Feed(Number(document.body.dataset.now));
  const figures = await drawCharts();
  bind(feed);
  feed.on("tick", (message) => figures.forEach((figure) => figure.tick?.(message)));
  feed.on("gap", () => {
    figures.forEach((figure) => figure.load?.());
    refresh(() => true);
  });
  feed.on("alarm", () => refreshOn("alarm"));
  feed.on("ingest", () => refreshOn("ingest", INGEST_PAUSE_MS));
  feed.on("build", () => renew());
  feed.on("loading", ({ share }) => loading(share, figures));
  refreshEverySoOften();
  watchIssues();
  document.addEventListener("region", watchIssues);
  watchTicks();
  onScheme(() => figures.forEach((figure) => (figure.retheme ?? figure.draw).call(figure)));
  feed.start();
}

// Where there is room for it, nothing is folded; on a phone only what needs a look is open.
function unfold() {
  if (!matchMedia("(min-width: 701px)").matches) return;
  for (const fold of document.querySelectorAll("details[data-wide]")) fold.open = true;
}

async function drawCharts() {
  const cards = [...document.querySelectorAll("[data-chart]")];
  const map = document.querySelector("[data-map]");
  const figures = [];
  if (cards.length) {
    const { Figure } = await import("./figures.js");
    figures.push(...cards.map((card) => new Figure(card)));
    await Promise.all(figures.map((figure) => figure.load()));
  }
  if (map) {
    const { HeatMap } = await import("./heatmap.js");
    figures.push(new HeatMap(map));
  }
  page.dataset.ready = "";
  return figures;
}

// A wall has nobody to press a button.
function renew() {
  if (page.classList.contains("kiosk")) location.reload();
  else document.getElementById("new-build").hidden = false;
}

function loading(share, figures) {
  const bar = document.getElementById("loading");
  const over = share === null || share >= 1;
  const ended = over && !bar.hidden;
  bar.hidden = over;
  bar.querySelector("progress").value = share ?? 1;
  if (!ended) return;
  // A month that was empty has no map yet that could be filled.
  if (document.body.dataset.page === "green") return location.reload();
  figures.forEach((figure) => figure.load?.());
  refresh(() => true);
}

start();
