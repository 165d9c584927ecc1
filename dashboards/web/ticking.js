// Ticks a whole list of alarms at once, and tells how many are ticked.
import { say } from "./live.js";

const BOX = "input[name=ticked]";

export function watchTicks() {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-tick-all]")) {
      for (const box of target.closest("section").querySelectorAll(BOX)) box.checked = target.checked;
    }
    if (target.matches(`[data-tick-all], ${BOX}`)) count();
  });
  document.addEventListener("region", count);
  count();
}

function count() {
  for (const all of document.querySelectorAll("[data-tick-all]")) {
    const boxes = [...all.closest("section").querySelectorAll(BOX)];
    const ticked = boxes.filter((box) => box.checked).length;
    all.closest("label").hidden = boxes.length < 2;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const form = document.getElementById("several");
  if (!form) return;
  const ticked = document.querySelectorAll(`${BOX}:checked`).length;
  form.querySelector("button").disabled = ticked === 0;
  say(form.querySelector("output"), `${ticked} ticked`);
}
