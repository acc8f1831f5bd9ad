// What the modules share: speaking to screen readers and exchanging the view.

/** @returns {HTMLElement | null} the part of the page that changes with the payment */
export function view() {
  return document.getElementById("view");
}

/**
 * Has a screen reader say something without moving the focus.
 * @param {string} words
 */
export function announce(words) {
  const announcer = document.getElementById("announcer");
  if (!announcer) return;
  announcer.textContent = "";
  // The same words twice in a row are only spoken when the text was empty in between.
  requestAnimationFrame(() => {
    announcer.textContent = words;
  });
}

/**
 * Reads a page of our own. XMLHttpRequest parses it into a document whose scripts never run, so no text is turned into
 * markup by hand and the Trusted Types policy needs no exception.
 * @param {string} url
 * @returns {Promise<Document>}
 */
function readPage(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.timeout = 15000;
    request.onload = () => {
      if (request.status === 200 && request.responseXML) resolve(request.responseXML);
      else reject(new Error(`status ${request.status}`));
    };
    request.onerror = () => reject(new Error("no answer"));
    request.ontimeout = () => reject(new Error("timed out"));
    request.send();
  });
}

/**
 * Puts the present state of the payment in place of the shown one. Rejects when the page could not be read; the shown
 * one then stays.
 * @param {string} url
 */
export async function refreshView(url) {
  const page = await readPage(url);
  const next = page.getElementById("view");
  const present = view();
  if (!next || !present) throw new Error("not a checkout page");
  const isOtherView = next.dataset.view !== present.dataset.view;
  const opened = openDetails(present);
  const focused = focusPath(present);
  document.title = page.title;
  present.replaceWith(document.importNode(next, true));
  const shown = view();
  if (!shown) return;
  document.dispatchEvent(new CustomEvent("checkout:shown"));
  const headline = shown.querySelector("[data-focus]");
  if (isOtherView) window.scrollTo({ top: 0 });
  if (isOtherView && headline instanceof HTMLElement) {
    headline.focus({ preventScroll: true });
    return;
  }
  for (const name of opened) {
    const details = shown.querySelector(`details.${name}`);
    if (details instanceof HTMLDetailsElement) details.open = true;
  }
  if (focused) {
    const again = shown.querySelector(focused);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }
  announce(shown.dataset.announce ?? document.title);
}

/**
 * @param {HTMLElement} root
 * @returns {string[]} the class that tells each open part from the others
 */
function openDetails(root) {
  return [...root.querySelectorAll("details[open]")].map(ownClass);
}

/**
 * @param {HTMLElement} root
 * @returns {string | null} a selector that finds the focused control again
 */
function focusPath(root) {
  const active = document.activeElement;
  if (!(active instanceof HTMLElement) || !root.contains(active)) return null;
  if (active.dataset.copy !== undefined) return `[data-copy="${CSS.escape(active.dataset.copy)}"]`;
  if (active.dataset.saveQr !== undefined) return "[data-save-qr]";
  const details = active.closest("summary")?.closest("details");
  return details ? `details.${ownClass(details)} > summary` : null;
}

/**
 * @param {Element} element
 * @returns {string} its last class, which is its own
 */
function ownClass(element) {
  return element.classList[element.classList.length - 1] ?? "none";
}
