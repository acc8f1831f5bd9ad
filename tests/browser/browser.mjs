// The installed Chromium, driven by playwright-core, and what is asked of every page.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The screens on which every page is looked at. */
export const SCREENS = [
  { name: "phone", options: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } },
  { name: "small", options: { viewport: { width: 320, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } },
  { name: "desktop", options: { viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 } },
];

/** @type {("light" | "dark")[]} */
export const SCHEMES = ["light", "dark"];

/** Starts Chromium: the one that `CHROMIUM` names, else Debian's. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    // Chromium's own sandbox refuses to work for root, as in a container.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/**
 * Collects what a page complains of: script errors, refused resources, broken policy.
 * @param {import("playwright-core").Page} page
 * @returns {string[]} filled as the page runs
 */
export function complaints(page) {
  /** @type {string[]} */
  const found = [];
  page.on("pageerror", (error) => found.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") found.push(`${message.type()}: ${message.text()}`);
  });
  page.on("dialog", (dialog) => {
    found.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return found;
}

/**
 * Runs axe-core with all its rules, target size included.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>} one line per violation and element
 */
export async function accessibilityViolations(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const axe = /** @type {any} */ (window).axe;
    const result = await axe.run(document, { rules: { "target-size": { enabled: true } } });
    return result.violations.flatMap((/** @type {any} */ violation) =>
      violation.nodes.map((/** @type {any} */ node) => `${violation.id}: ${node.target} ${node.failureSummary}`),
    );
  });
}

/**
 * Controls that a thumb would miss: below 44 CSS pixels high, links inside running text aside.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>}
 */
export function smallTargets(page) {
  return page.evaluate(() => {
    const controls = document.querySelectorAll("button, a.button, summary, .chip, .method, .field input");
    return [...controls]
      .filter((control) => control.checkVisibility())
      .map((control) => ({ control, box: control.getBoundingClientRect() }))
      .filter(({ box }) => box.height < 44 || box.width < 44)
      .map(({ control, box }) => `${control.className || control.tagName} ${box.width}x${box.height}`);
  });
}

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>} words of marks and of methods' names that are broken over two lines
 */
export function brokenWords(page) {
  return page.evaluate(() => {
    const broken = [];
    for (const element of document.querySelectorAll(".test-mark, .method-name")) {
      const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        for (const { 0: word, index } of (text.textContent ?? "").matchAll(/[^\s-]+/g)) {
          const range = document.createRange();
          range.setStart(text, index);
          range.setEnd(text, index + word.length);
          if (new Set([...range.getClientRects()].map((line) => line.top)).size > 1) broken.push(word);
        }
      }
    }
    return broken;
  });
}

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<number>} pixels by which the page is wider than the screen
 */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
