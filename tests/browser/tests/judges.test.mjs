// Programs of other people read the codes that the gateway writes: promptparse, strictly, and for Vietnam vietnam-qr-pay.
// Needs the binary that XANPAY_BIN names.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { parse } from "promptparse";
import { QRPay } from "vietnam-qr-pay";
import { binary } from "../server.mjs";

const skip = binary ? false : "XANPAY_BIN names no binary";

// Issued codes of nobody in particular, as the rails' own examples have them.
const DUIT_NOW =
  "00020101021126420014A00000061500010106501664021012345678955204000053034585802MY5909QRCSDNBHD6005BANGI63041D55";
const QR_PH =
  "00020101021128560011ph.ppmi.p2m0111BOPIPHMMXXX031512345678901234505030105204581453036085802PH5912SAMPLE STORE6011Quezon City630438AF";
const QRIS =
  "00020101021126610014COM.GO-JEK.WWW01189360091400000000010210G0000000010303UMI51440014ID.CO.QRIS.WWW0215ID10200000000010303UMI5204581253033605802ID5925TOKO CONTOH, Digital & Kr6007JAKARTA61051011062070703A016304DB56";

/** Fields of `xanpay qr encode`, one code per kind of account of every rail that has EMVCo codes. */
const EXAMPLES = [
  { method: "paynow", account: "+6585867834", amount: "35", reference: "bagihotek", name: "DN" },
  { method: "paynow", account: "201403121W", amount: "26.24", reference: "bagihotek", name: "KOPI", dynamic: true },
  { method: "paynow", account: "201403121W", expiry: "20271231" },
  { method: "fps", account: "166366543", amount: "150", reference: "bagihotek", name: "KOPI" },
  { method: "fps", account: "+852-91234567", amount: "150.5", reference: "bagihotek" },
  { method: "fps", account: "pay@shop.hk", clearingCode: "004", amount: "1", currency: "CNY", billNumber: "1" },
  { method: "viettel-pay", bin: "971005", account: "0381234567", amount: "50000", reference: "bagihotek" },
  { method: "viettel-pay", bin: "970436", account: "9704361234567890", card: true, amount: "1", name: "Nguyen" },
  { method: "viettel-pay", bin: "970436", account: "123456789" },
  { method: "prompt-pay", account: "0812345678", amount: "35.50" },
  { method: "prompt-pay", account: "1234567890121", amount: "35.50" },
  { method: "prompt-pay", account: "140000812345678", amount: "35.50" },
  { method: "prompt-pay", biller: "099400016550100", reference: "BAGIHOTEK", reference2: "2", amount: "35.50" },
  { method: "instapay", bic: "BNORPHMMXXX", account: "001234567890", amount: "35.50", reference: "bagihotek", name: "SHOP", city: "MANILA" },
  { method: "instapay", bic: "GXCHPHM2XXX", account: "09171234567", amount: "35.50", reference: "bagihotek", name: "SHOP", city: "MANILA" },
  { method: "instapay", template: QR_PH, amount: "35.50", reference: "bagihotek" },
  { method: "duit-now", template: DUIT_NOW, amount: "35.50", reference: "bagihotek" },
  { method: "gojek-id", template: QRIS, amount: "50000", reference: "bagihotek" },
  { method: "gojek-id", template: QRIS, amount: "50000", feeFixed: "1000" },
];

/**
 * What `xanpay qr encode` writes.
 * @param {object} fields
 * @returns {string}
 */
function encode(fields) {
  const run = spawnSync(String(binary), ["qr", "encode"], { input: JSON.stringify(fields), encoding: "utf8" });
  assert.equal(run.status, 0, `${JSON.stringify(fields)}: ${run.stderr}`);
  return run.stdout.trim();
}

/**
 * The fields in words; issued codes are too long for a name.
 * @param {object} fields
 * @returns {string}
 */
function words(fields) {
  return Object.entries(fields).map(([key, value]) => (key === "template" ? "issued" : `${key} ${value}`)).join(", ");
}

for (const fields of EXAMPLES) {
  test(`promptparse accepts the code of ${words(fields)}`, { skip }, () => {
    const payload = encode(fields);
    const code = parse(payload, true, true);
    assert.ok(code, payload);
    if (fields.amount) assert.equal(Number(code.getTagValue("54")), Number(fields.amount), payload);
  });
}

for (const fields of EXAMPLES.filter(({ method }) => method === "viettel-pay")) {
  test(`vietnam-qr-pay accepts the code of ${words(fields)} and reads the same values`, { skip }, () => {
    const payload = encode(fields);
    const code = new QRPay(payload);
    assert.ok(code.isValid, payload);
    assert.equal(code.consumer.bankNumber, fields.account);
    assert.equal(code.consumer.bankBin, fields.bin);
    assert.equal(code.amount ?? undefined, fields.amount);
    assert.equal(code.additionalData.purpose ?? undefined, fields.reference);
  });
}

test("vietnam-qr-pay accepts every other code too", { skip }, () => {
  for (const fields of EXAMPLES) {
    const payload = encode(fields);
    assert.ok(new QRPay(payload).isValid, payload);
  }
});

test("the judges refuse a code with one wrong digit", { skip }, () => {
  const payload = encode(EXAMPLES[6]);
  const wrong = payload.replace("50000", "50001");
  assert.notEqual(wrong, payload);
  assert.equal(parse(wrong, true, true), null);
  assert.equal(new QRPay(wrong).isValid, false);
});
