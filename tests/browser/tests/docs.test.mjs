// The pages /docs/rails and /docs/errors of a real gateway. Needs the binary that XANPAY_BIN names.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SCHEMES, SCREENS, accessibilityViolations, complaints, launch } from "../browser.mjs";
import { binary, startGateway } from "../server.mjs";

const skip = binary ? false : "XANPAY_BIN names no binary";
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;

before(async () => {
  if (skip) return;
  gateway = await startGateway();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

for (const { name, options } of SCREENS) {
  for (const colorScheme of SCHEMES) {
    test(`the tables are readable by everybody on a ${name} screen, ${colorScheme}`, { skip }, async () => {
      const context = await browser.newContext({ ...options, colorScheme, bypassCSP: true });
      const page = await context.newPage();
      const found = complaints(page);
      for (const path of ["/docs/rails", "/docs/errors"]) {
        const response = await page.goto(gateway.url + path);
        assert.equal(response?.status(), 200);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is too wide`);
        assert.deepEqual(await accessibilityViolations(page), [], path);
      }
      assert.deepEqual(found, []);
      await context.close();
    });
  }
}

test("without scripts every rail and every error code can be reached by its link", { skip }, async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${gateway.url}/docs/rails`);
  const links = page.locator("table").first().locator("a");
  assert.equal(await links.count(), 13);
  for (const link of await links.all()) {
    const target = await link.getAttribute("href");
    assert.equal(await page.locator(`section${target}`).count(), 1, String(target));
  }
  await page.getByRole("link", { name: "Errors" }).click();
  await page.waitForURL("**/docs/errors");
  assert.ok(await page.locator("tr#rate_unavailable").isVisible());
  await context.close();
});
