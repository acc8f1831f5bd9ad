// Every state of the checkout, on a phone and on a desktop, light and dark.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { SCHEMES, SCREENS, accessibilityViolations, brokenWords, complaints, launch, launchWithLetters, overflow, smallTargets } from "../browser.mjs";
import { GalleryServer, renderGallery } from "../gallery.mjs";

const gallery = await renderGallery();
const server = await new GalleryServer(gallery.directory).start();
const browser = await launch();

after(async () => {
  await browser.close();
  await server.stop();
  await gallery.dispose();
});

for (const screen of SCREENS) {
  for (const colorScheme of SCHEMES) {
    describe(`on a ${screen.name} screen, ${colorScheme}`, () => {
      /** @type {import("playwright-core").Page} */
      let page;
      /** @type {string[]} */
      let complained;
      before(async () => {
        page = await browser.newPage({ ...screen.options, colorScheme, reducedMotion: "reduce" });
        complained = complaints(page);
      });
      after(() => page.context().close());

      for (const name of gallery.names) {
        test(`the page "${name}" is accessible, fits and breaks no policy`, async () => {
          complained.length = 0;
          await page.goto(`${server.url}/${name}`);
          await unfold(page);
          assert.deepEqual(await accessibilityViolations(page), []);
          assert.deepEqual(await smallTargets(page), []);
          assert.ok((await overflow(page)) <= 0, "the page is wider than the screen");
          assert.deepEqual(await brokenWords(page), []);
          assert.deepEqual(complained, []);
        });
      }
    });
  }
}

for (const percent of [150, 200]) {
  test(`with letters of ${percent} % every page fits a phone and breaks no word`, async (context) => {
    const phone = { viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
    const { page, stop } = await launchWithLetters((16 * percent) / 100, { ...phone, reducedMotion: "reduce" });
    context.after(stop);
    for (const name of gallery.names) {
      await page.goto(`${server.url}/${name}`);
      await unfold(page);
      assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize), `${(16 * percent) / 100}px`);
      assert.ok((await overflow(page)) <= 0, `${name} is wider than the screen`);
      assert.deepEqual(await brokenWords(page), [], name);
    }
  });
}

test("what a merchant wrote is shown as text and does nothing", async () => {
  const page = await browser.newPage();
  const complained = complaints(page);
  await page.goto(`${server.url}/choose-hostile`);
  const text = (await page.locator("main").textContent()) ?? "";
  assert.ok(text.includes("{{constructor.constructor('alert(1)')()}}${7*7}<%= 7*7 %>"));
  assert.ok(text.includes("</script><img src=x onerror=alert(1)>"));
  assert.ok(!/[\u202A-\u202E\u2066-\u2069]/.test(await page.content()));
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(complained, []);
  await page.close();
});

test("the first view weighs less than 50 kilobytes on every page, uncompressed", async () => {
  for (const name of gallery.names) {
    const html = await readFile(path.join(gallery.directory, `${name}.html`), "utf8");
    const loaded = new Set(html.match(/\/assets\/[\w.-]+/g));
    assert.ok(loaded.size > 5, `${name} loads ${loaded.size} files`);
    let bytes = Buffer.byteLength(html);
    for (const url of loaded) bytes += (await readFile(path.join(gallery.directory, url))).length;
    assert.ok(bytes < 50_000, `${name}: ${bytes} bytes`);
  }
});

/**
 * Opens every folded part, so that nothing hides from the checks.
 * @param {import("playwright-core").Page} page
 */
async function unfold(page) {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
}
