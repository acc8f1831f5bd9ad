// A customer proves a phone on the checkout of a real gateway, in a real browser.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { SCHEMES, SCREENS, accessibilityViolations, complaints, launch, overflow, smallTargets } from "../browser.mjs";
import { openShop } from "../shop.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const shop = await openShop(["--phone-verification", "required"]);
const browser = await launch();
let numbers = 0;

after(async () => {
  await browser.close();
  await shop.stop();
});

/** A number that no other test asks codes for. */
const freshNumber = () => `9${String(1000000 + (numbers += 1))}`;

/** @param {string} id */
const charge = (id) => shop.api("GET", `/sessions/${id}/charge`);

/**
 * Opens a session's page, chooses PayNow with a phone and goes on to the question for the code.
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
async function askForCode(options = PHONE) {
  const number = freshNumber();
  const id = await shop.session({ methods: ["paynow"], customer: { email: "customer@gmail.com" } });
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  const page = await context.newPage();
  const complained = complaints(page);
  await page.goto(shop.pageUrl(id));
  await page.locator("input[name=phoneCode]").fill("+65");
  await page.locator("input[name=phone]").fill(number);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Confirm your mobile number" }).waitFor();
  return { id, number, page, complained };
}

/**
 * The code in the message that the sandbox shows.
 * @param {import("playwright-core").Page} page
 */
async function shownCode(page) {
  const message = (await page.locator(".inbox-message").textContent()) ?? "";
  return message.slice(0, 6);
}

/** @param {string} code */
const wrong = (code) => (code === "000000" ? "111111" : "000000");

test("the phone is asked for, proved by the code, and stands on the charge", async () => {
  const { id, number, page, complained } = await askForCode();
  assert.equal((await charge(id)).status, 404);
  assert.ok(((await page.locator("main").textContent()) ?? "").includes(number));
  const field = page.getByLabel("Code from the SMS");
  assert.deepEqual(
    await Promise.all(["inputmode", "autocomplete"].map((name) => field.getAttribute(name))),
    ["numeric", "one-time-code"],
  );
  assert.equal(await page.evaluate(() => document.activeElement?.id), "code");
  const code = await shownCode(page);
  await page.keyboard.type(wrong(code));
  await page.keyboard.press("Enter");
  await page.getByText("Tries left: 4.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "code", "the field is where the customer goes on");
  await field.fill(code);
  await page.getByRole("button", { name: "Confirm and continue" }).dblclick();
  await page.locator("main[data-view=pay]").waitFor();
  const made = (await charge(id)).body;
  assert.equal(made.customer.phone, `+65${number}`);
  await page.getByRole("button", { name: /simulate/i }).click();
  await page.waitForFunction(() => /completed/i.test(document.title));
  assert.deepEqual(complained, []);
  await page.context().close();
});

test("the phone cannot be left out", async () => {
  const id = await shop.session({ methods: ["paynow"], customer: { email: "customer@gmail.com" } });
  const page = await (await browser.newContext(PHONE)).newPage();
  await page.goto(shop.pageUrl(id));
  await page.getByRole("button", { name: "Continue" }).click();
  assert.equal(await page.locator("input[name=phoneCode]:invalid").count(), 1, "the browser asks for it");
  const answer = await page.request.post(`${shop.url}/checkout/sessions/${id}/start`, {
    form: { method: "paynow", email: "customer@gmail.com" },
  });
  assert.equal(answer.status(), 400, "and so does the gateway");
  assert.equal((await charge(id)).status, 404);
  await page.context().close();
});

test("another code can be asked for when the countdown is over, and it ends the first one", async () => {
  const { page } = await askForCode();
  const first = await shownCode(page);
  const again = page.getByRole("button", { name: "Send a new code" });
  assert.ok(await again.isDisabled());
  assert.match((await page.locator("[data-wait-left]").textContent()) ?? "", /^0[01]:\d\d$/);
  // The gateway's time is moved, and the page is read again, as after a look at the messages.
  await shop.api("POST", "/sandbox/clock", { advanceMs: 61_000 });
  await page.reload();
  assert.equal(await page.locator("[data-wait]").count(), 0);
  await again.click();
  await page.locator("[data-wait]").waitFor();
  const second = await shownCode(page);
  if (first !== second) {
    await page.getByLabel("Code from the SMS").fill(first);
    await page.getByRole("button", { name: "Confirm and continue" }).click();
    await page.getByText("Tries left: 4.").waitFor();
  }
  await page.getByLabel("Code from the SMS").fill(second);
  await page.getByRole("button", { name: "Confirm and continue" }).click();
  await page.locator("main[data-view=pay]").waitFor();
  await page.context().close();
});

test("the number can be changed, and the page can be left and read again", async () => {
  const { number, page } = await askForCode();
  await page.reload();
  assert.ok(((await page.locator("main").textContent()) ?? "").includes(number), "reading again asks for the same code");
  await page.getByRole("link", { name: "Change number" }).click();
  assert.equal(await page.locator("input[name=phone]").inputValue(), number);
  assert.equal(await page.locator("input[name=email]").inputValue(), "customer@gmail.com");
  const other = freshNumber();
  await page.locator("input[name=phone]").fill(other);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Confirm your mobile number" }).waitFor();
  assert.ok(((await page.locator("main").textContent()) ?? "").includes(other));
  await page.goBack();
  await page.goForward();
  assert.ok(((await page.locator("main").textContent()) ?? "").includes(other));
  await page.context().close();
});

test("a code that was entered wrongly five times is over", async () => {
  const { id, page } = await askForCode();
  const code = await shownCode(page);
  for (let left = 4; left >= 0; left -= 1) {
    await page.getByLabel("Code from the SMS").fill(wrong(code));
    await page.getByRole("button", { name: "Confirm and continue" }).click();
    await page.getByText(left > 0 ? `Tries left: ${left}.` : "entered wrongly too often").waitFor();
  }
  assert.equal(await page.getByLabel("Code from the SMS").count(), 0);
  assert.deepEqual(await accessibilityViolations(page), []);
  assert.equal((await charge(id)).status, 404);
  await page.context().close();
});

test("everything works without scripts", async () => {
  const { id, number, page } = await askForCode({ ...PHONE, javaScriptEnabled: false });
  const again = page.getByRole("button", { name: "Send a new code" });
  assert.ok(await again.isEnabled());
  await again.click();
  assert.match((await page.locator("[data-wait]").textContent()) ?? "", /in \d+ seconds/, "it is too early, and the page says so");
  const code = await shownCode(page);
  await page.getByLabel("Code from the SMS").fill(wrong(code));
  await page.getByRole("button", { name: "Confirm and continue" }).click();
  await page.getByText("Tries left: 4.").waitFor();
  await page.getByLabel("Code from the SMS").fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.getByRole("button", { name: "Confirm and continue" }).click();
  await page.locator("main[data-view=pay]").waitFor();
  assert.equal((await charge(id)).body.customer.phone, `+65${number}`);
  await page.context().close();
});

describe("the question for the code can be used by everybody", () => {
  for (const screen of SCREENS) {
    for (const colorScheme of SCHEMES) {
      test(`on a ${screen.name} screen, ${colorScheme}`, async () => {
        const { page } = await askForCode({ ...screen.options, colorScheme });
        assert.deepEqual(await accessibilityViolations(page), []);
        assert.deepEqual(await smallTargets(page), []);
        assert.ok((await overflow(page)) <= 0, "the page is wider than the screen");
        if (process.env.XANPAY_PICTURES) {
          await page.screenshot({ path: `${process.env.XANPAY_PICTURES}/verify-${screen.name}-${colorScheme}.png`, fullPage: true });
        }
        await page.context().close();
      });
    }
  }
});
