// Copy buttons: one listener for all of them, so that an exchanged view needs no new ones.

import { announce } from "./page.js";

const SHOWN_FOR_MS = 2000;

/** @type {WeakMap<Element, { words: string, timer: number }>} */
const shownCopied = new WeakMap();

/** Starts listening. */
export function watchCopyButtons() {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (button instanceof HTMLElement) void copyFrom(button);
  });
}

/** @param {HTMLElement} button */
async function copyFrom(button) {
  if (await writeClipboard(button.dataset.copy ?? "")) {
    announce(button.dataset.copied ?? "");
    showCopied(button);
    return;
  }
  announce(button.dataset.failed ?? "");
  selectValue(button);
}

/**
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission, or a page that is not served over HTTPS: the older way still works there.
    return writeBySelection(text);
  }
}

/**
 * @param {string} text
 * @returns {boolean}
 */
function writeBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "unseen";
  document.body.append(field);
  const focused = document.activeElement;
  field.select();
  let isCopied = false;
  try {
    isCopied = document.execCommand("copy");
  } catch {
    isCopied = false;
  }
  field.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return isCopied;
}

/** @param {HTMLElement} button */
function showCopied(button) {
  const words = button.querySelector("[data-copy-words]");
  if (!words) return;
  const earlier = shownCopied.get(button);
  if (earlier) clearTimeout(earlier.timer);
  const original = earlier?.words ?? words.textContent ?? "";
  words.textContent = button.dataset.copied ?? original;
  button.classList.add("is-copied");
  const timer = window.setTimeout(() => {
    words.textContent = original;
    button.classList.remove("is-copied");
    shownCopied.delete(button);
  }, SHOWN_FOR_MS);
  shownCopied.set(button, { words: original, timer });
}

/**
 * Marks the value, so that the customer copies it with the browser's own means.
 * @param {HTMLElement} button
 */
function selectValue(button) {
  const value = button.closest(".detail")?.querySelector(".value");
  if (value) getSelection()?.selectAllChildren(value);
}
