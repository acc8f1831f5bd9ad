// The time that is left, and instants in the customer's own zone.

/** @type {WeakMap<Element, number>} when each countdown was first seen */
const seen = new WeakMap();

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
  const deadline = document.querySelector("[data-deadline]");
  if (deadline instanceof HTMLElement) tickDeadline(deadline, remaining(deadline, Number(deadline.dataset.deadline)));
  const wait = document.querySelector("[data-wait]");
  if (wait instanceof HTMLElement) tickWait(wait, remaining(wait, Number(wait.dataset.wait)));
}

/**
 * The server says how long is left; only the time that passed since is taken from this clock.
 * @param {HTMLElement} node
 * @param {number} seconds
 * @returns {number}
 */
function remaining(node, seconds) {
  const since = seen.get(node) ?? Date.now();
  seen.set(node, since);
  return Math.max(0, seconds - Math.floor((Date.now() - since) / 1000));
}

/**
 * @param {HTMLElement} node
 * @param {number} left
 */
function tickDeadline(node, left) {
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
 * The button that the wait belongs to can be pressed when it is over.
 * @param {HTMLElement} node
 * @param {number} left
 */
function tickWait(node, left) {
  const words = node.querySelector("[data-wait-left]");
  const button = node.closest("form")?.querySelector("button");
  if (words) words.textContent = clockFace(left);
  node.hidden = left === 0;
  if (button) button.disabled = left > 0;
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
