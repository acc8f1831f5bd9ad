// The installed Chromium, driven by playwright-core, and what is asked of every page.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
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

/** The one that `CHROMIUM` names, else Debian's. */
const BROWSER = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  // Chromium's own sandbox refuses to work for root, as in a container.
  chromiumSandbox: process.getuid?.() !== 0,
  args: ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

/** Starts Chromium. */
export function launch() {
  return chromium.launch(BROWSER);
}

/**
 * Starts Chromium for somebody who has set the size of letters; as a rule it is 16.
 * @param {number} pixels
 * @param {import("playwright-core").BrowserContextOptions} options
 * @returns {Promise<{ page: import("playwright-core").Page, stop: () => Promise<void> }>}
 */
export async function launchWithLetters(pixels, options) {
  const profile = await mkdtemp(path.join(tmpdir(), "checkout-profile-"));
  await mkdir(path.join(profile, "Default"));
  const preferences = { webkit: { webprefs: { default_font_size: pixels } } };
  await writeFile(path.join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, { ...BROWSER, ...options });
  const stop = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { page: await context.newPage(), stop };
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

/** Where no word may be broken. The button of the way back names a host, which may be longer than a line. */
const UNBROKEN =
  ".test-mark, .method-name, .method-amount, .figure, .waiting, .left, h1, h2, h3, legend, :not(.ways) > .button";

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>} words of marks, headlines, buttons, methods and figures that are broken over two lines
 */
export function brokenWords(page) {
  return page.evaluate((unbroken) => {
    const broken = [];
    for (const element of document.querySelectorAll(unbroken)) {
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
  }, UNBROKEN);
}

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<number>} pixels by which the page is wider than the screen
 */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
