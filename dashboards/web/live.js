// Binds the feed to the page: values, their ages, the clock and the badge. Only text that differs is written.
import { clock, FORMS, lapse, NOTHING } from "./numbers.js";

const SILENT_INTERVALS = 3;
const FROM_LAG_MS = 5000;

export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function bind(feed) {
  const newest = new Map();
  const zone = document.body.dataset.tz;

  feed.on("tick", ({ values }) => {
    for (const [key, value] of Object.entries(values)) newest.set(key, value);
    show(newest);
    age(feed, newest, zone);
  });
  feed.on("lost", () => age(feed, newest, zone));
  setInterval(() => age(feed, newest, zone), 1000);
  // A region that was just fetched again carries the server's figures, which may be older than ours.
  document.addEventListener("region", () => {
    show(newest);
    age(feed, newest, zone);
  });
  age(feed, newest, zone);
}

function show(newest) {
  for (const element of document.querySelectorAll("[data-key]")) {
    const told = newest.get(element.dataset.key);
    if (!told) continue;
    say(element, FORMS[element.dataset.form](told.v));
    if (told.at == null) delete element.dataset.at;
    else element.dataset.at = told.at;
  }
  for (const element of document.querySelectorAll("[data-why]")) {
    const told = newest.get(element.dataset.why);
    if (told) say(element, (told.v === null ? told.why : told.note) || element.dataset.otherwise);
  }
}

function age(feed, newest, zone) {
  const now = feed.now();
  const silence = feed.silence();
  const patience = Math.max(SILENT_INTERVALS * feed.intervalS * 1000, FROM_LAG_MS);
  const lost = silence !== null && silence > SILENT_INTERVALS * feed.intervalS * 1000;
  badge(feed, silence, lost);
  document.documentElement.classList.toggle("lost", lost);
  say(document.getElementById("clock"), clock(now, zone));
  const ages = new Map();
  for (const element of document.querySelectorAll("[data-key]")) {
    const at = Number(element.dataset.at ?? NaN);
    const old = now - at;
    const stale = lost || old > Math.max(patience, Number(element.dataset.stale) * 1000);
    element.classList.toggle("stale", stale && element.textContent !== NOTHING);
    ages.set(element.dataset.key, { old, stale });
  }
  for (const element of document.querySelectorAll("[data-age]")) {
    const known = ages.get(element.dataset.age);
    if (!known || Number.isNaN(known.old)) continue;
    say(element, `${lapse(known.old)} ago`);
    element.classList.toggle("old", known.stale);
  }
}

function badge(feed, silence, lost) {
  const element = document.getElementById("badge");
  element.classList.toggle("bad", lost || (silence === null && !feed.open && performance.now() > 8000));
  if (lost) say(element, `no data for ${lapse(silence)}`);
  else if (silence === null) say(element, "connecting");
  else say(element, feed.open ? "live" : "reconnecting");
}
