// The bar of a report that is being issued; the list is drawn anew when it is done.
import { say } from "./live.js";
import { refresh } from "./regions.js";

const EVERY_MS = 700;

export function watchIssues() {
  for (const issue of document.querySelectorAll("[data-progress]:not([data-watched])")) {
    issue.dataset.watched = "";
    poll(issue);
  }
}

async function poll(issue) {
  while (issue.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const told = await ask(issue.dataset.progress);
    if (!told) continue;
    if (told.done) return refresh((region) => region.dataset.region === "reports", 0);
    issue.querySelector("progress").value = told.share;
    say(issue.querySelector("label").firstChild, told.what);
  }
}

async function ask(address) {
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
