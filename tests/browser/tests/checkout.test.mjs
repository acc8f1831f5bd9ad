// The checkout of a real gateway, paid in a real browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SCHEMES, accessibilityViolations, complaints, launch, overflow } from "../browser.mjs";
import { ALL_METHODS, openShop } from "../shop.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const shop = await openShop();
const browser = await launch();

after(async () => {
  await browser.close();
  await shop.stop();
});

/**
 * Opens a session's page.
 * @param {string} id
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
async function open(id, options = PHONE) {
  const page = await (await browser.newContext({ ...options, reducedMotion: "reduce" })).newPage();
  const complained = complaints(page);
  await page.goto(shop.pageUrl(id));
  return { page, complained };
}

/**
 * Chooses a method and goes on. The radio button itself is reached, as its country may be folded away.
 * @param {import("playwright-core").Page} page
 * @param {string} method
 */
async function choose(page, method) {
  const radio = page.locator(`input[name=method][value="${method}"]`);
  const country = await radio.evaluate((input) => input.closest("[data-country]")?.getAttribute("data-country") ?? "");
  const chip = page.locator(`input[name=country][value="${country}"]`);
  if ((await chip.count()) > 0) await chip.check({ force: true });
  await radio.check({ force: true });
  if ((await page.locator("input[name=email]").inputValue()) === "") await page.locator("input[name=email]").fill("c@example.com");
  await page.locator("form.chooser button[type=submit]").click();
  await page.waitForLoadState();
}

/** @param {string} id */
const charge = async (id) => (await shop.api("GET", `/sessions/${id}/charge`)).body;

/** @param {any} paid */
const transfer = (paid, amount = paid.customerAmount) =>
  shop.api("POST", "/sandbox/transfers", {
    method: paid.method,
    account: paid.destination.account,
    amount,
    currency: paid.customerCurrency,
    reference: paid.destination.nonce,
  });

test("a customer chooses, is told how to pay, and sees the payment arrive without touching the page", async () => {
  const id = await shop.session({
    methods: ["paynow", "fps"],
    orders: [{ id: "1", name: "iPhone case", quantity: 1, amount: 35 }],
    customer: { email: "customer@gmail.com", phone: { code: "+65", phone: "12345678901" } },
  });
  const { page, complained } = await open(id);
  assert.equal((await shop.api("GET", `/sessions/${id}`)).body.status, "created", "reading the page uses nothing up");
  assert.equal(await page.locator("input[name=email]").inputValue(), "customer@gmail.com");
  await choose(page, "paynow");
  const made = await charge(id);
  const text = (await page.locator("body").textContent()) ?? "";
  assert.ok(text.includes(made.destination.nonce) && text.includes(made.destination.account) && text.includes("35.00"));
  const picture = await fetch(`${shop.url}/checkout/sessions/${id}/qr.svg`);
  assert.ok((await picture.text()).startsWith("<svg"));
  const received = page.getByText("completed", { exact: false }).first();
  assert.equal((await transfer(made)).body.outcome, "matched");
  await received.waitFor();
  assert.match(await page.title(), /completed/i);
  assert.equal((await charge(id)).status, "completed");
  assert.equal(await page.getByRole("link", { name: /shop\.example\.com/ }).getAttribute("href"), "https://shop.example.com/thanks");
  assert.deepEqual(complained, []);
  await page.context().close();
});

test("the first act begins the session's hour", async () => {
  const id = await shop.session();
  const { page } = await open(id);
  const told = page.waitForResponse((response) => response.url().endsWith("/initiate"));
  await page.locator("input[name=email]").fill("a@example.com");
  await told;
  assert.equal((await shop.api("GET", `/sessions/${id}`)).body.status, "initiated");
  await page.context().close();
});

test("everything works without scripts", async () => {
  const id = await shop.session({ methods: ["paynow"] });
  const { page } = await open(id, { ...PHONE, javaScriptEnabled: false });
  await page.locator("input[name=email]").fill("not an address");
  // Without the browser's own check, as an old browser would send it.
  await page.request.post(`${shop.url}/checkout/sessions/${id}/start`, { form: { method: "paynow", email: "nonsense" } }).then((answer) => assert.equal(answer.status(), 400));
  await page.locator("input[name=email]").fill("a@example.com");
  await page.locator("form.chooser button[type=submit]").click();
  assert.ok(((await page.locator("body").textContent()) ?? "").includes((await charge(id)).destination.nonce));
  await page.getByRole("button", { name: /simulate/i }).click();
  assert.match(await page.title(), /completed/i);
  await page.context().close();
});

test("part of the money shows what is missing, and the rest completes it", async () => {
  const id = await shop.session({ methods: ["paynow"] });
  const { page } = await open(id);
  await choose(page, "paynow");
  const made = await charge(id);
  assert.equal((await transfer(made, "20")).body.outcome, "part");
  await page.getByText("SGD 15.00").first().waitFor();
  assert.equal(await page.locator("[data-qr]").getAttribute("aria-label"), "PayNow QR code for SGD\u00a015.00");
  assert.equal((await transfer(made, "15")).body.outcome, "matched");
  await page.waitForFunction(() => /completed/i.test(document.title));
  await page.context().close();
});

test("a chooser that stayed open in another tab keeps what was typed and notices that the payment has begun or is over", async () => {
  for (const [act, view] of /** @type {const} */ ([["choose", "pay"], ["cancel", "cancelled"]])) {
    const id = await shop.session({ methods: ["paynow"] });
    const { page, complained } = await open(id);
    const asked = () => page.waitForResponse((response) => response.url().endsWith("/status"));
    const first = asked();
    await page.locator("input[name=email]").fill("typed@example.com");
    await first;
    await asked();
    assert.equal(await page.locator("input[name=email]").inputValue(), "typed@example.com");
    assert.equal((await shop.api("GET", `/sessions/${id}`)).body.status, "initiated");
    const other = await page.context().newPage();
    await other.goto(shop.pageUrl(id));
    if (act === "choose") await choose(other, "paynow");
    else await other.request.post(`${shop.url}/checkout/sessions/${id}/cancel`);
    await page.locator(`#view[data-view=${view}]`).waitFor();
    if (act === "choose") {
      // From here on it hears of the payment as any other page does.
      await transfer(await charge(id));
      await page.locator("#view[data-view=completed]").waitFor();
    }
    assert.deepEqual(complained, []);
    await page.context().close();
  }
});

test("on the smallest screens the two fields of a phone stand side by side, equally high", async () => {
  const { page } = await open(await shop.session(), { viewport: { width: 320, height: 640 } });
  const [code, number] = await Promise.all(["#phone-code", "#phone"].map((field) => page.locator(field).boundingBox()));
  assert.ok(code && number);
  assert.deepEqual([code.y, code.height], [number.y, number.height]);
  await page.context().close();
});

test("a cancelled payment says so and shows the way back", async () => {
  const id = await shop.session({ methods: ["paynow"] });
  const { page } = await open(id);
  await choose(page, "paynow");
  await page.locator("summary", { hasText: /cancel/i }).click();
  await page.locator("form[action$='/cancel'] button").click();
  await page.waitForLoadState();
  assert.equal((await charge(id)).status, "cancelled");
  assert.match(await page.title(), /cancel/i);
  await page.context().close();
});

test("a customer who has chosen nothing yet can cancel, and the session says so", async () => {
  const id = await shop.session({ methods: ["paynow"] });
  const { page, complained } = await open(id);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.locator("summary", { hasText: /cancel/i }).click();
  await page.locator("form[action$='/cancel'] button").click();
  await page.waitForFunction(() => /cancelled/i.test(document.title));
  assert.equal((await shop.api("GET", `/sessions/${id}`)).body.status, "cancelled");
  assert.equal((await shop.api("GET", `/sessions/${id}/charge`)).status, 404);
  assert.deepEqual(complained, []);
  await page.context().close();
});

test("an unknown session and the wrong environment are not found", async () => {
  for (const path of ["/checkout/?sessionId=000000000000000000000000&isSandbox=true", `/checkout/?sessionId=${await shop.session()}`, "/"]) {
    assert.equal((await fetch(`${shop.url}${path}`)).status, 404, path);
  }
});

test("what a merchant wrote is text on the live page", async () => {
  const name = "</script><img src=x onerror=alert(1)>\u202Eabc {{7*7}}";
  const id = await shop.session({ orders: [{ id: "1", name, quantity: 1, amount: 35 }] });
  const { page, complained } = await open(id);
  assert.ok(((await page.locator("main").textContent()) ?? "").includes("</script><img src=x onerror=alert(1)>"));
  assert.ok(!(await page.content()).includes("\u202E"));
  assert.deepEqual(complained, []);
  await page.context().close();
});

test("the page loads nothing from elsewhere and stays small", async () => {
  const id = await shop.session();
  const page = await browser.newPage();
  let bytes = 0;
  /** @type {string[]} */
  const foreign = [];
  page.on("response", async (response) => {
    if (!response.url().startsWith(shop.url)) foreign.push(response.url());
    bytes += (await response.body().catch(() => Buffer.alloc(0))).length;
  });
  await page.goto(shop.pageUrl(id), { waitUntil: "networkidle" });
  assert.deepEqual(foreign, []);
  assert.ok(bytes > 0 && bytes < 50_000, `${bytes} bytes`);
  await page.close();
});

describe("each rail", () => {
  for (const method of ALL_METHODS) {
    test(`${method} is chosen, explained and paid`, async () => {
      const id = await shop.session({ methods: [method] });
      const { page, complained } = await open(id);
      await choose(page, method);
      const made = await charge(id);
      const text = (await page.locator("body").textContent()) ?? "";
      assert.ok(text.includes(made.customerCurrency), "the amount is shown in the payer's currency");
      assert.deepEqual(await accessibilityViolations(page), []);
      assert.ok((await overflow(page)) <= 0, "the page is wider than the screen");
      if (process.env.XANPAY_PICTURES) await page.screenshot({ path: `${process.env.XANPAY_PICTURES}/${method}.png`, fullPage: true });
      await page.getByRole("button", { name: /simulate/i }).click();
      await page.waitForFunction(() => /completed/i.test(document.title));
      assert.equal((await charge(id)).status, "completed");
      assert.deepEqual(complained, []);
      await page.context().close();
    });
  }
});

describe("every view of the live page is accessible", () => {
  for (const colorScheme of SCHEMES) {
    test(`on a desktop, ${colorScheme}`, async () => {
      const id = await shop.session({ methods: ["paynow", "fps"] });
      const { page } = await open(id, { viewport: { width: 1280, height: 900 }, colorScheme });
      assert.deepEqual(await accessibilityViolations(page), []);
      await choose(page, "paynow");
      assert.deepEqual(await accessibilityViolations(page), []);
      await page.getByRole("button", { name: /simulate/i }).click();
      await page.waitForFunction(() => /completed/i.test(document.title));
      assert.deepEqual(await accessibilityViolations(page), []);
      await page.context().close();
    });
  }
});

before(() => assert.ok(shop.methods.length === 13));

test("an expired session and an expired charge say so", async () => {
  // Last, as it moves the clock of the whole sandbox.
  const unused = await shop.session({ methods: ["paynow"] });
  const used = await shop.session({ methods: ["paynow"] });
  const { page } = await open(used);
  await choose(page, "paynow");
  assert.equal((await shop.api("POST", "/sandbox/clock", { advanceMs: 61 * 60_000 })).status, 200);
  await page.reload();
  assert.match(await page.title(), /expired/i);
  assert.equal((await charge(used)).status, "expired");
  await shop.api("POST", "/sandbox/clock", { advanceMs: 7 * 24 * 3_600_000 });
  assert.equal((await shop.api("GET", `/sessions/${unused}`)).body.status, "expired");
  await page.goto(shop.pageUrl(unused));
  assert.match(await page.title(), /expired/i);
  await page.context().close();
});
