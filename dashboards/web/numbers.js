// The browser's half of dashboards/numbers.py: the same words for the same numbers.
export const NOTHING = "–";
const SCALES = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
const fixed = new Map();

function digits(value, places) {
  let format = fixed.get(places);
  if (!format) {
    format = new Intl.NumberFormat("en", { minimumFractionDigits: places, maximumFractionDigits: places });
    fixed.set(places, format);
  }
  return format.format(value);
}

export function power(watts) {
  if (watts == null) return NOTHING;
  for (const [size, prefix] of SCALES) {
    if (Math.abs(watts) < size) continue;
    const scaled = watts / size;
    const places = prefix !== "k" ? 2 : Math.abs(scaled) >= 100 ? 0 : 1;
    return `${digits(scaled, places)} ${prefix}W`;
  }
  return `${digits(watts, 0)} W`;
}

// Rounded down, so that only a full hundred reads as one.
export function share(value) {
  return value == null ? NOTHING : `${(Math.floor(value * 10000 + 1e-6) / 100).toFixed(2)} %`;
}

export function ratio(value) {
  return value == null ? NOTHING : value.toFixed(3);
}

export function lapse(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600) % 24;
  const days = Math.floor(seconds / 86400);
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return `${minutes} min`;
}

export const FORMS = { power, share, ratio };

export function clock(ms, zone, options = { hour: "2-digit", minute: "2-digit", second: "2-digit" }) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }).format(ms);
}
