// The time that is left, and instants in the customer's own zone.

/** @type {{ since: number, node: Element } | null} */
let running = null;

/** Starts ticking. */
export function watchTimes() {
  showTimes();
  document.addEventListener("checkout:shown", showTimes);
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 1000);
}

function showTimes() {
  for (const node of document.querySelectorAll("time[data-local]")) {
    if (node instanceof HTMLTimeElement) showLocally(node);
  }
  tick();
}

/** @param {HTMLTimeElement} node */
function showLocally(node) {
  const instant = new Date(node.dateTime);
  if (Number.isNaN(instant.getTime())) return;
  const isToday = instant.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const style =
    node.dataset.local === "date"
      ? { dateStyle: "medium", timeStyle: "long" }
      : isToday
        ? { hour: "2-digit", minute: "2-digit" }
        : { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  node.textContent = new Intl.DateTimeFormat(document.documentElement.lang, style).format(instant);
}

function tick() {
  const node = document.querySelector("[data-deadline]");
  if (!(node instanceof HTMLElement)) {
    running = null;
    return;
  }
  if (running?.node !== node) running = { since: Date.now(), node };
  // The server says how long is left; only the time that passed since is taken from this clock.
  const passed = Math.floor((Date.now() - running.since) / 1000);
  const left = Math.max(0, Number(node.dataset.deadline) - passed);
  const words = node.querySelector("[data-left]");
  const row = node.querySelector("[data-left-row]");
  if (!words || !(row instanceof HTMLElement) || Number.isNaN(left)) return;
  words.textContent = clockFace(left);
  row.hidden = false;
  node.classList.toggle("is-short", left < 300);
  if (left === 0 && !node.dataset.over) {
    node.dataset.over = "yes";
    document.dispatchEvent(new CustomEvent("checkout:over"));
  }
}

/**
 * @param {number} seconds
 * @returns {string} `59:07`, or `23:59:07` above an hour
 */
function clockFace(seconds) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
