// Colours for canvases: CSS variables resolved by a probe, since light-dark() reaches a canvas as raw text.
let probe = null;

export function colour(name) {
  if (!probe) {
    probe = document.createElement("span");
    probe.className = "probe";
    document.body.append(probe);
  }
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

// Tell when the ground changes; only a page that follows the system can change.
export function onScheme(handler) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", handler);
}

export function rgb(name) {
  return colour(name).match(/[\d.]+/g).slice(0, 3).map(Number);
}
