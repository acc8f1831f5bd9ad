// A real gateway for the tests that need one: the binary that `XANPAY_BIN` names, playing its demo.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** The binary, or undefined: tests that need it then say so and are skipped. */
export const binary = process.env.XANPAY_BIN;

/**
 * Starts `xanpay demo` on a free port and waits until it accepts.
 * @param {string[]} [more] further arguments
 * @returns {Promise<{ url: string, lines: string[], stop: () => Promise<void> }>} its address and what it printed
 */
export async function startGateway(more = []) {
  if (!binary) throw new Error("XANPAY_BIN names no binary");
  const gateway = spawn(binary, ["demo", "--listen", "127.0.0.1:0", ...more], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(gateway, "exit");
  /** @type {string[]} */
  const lines = [];
  const url = await new Promise((resolve, reject) => {
    gateway.on("error", reject);
    gateway.on("exit", (code) => reject(new Error(`the gateway ended with ${code}:\n${lines.join("\n")}`)));
    createInterface({ input: gateway.stdout }).on("line", (line) => {
      lines.push(line);
      const match = /listening on (http:\/\/\S+)/.exec(line);
      if (match) resolve(match[1]);
    });
  });
  const stop = async () => {
    gateway.kill("SIGTERM");
    await ended;
  };
  return { url, lines, stop };
}
