// Parts of a page that are drawn by the server and fetched again when something happened.
const BOXES = "input[type=checkbox]";
const FIELDS = "textarea, select, input:not([type=hidden], [type=checkbox])";
const wanted = new Map();
let timer = null;
let busy = false;

// Fetch soon all regions that `accepts` chooses; calls that come together become one request per address.
export function refresh(accepts, delay = 400) {
  for (const region of document.querySelectorAll("[data-region]")) {
    if (accepts(region)) wanted.set(region.dataset.region, region.dataset.src ?? here());
  }
  if (wanted.size && timer === null) timer = setTimeout(run, delay);
}

// A page that answers a form stands at the form's address, which cannot be read again.
function here() {
  return document.body.dataset.here ?? location.href;
}

export function refreshOn(kind, delay) {
  refresh((region) => (region.dataset.on ?? "").split(" ").includes(kind), delay);
}

export function refreshEverySoOften() {
  const due = new Map();
  setInterval(() => {
    if (document.visibilityState === "hidden") return;
    refresh((region) => {
      const every = Number(region.dataset.every);
      if (!every) return false;
      const last = due.get(region.dataset.region) ?? performance.now();
      if (!due.has(region.dataset.region)) due.set(region.dataset.region, last);
      if (performance.now() - last < every * 1000) return false;
      due.set(region.dataset.region, performance.now());
      return true;
    }, 0);
  }, 1000);
}

async function run() {
  timer = null;
  if (busy) {
    timer = setTimeout(run, 400);
    return;
  }
  busy = true;
  const batch = new Map(wanted);
  wanted.clear();
  try {
    for (const address of new Set(batch.values())) {
      const names = [...batch].filter(([, source]) => source === address).map(([name]) => name);
      await fetchInto(address, names);
    }
  } catch {
    // The service is away: the feed says so, and fetches everything again when it is back.
  } finally {
    busy = false;
  }
}

async function fetchInto(address, names) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (answer.redirected && new URL(answer.url).pathname === "/login") {
    document.getElementById("signed-out").hidden = false;
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const name of names) {
    const old = document.querySelector(`[data-region="${name}"]`);
    const whole = fresh.querySelector(`[data-region="${name}"]`);
    swap(old, whole ?? fresh.body);
  }
  document.dispatchEvent(new Event("region"));
}

// What a person has folded, ticked or written in `old` stays as it is.
export function swap(old, fresh) {
  if (!old || old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  // Never take a form away from under somebody's hands.
  if (focused?.matches(FIELDS)) return;
  const ticked = new Set([...old.querySelectorAll(BOXES)].filter((box) => box.checked).map((box) => box.value));
  const written = new Map([...old.querySelectorAll(FIELDS)].map((field) => [field.id, field.value]));
  const folds = new Map([...old.querySelectorAll("details")].map((fold) => [folded(fold), fold.open]));
  const label = focused && (focused.getAttribute("aria-label") ?? focused.textContent);
  old.replaceChildren(...fresh.cloneNode(true).childNodes);
  for (const fold of old.querySelectorAll("details")) fold.open = folds.get(folded(fold)) ?? fold.open;
  for (const box of old.querySelectorAll(BOXES)) box.checked = ticked.has(box.value);
  for (const field of old.querySelectorAll(FIELDS)) field.value = written.get(field.id) ?? field.value;
  if (!label) return;
  const again = [...old.querySelectorAll("a, button, summary, input")];
  again.find((e) => (e.getAttribute("aria-label") ?? e.textContent) === label)?.focus();
}

// What a fold is known by; counts in its summary change.
function folded(fold) {
  return fold.dataset.fold ?? fold.querySelector("summary").textContent;
}
