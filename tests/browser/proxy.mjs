// A proxy that keeps every answer back until it has ended, as many do unless they are told otherwise.

import { createServer, request as ask } from "node:http";

/**
 * @param {string} target the address of the server behind it
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startBufferingProxy(target) {
  const proxy = createServer((request, response) => {
    const { method, headers, url = "/" } = request;
    const behind = ask(new URL(url, target), { method, headers }, (answer) => {
      /** @type {Buffer[]} */
      const held = [];
      answer.on("data", (bytes) => held.push(bytes));
      answer.on("end", () => response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(held)));
      answer.on("error", () => response.destroy());
    });
    behind.on("error", () => response.destroy());
    response.on("close", () => behind.destroy());
    request.pipe(behind);
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  const stop = async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  };
  return { url: `http://127.0.0.1:${address.port}`, stop };
}
