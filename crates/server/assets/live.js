// Live status: server-sent events, and asking at growing intervals where they do not come through or are not offered.
//
// A stream counts once an event has come: a proxy that holds answers back until they end keeps it silent, and nothing
// tells the page so. Until then the page asks.
//
// A page takes part when its view names where to ask. Every answer carries a version; when it differs from the shown
// one, the view is read again. A view that names nothing is final, and all asking stops.

import { refreshView, view } from "./page.js";

const FIRST_DELAY_MS = 3000;
/** Where a payment is awaited, and where only another tab could change anything. */
const LONGEST_DELAY_MS = 10000;
const LONGEST_IDLE_DELAY_MS = 30000;

/** @type {EventSource | null} */
let stream = null;
/** Whether the stream has brought an event. */
let isProved = false;
let delay = FIRST_DELAY_MS;
/** The next time of asking; 0 when none is set. */
let timer = 0;
let isRefreshing = false;

/** Starts watching, if the shown view is not final. */
export function watchStatus() {
  if (!source()) return;
  connect();
  askLater();
  document.addEventListener("checkout:over", askNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") askNow();
  });
  addEventListener("online", askNow);
  addEventListener("pageshow", (event) => {
    if (event.persisted) askNow();
  });
  addEventListener("pagehide", () => disconnect());
}

/** @returns {DOMStringMap | null} where to ask, or null on a final view */
function source() {
  const data = view()?.dataset;
  return data?.statusUrl && data.pageUrl ? data : null;
}

function connect() {
  const from = source();
  if (!from?.eventsUrl || stream) return;
  stream = new EventSource(from.eventsUrl);
  stream.addEventListener("status", (event) => {
    isProved = true;
    delay = FIRST_DELAY_MS;
    stopAsking();
    showLost(false);
    void consider(String(event.data));
  });
  stream.addEventListener("error", () => {
    isProved = false;
    // The browser connects again by itself unless the server refused; asking goes on meanwhile in both cases.
    if (stream?.readyState === EventSource.CLOSED) stream = null;
    askLater();
  });
}

function disconnect() {
  stream?.close();
  stream = null;
  isProved = false;
  stopAsking();
}

function stopAsking() {
  clearTimeout(timer);
  timer = 0;
}

function askLater() {
  // A stream that breaks again and again must not put the asking off again and again.
  if (timer !== 0) return;
  timer = window.setTimeout(() => void ask(), delay * (0.8 + Math.random() * 0.4));
  delay = Math.min(delay * 1.6, source()?.eventsUrl ? LONGEST_DELAY_MS : LONGEST_IDLE_DELAY_MS);
}

function askNow() {
  delay = FIRST_DELAY_MS;
  void ask();
}

async function ask() {
  stopAsking();
  const from = source();
  if (!from?.statusUrl) {
    disconnect();
    return;
  }
  try {
    const answer = await fetch(from.statusUrl, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    showLost(false);
    await consider(await answer.text());
  } catch {
    showLost(true);
  }
  if (!source()) return;
  connect();
  if (!isProved) askLater();
}

/** @param {string} json the status as the server words it */
async function consider(json) {
  const from = source();
  if (!from?.pageUrl) return;
  if (isRefreshing) {
    // What is being read may be older than this.
    askLater();
    return;
  }
  /** @type {{ version?: unknown }} */
  let status;
  try {
    status = JSON.parse(json);
  } catch {
    return;
  }
  if (status.version === undefined || String(status.version) === from.version) return;
  isRefreshing = true;
  try {
    await refreshView(from.pageUrl);
  } catch {
    showLost(true);
    askLater();
    return;
  } finally {
    isRefreshing = false;
  }
  if (!source()) disconnect();
}

/** @param {boolean} isLost */
function showLost(isLost) {
  const node = document.querySelector("[data-lost]");
  if (node instanceof HTMLElement) node.hidden = !isLost;
}
