// What the page does, with scripts and without, against a server that plays the gateway.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import { accessibilityViolations, complaints, launch } from "../browser.mjs";
import { GalleryServer, renderGallery } from "../gallery.mjs";
import { startBufferingProxy } from "../proxy.mjs";

const PAGE = "/?sessionId=62b586f2313ba00012c75e7d&isSandbox=true";
const gallery = await renderGallery();
const browser = await launch();
/** @type {GalleryServer} */
let server;

beforeEach(async () => {
  server = await new GalleryServer(gallery.directory).start();
});
afterEach(() => server.stop());
after(async () => {
  await browser.close();
  await gallery.dispose();
});

/**
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
async function open(options) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  return context.newPage();
}

describe("with scripts", () => {
  test("a copy button copies the bare value, says so to everyone, and is itself again later", async () => {
    const page = await open({ permissions: ["clipboard-write"] });
    await page.clock.install();
    await page.goto(server.url + PAGE);
    const button = page.getByRole("button", { name: "Copy Mobile number" });
    await button.click();
    await page.getByRole("button", { name: "Copied Mobile number" }).waitFor();
    await page.clock.runFor(100);
    assert.equal(await page.locator("#announcer").textContent(), "Copied");
    await page.clock.runFor(3000);
    assert.ok(await button.isVisible());
    assert.equal(await pasted(page.context()), "+6585867834");
    await page.context().close();
  });

  test("copying works where the clipboard interface is missing", async () => {
    const page = await open();
    await page.addInitScript(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
    });
    await page.goto(server.url + PAGE);
    await page.getByRole("button", { name: "Copy Reference" }).click();
    await page.getByRole("button", { name: "Copied Reference" }).waitFor();
    assert.equal(await pasted(page.context()), "ztt1");
    await page.context().close();
  });

  test("the time left counts down in the page and the deadline is in the customer's own zone", async () => {
    const page = await open({ timezoneId: "Asia/Singapore", locale: "en-SG" });
    await page.clock.install({ time: new Date("2026-11-21T13:00:00Z") });
    await page.goto(server.url + PAGE);
    assert.equal(await page.locator("[data-left]").textContent(), "59:07");
    await page.clock.runFor(8000);
    assert.equal(await page.locator("[data-left]").textContent(), "58:59");
    assert.match((await page.locator(".deadline time").textContent()) ?? "", /10:32/);
    await page.context().close();
  });

  test("the page shows the receipt by itself when the money arrives, and stops listening", async () => {
    const page = await open();
    const complained = complaints(page);
    await page.goto(server.url + PAGE);
    await server.until(() => server.listeners.size > 0);
    server.change("completed");
    await page.getByRole("heading", { level: 1, name: "Payment completed" }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Payment completed");
    assert.match(await page.title(), /^Payment completed/);
    assert.deepEqual(await accessibilityViolations(page), []);
    await server.until(() => server.listeners.size === 0);
    assert.deepEqual(complained, []);
    await page.context().close();
  });

  test("a part payment is shown and announced, and the page goes on listening", async () => {
    const page = await open();
    await page.goto(server.url + PAGE);
    await server.until(() => server.listeners.size > 0);
    server.change("pay-part");
    await page.getByText("SGD 15.00").first().waitFor();
    await page.locator("#announcer", { hasText: "Part of your payment has arrived" }).waitFor();
    server.change("completed");
    await page.getByRole("heading", { level: 1, name: "Payment completed" }).waitFor();
    await page.context().close();
  });

  test("without server-sent events the page asks", async () => {
    server.hasEvents = false;
    const page = await open();
    await page.clock.install();
    const refused = page.waitForResponse((response) => response.url().endsWith("/events"));
    await page.goto(server.url + PAGE);
    await refused;
    server.change("completed");
    const headline = page.getByRole("heading", { level: 1, name: "Payment completed" });
    // The browser's clock is moved by hand until the page has asked; each round lets the network answer.
    for (let round = 0; round < 50 && !(await headline.isVisible()); round += 1) await page.clock.runFor(1000);
    assert.ok(await headline.isVisible());
    await page.context().close();
  });

  test("behind a proxy that keeps events back the page asks", async (context) => {
    const proxy = await startBufferingProxy(server.url);
    context.after(() => proxy.stop());
    const page = await open();
    const complained = complaints(page);
    await page.clock.install();
    await page.goto(proxy.url + PAGE);
    await server.until(() => server.listeners.size > 0);
    server.change("completed");
    const headline = page.getByRole("heading", { level: 1, name: "Payment completed" });
    for (let round = 0; round < 50 && !(await headline.isVisible()); round += 1) await page.clock.runFor(1000);
    assert.ok(await headline.isVisible());
    assert.deepEqual(complained, []);
    await page.context().close();
  });

  test("a page whose stream has brought an event does not ask", async () => {
    const page = await open();
    await page.clock.install();
    let asked = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/status")) asked += 1;
    });
    await page.goto(server.url + PAGE);
    await server.until(() => server.listeners.size > 0);
    server.change("pay-part");
    await page.getByText("SGD 15.00").first().waitFor();
    await page.clock.runFor(120_000);
    assert.equal(asked, 0);
    await page.context().close();
  });

  test("a stream that breaks every second does not keep the page from asking", async () => {
    const page = await open();
    await page.clock.install();
    await page.addInitScript(() => {
      // As a browser behaves behind a proxy that cuts every stream: an error, another try, an error.
      class BreakingStream extends EventTarget {
        static CONNECTING = 0;
        static OPEN = 1;
        static CLOSED = 2;
        readyState = 0;
        close() {}
        constructor() {
          super();
          setInterval(() => this.dispatchEvent(new Event("error")), 1000);
        }
      }
      Object.defineProperty(window, "EventSource", { value: BreakingStream });
    });
    await page.goto(server.url + PAGE);
    server.change("completed");
    const headline = page.getByRole("heading", { level: 1, name: "Payment completed" });
    for (let round = 0; round < 50 && !(await headline.isVisible()); round += 1) await page.clock.runFor(1000);
    assert.ok(await headline.isVisible());
    await page.context().close();
  });

  test("the page asks at once when the time runs out", async () => {
    server.hasEvents = false;
    const page = await open();
    await page.clock.install();
    await page.goto(server.url + PAGE);
    assert.equal(await page.getByRole("link", { name: "Check again" }).isVisible(), false);
    server.change("expired");
    const asked = page.waitForResponse((response) => response.url().endsWith("/status"));
    await page.clock.fastForward(3_600_000);
    await asked;
    await page.getByRole("heading", { level: 1, name: "Payment expired" }).waitFor();
    await page.context().close();
  });

  test("another code can be asked for when the wait is over", async () => {
    const page = await open();
    await page.clock.install();
    await page.goto(`${server.url}/verify`);
    const again = page.getByRole("button", { name: "Send a new code" });
    assert.ok(await again.isDisabled());
    assert.equal(await page.locator("[data-wait-left]").textContent(), "00:42");
    await page.clock.runFor(30_000);
    assert.equal(await page.locator("[data-wait-left]").textContent(), "00:12");
    await page.clock.runFor(12_000);
    assert.ok((await again.isEnabled()) && !(await page.locator("[data-wait]").isVisible()));
    await again.click();
    await server.until(() => server.posted.length === 1);
    assert.match(server.posted[0].path, /\/code$/);
    assert.equal(new URLSearchParams(server.posted[0].body).get("choice"), "AVh0c2VhbGVk");
    await page.context().close();
  });

  test("on a phone the code to scan is on the first screen, and on a desk no button opens an app", async () => {
    const page = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    for (const name of ["pay", "pay-foreign", "pay-toss"]) {
      await page.goto(`${server.url}/${name}`);
      const card = await page.locator(".qr-card").boundingBox();
      assert.ok(card && card.y + card.height <= 720, `${name}: the code ends at ${card && card.y + card.height}`);
    }
    assert.ok(await page.getByRole("link", { name: "Open Toss" }).isVisible());
    await page.context().close();
    const desk = await open();
    await desk.goto(`${server.url}/pay-toss`);
    assert.equal(await desk.getByRole("link", { name: "Open Toss" }).count(), 0);
    await desk.context().close();
  });

  test("a country shows its own methods and always has one of them chosen", async () => {
    const page = await open();
    await page.goto(`${server.url}/choose`);
    const visible = () => page.locator(".method:visible .method-name").allTextContents();
    assert.deepEqual(await visible(), ["PayNow"]);
    await page.getByRole("radio", { name: "Hong Kong", exact: true }).check();
    assert.deepEqual(await visible(), ["FPS", "Bank transfer"]);
    assert.equal(await page.locator("input[name=method]:checked").inputValue(), "fps");
    await page.getByRole("button", { name: "Continue" }).click();
    await server.until(() => server.posted.length === 1);
    const form = new URLSearchParams(server.posted[0].body);
    assert.equal(server.posted[0].path, "/checkout/sessions/62b586f2313ba00012c75e7d/start");
    assert.deepEqual(Object.fromEntries(form), {
      isSandbox: "true",
      country: "HK",
      method: "fps",
      email: "customer@gmail.com",
      phoneCode: "+65",
      phone: "12345678901",
    });
    await page.context().close();
  });

  test("the saved QR code is a PNG picture", async () => {
    const page = await open();
    await page.goto(server.url + PAGE);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Save QR code" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "paynow-ztt1.png");
    const bytes = await readFile(await download.path());
    assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    assert.equal(bytes.readUInt32BE(16), 1080);
    await page.context().close();
  });

  test("everything can be reached and used by keyboard", async () => {
    const page = await open();
    await page.goto(`${server.url}/choose`);
    await page.getByRole("radio", { name: "Singapore", exact: true }).focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("input[name=method]:checked").inputValue(), "duit-now");
    await page.goto(server.url + PAGE);
    await page.locator(".cancel summary").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await server.until(() => server.posted.length === 1);
    assert.match(server.posted[0].path, /\/cancel$/);
    await page.context().close();
  });
});

describe("where the modules cannot be read", () => {
  for (const [how, answer] of /** @type {[string, (route: import("playwright-core").Route) => Promise<void>][]} */ ([
    ["an older browser", (route) => route.fulfill({ contentType: "text/javascript", body: "let newer = ;" })],
    ["a broken connection", (route) => route.abort()],
  ])) {
    test(`${how} shows no dead buttons and a link to look again, and reads a payment again by itself`, async () => {
      const page = await open();
      await page.clock.install();
      await page.route(/\/assets\/checkout\.\w+\.js$/, answer);
      await page.goto(server.url + PAGE);
      assert.equal(await page.locator(".copy:visible").count(), 0);
      await page.clock.runFor(5_000);
      assert.equal(await page.locator(".copy:visible").count(), 0);
      const link = page.getByRole("link", { name: "Check again" });
      assert.equal(await link.getAttribute("href"), await page.locator("#view").getAttribute("data-page-url"));
      assert.ok(await link.isVisible());
      server.change("completed");
      await page.clock.runFor(25_000);
      await page.getByRole("heading", { level: 1, name: "Payment completed" }).waitFor();
      await page.getByRole("button", { name: "Print receipt" }).waitFor({ state: "hidden" });
      await page.context().close();
    });

    test(`${how} lets nobody choose a country and be charged by another one's method`, async () => {
      const page = await open();
      await page.clock.install();
      await page.route(/\/assets\/checkout\.\w+\.js$/, answer);
      await page.goto(`${server.url}/choose`);
      // For a moment the page cannot know that nothing more comes.
      await page.getByRole("radio", { name: "Malaysia", exact: true }).check();
      assert.deepEqual(await page.locator(".method:visible .method-name").allTextContents(), ["DuitNow"]);
      assert.equal(await page.locator("input[name=method]:checked").inputValue(), "duit-now");
      await page.clock.runFor(5_000);
      assert.equal(await page.locator(".chip:visible").count(), 0);
      assert.equal(await page.locator(".method:visible").count(), 4);
      assert.deepEqual(await page.locator(".country-name:visible").allTextContents(), [
        "Singapore",
        "Malaysia",
        "Hong Kong",
      ]);
      await page.context().close();
    });
  }
});

describe("without scripts", () => {
  const options = { javaScriptEnabled: false };

  test("all methods are listed under their countries and the form is posted", async () => {
    const page = await open(options);
    await page.goto(`${server.url}/choose`);
    const names = await page.locator(".country-name:visible").allTextContents();
    assert.deepEqual(names, ["Singapore", "Malaysia", "Hong Kong"]);
    assert.equal(await page.locator(".method:visible").count(), 4);
    assert.equal(await page.locator(".chip:visible").count(), 0);
    await page.getByRole("radio", { name: /DuitNow/ }).check();
    await page.getByRole("button", { name: "Continue" }).click();
    assert.equal(new URLSearchParams(server.posted[0].body).get("method"), "duit-now");
    await page.context().close();
  });

  test("the payment page shows a plain time, no dead buttons, and reads itself again", async () => {
    const page = await open(options);
    await page.goto(server.url + PAGE);
    assert.equal(await page.locator(".deadline time").textContent(), "14:32 UTC");
    assert.equal(await page.locator(".copy:visible").count(), 0);
    assert.equal(await page.locator(".deadline-left:visible").count(), 0);
    assert.equal(await page.locator("meta[http-equiv=refresh]").count(), 1);
    server.change("completed");
    await page.getByRole("link", { name: "Check again" }).click();
    assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Payment completed");
    await page.getByRole("button", { name: "Print receipt" }).waitFor({ state: "hidden" });
    await page.context().close();
  });

  test("cancelling asks once more, then posts; simulating posts", async () => {
    const page = await open(options);
    await page.goto(server.url + PAGE);
    const confirm = page.getByRole("button", { name: "Yes, cancel it" });
    assert.equal(await confirm.isVisible(), false);
    await page.getByText("Cancel payment").click();
    await confirm.click();
    await page.getByRole("button", { name: "Simulate this payment" }).click();
    const paths = server.posted.map((post) => post.path.split("/").at(-1));
    assert.deepEqual(paths, ["cancel", "simulate"]);
    assert.equal(server.posted[1].body, "isSandbox=true");
    await page.context().close();
  });
});

test("the printed receipt has every line and no buttons", async () => {
  const page = await open();
  await page.goto(`${server.url}/completed`);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByRole("button").count(), 0);
  assert.equal(await page.locator(".ways:visible").count(), 0);
  assert.ok(await page.getByText("62b58a41313ba00012c7740b").isVisible());
  await page.context().close();
});

test("the way back names its host and never moves the page by itself", async () => {
  const page = await open();
  await page.goto(`${server.url}/completed`);
  const link = page.getByRole("link", { name: "Return to shop.kopikettle.example" });
  assert.equal(await link.getAttribute("href"), "https://shop.kopikettle.example/thanks?order=251");
  assert.match((await link.getAttribute("rel")) ?? "", /noopener/);
  assert.equal(await page.locator("meta[http-equiv=refresh]").count(), 0);
  await page.context().close();
});

/**
 * What the clipboard holds: the page itself may not read it, so it is pasted as a customer would.
 * @param {import("playwright-core").BrowserContext} context
 */
async function pasted(context) {
  const page = await context.newPage();
  await page.goto(`${server.url}/choose-single`);
  const field = page.getByLabel("E-mail");
  await field.focus();
  await page.keyboard.press("Control+V");
  return field.inputValue();
}
