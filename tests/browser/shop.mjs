// A gateway on a throwaway folder with a merchant, receiving accounts of all rails and rates: what the live tests pay at.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

/** An issued static QRIS code of nobody in particular. */
const QRIS =
  "00020101021126610014COM.GO-JEK.WWW01189360091400000000010210G0000000010303UMI51440014ID.CO.QRIS.WWW0215ID10200000000010303UMI5204581253033605802ID5925TOKO CONTOH, Digital & Kr6007JAKARTA61051011062070703A016304DB56";

/** Receiving accounts that belong to nobody in particular: method, account, name, bank, issued code. */
const ACCOUNTS = [
  ["fps", "1234567", "KOPI AND KETTLE"],
  ["hk-bank-transfer", "004-123-456789", "KOPI AND KETTLE", "HSBC"],
  ["paynow", "201403121W", "KOPI AND KETTLE"],
  ["viettel-pay", "0987654321", "KOPI AND KETTLE", "971005"],
  ["duit-now", "+60123456789", "KOPI AND KETTLE"],
  ["instapay", "0123456789", "KOPI AND KETTLE", "PAPHPHM1XXX"],
  ["prompt-pay", "0812345678", "KOPI AND KETTLE"],
  ["in-bank-transfer", "kopi@examplebank", "KOPI AND KETTLE"],
  ["gojek-id", "ID1020000000001", "TOKO CONTOH", "", QRIS],
  ["id-bank-transfer", "1234567890", "KOPI AND KETTLE", "014"],
  ["au-bank-transfer", "062-000 12345678", "KOPI AND KETTLE"],
  ["nz-bank-transfer", "01-0902-0068389-00", "KOPI AND KETTLE"],
  ["toss", "12345678901234", "KOPI AND KETTLE", "토스뱅크"],
];

/** Currencies of the rails and what one SGD is worth in them. */
const RATES = { HKD: "5.7", VND: "19500", MYR: "3.2", PHP: "44", THB: "25", INR: "66", IDR: "12400", AUD: "1.15", NZD: "1.28", KRW: "1060" };

export const ALL_METHODS = [...ACCOUNTS.map(([method]) => method)];

/**
 * @typedef {{ status: number, body: any }} Answer
 * @typedef {{ url: string, methods: string[], api: (method: string, path: string, body?: unknown) => Promise<Answer>, session: (more?: object) => Promise<string>, pageUrl: (id: string) => string, stop: () => Promise<void> }} Shop
 */

/**
 * Sets a merchant up and serves.
 * @param {string[]} [more] further words for the merchant
 * @returns {Promise<Shop>}
 */
export async function openShop(more = []) {
  const binary = process.env.XANPAY_BIN;
  if (!binary) throw new Error("XANPAY_BIN must name the gateway's binary; ./test sets it");
  const data = await mkdtemp(path.join(tmpdir(), "xanpay-browser-"));
  /** @param {string[]} words */
  const command = (...words) => {
    const done = spawnSync(binary, ["--data", data, "--json", ...words], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`xanpay ${words.join(" ")}: ${done.stderr}`);
    return JSON.parse(done.stdout);
  };
  const methods = ALL_METHODS;
  const merchant = command("merchant", "create", "--name", "Kopi & Kettle", "--currency", "SGD", "--methods", methods.join(","), ...more);
  for (const [method, account, name, bank, code] of ACCOUNTS) {
    const rest = [...(bank ? ["--bank", bank] : []), ...(code ? ["--template-qr", code] : [])];
    command("account", "add", "--method", method, "--account", account, "--name", name, ...rest);
  }
  for (const [currency, rate] of Object.entries(RATES)) command("rate", "set", "SGD", currency, rate);
  const gateway = spawn(binary, ["--data", data, "serve", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(gateway, "exit");
  const url = await new Promise((resolve, reject) => {
    gateway.on("exit", (code) => reject(new Error(`the gateway ended with ${code}`)));
    createInterface({ input: gateway.stdout }).on("line", (line) => {
      const match = /^listening on (http:\/\/\S+)/.exec(line);
      if (match) resolve(match[1]);
    });
  });
  const authorization = `Basic ${Buffer.from(`${merchant.apiKey}:${merchant.apiSecret}`).toString("base64")}`;
  /** @type {Shop["api"]} */
  const api = async (method, where, body) => {
    const answer = await fetch(`${url}${where}`, { method, headers: { authorization }, body: body === undefined ? undefined : JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  /** @type {Shop["session"]} */
  const session = async (more = {}) => {
    const answer = await api("POST", "/sessions", { amount: "35", currency: "SGD", redirectUrl: "https://shop.example.com/thanks", ...more });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body.id;
  };
  return {
    url,
    methods,
    api,
    session,
    pageUrl: (id) => `${url}/checkout/?sessionId=${id}&isSandbox=true`,
    stop: async () => {
      gateway.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true });
    },
  };
}
