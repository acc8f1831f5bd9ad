// Every state of the checkout, rendered from sample values and served as the gateway serves it.
//
// As a program: `node gallery.mjs DIR` writes a picture of each state on each screen, light and dark, into DIR.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SCHEMES, SCREENS, launch } from "./browser.mjs";

const TYPES = new Map([
  [".css", "text/css"],
  [".js", "text/javascript"],
  [".svg", "image/svg+xml"],
]);

const workspace = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Renders the pages with the example program of the server crate, or takes those that `XANPAY_GALLERY` names.
 * @returns {Promise<{ directory: string, names: string[], dispose: () => Promise<void> }>}
 */
export async function renderGallery() {
  const given = process.env.XANPAY_GALLERY;
  const directory = given ?? (await mkdtemp(path.join(tmpdir(), "checkout-gallery-")));
  if (!given) {
    const command = ["run", "--quiet", "--package", "xanpay-server", "--example", "checkout_gallery", "--", directory];
    await promisify(execFile)("cargo", command, { cwd: workspace });
  }
  const files = await readdir(directory);
  const names = files.filter((file) => file.endsWith(".html")).map((file) => file.slice(0, -".html".length));
  const dispose = async () => {
    if (!given) await rm(directory, { recursive: true, force: true });
  };
  return { directory, names: names.sort(), dispose };
}

/**
 * Serves a rendered gallery with the gateway's headers, and plays the gateway for one session: `GET /?sessionId=` shows
 * the state that was set, its status and event addresses answer the version that was set.
 */
export class GalleryServer {
  /** @param {string} directory */
  constructor(directory) {
    this.directory = directory;
    this.shown = "pay";
    this.version = "1";
    this.hasEvents = true;
    /** @type {{ path: string, body: string }[]} */
    this.posted = [];
    /** @type {Set<import("node:http").ServerResponse>} */
    this.listeners = new Set();
    /** @type {{ isTrue: () => boolean, resolve: (value: undefined) => void }[]} */
    this.waiting = [];
    this.url = "";
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
    });
  }

  /** @returns {Promise<this>} listening */
  async start() {
    this.headers = JSON.parse(await readFile(path.join(this.directory, "headers.json"), "utf8"));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", () => resolve(undefined)));
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("no address");
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /**
   * The payment changes: the next look at the page shows another state, and open pages are told.
   * @param {string} shown
   */
  change(shown) {
    this.shown = shown;
    this.version = String(Number(this.version) + 1);
    for (const listener of this.listeners) listener.write(this.event());
  }

  /**
   * Resolves when something that pages do to this server makes the condition true.
   * @param {() => boolean} isTrue
   * @returns {Promise<undefined>}
   */
  until(isTrue) {
    return new Promise((resolve) => {
      this.waiting.push({ isTrue, resolve });
      this.notice();
    });
  }

  notice() {
    const [met, unmet] = [this.waiting.filter((one) => one.isTrue()), this.waiting.filter((one) => !one.isTrue())];
    this.waiting = unmet;
    for (const one of met) one.resolve(undefined);
  }

  event() {
    return `event: status\ndata: {"status":"initiated","version":"${this.version}"}\n\n`;
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async answer(request, response) {
    const { pathname } = new URL(request.url ?? "/", this.url);
    if (request.method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      if (pathname.endsWith("/initiate")) {
        // The page tells that the customer has begun; it is no form.
        response.writeHead(204).end();
        return;
      }
      this.posted.push({ path: pathname, body });
      this.notice();
      response.writeHead(303, { Location: `/?sessionId=62b586f2313ba00012c75e7d` }).end();
    } else if (pathname.endsWith("/events")) {
      this.answerEvents(request, response);
    } else if (pathname.endsWith("/status")) {
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ version: this.version }));
    } else if (pathname.startsWith("/assets/")) {
      const type = TYPES.get(path.extname(pathname)) ?? "application/octet-stream";
      const bytes = await readFile(path.join(this.directory, "assets", path.basename(pathname)));
      response.writeHead(200, { "Content-Type": type, "X-Content-Type-Options": "nosniff" }).end(bytes);
    } else {
      const name = pathname === "/" ? this.shown : path.basename(pathname);
      const html = await readFile(path.join(this.directory, `${name}.html`), "utf8");
      const versioned = html.replace(/data-version="[^"]*"/, `data-version="${this.version}"`);
      response.writeHead(200, { ...this.headers, "Content-Type": "text/html; charset=utf-8" }).end(versioned);
    }
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  answerEvents(request, response) {
    if (!this.hasEvents) {
      // As a gateway with too many streams does.
      response.writeHead(429, { "Retry-After": "60" }).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(this.event());
    this.listeners.add(response);
    request.on("close", () => {
      this.listeners.delete(response);
      this.notice();
    });
    this.notice();
  }
}

/**
 * @param {string} target
 */
async function takePictures(target) {
  await mkdir(target, { recursive: true });
  const gallery = await renderGallery();
  const server = await new GalleryServer(gallery.directory).start();
  const browser = await launch();
  try {
    for (const screen of SCREENS) {
      for (const colorScheme of SCHEMES) {
        const context = await browser.newContext({ ...screen.options, colorScheme, reducedMotion: "reduce" });
        const page = await context.newPage();
        for (const name of gallery.names) {
          await page.goto(`${server.url}/${name}`);
          await page.screenshot({ path: path.join(target, `${name}-${screen.name}-${colorScheme}.png`), fullPage: true });
        }
        await context.close();
      }
    }
  } finally {
    await browser.close();
    await server.stop();
    await gallery.dispose();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = process.argv[2];
  if (!target) throw new Error("usage: node gallery.mjs DIR");
  await takePictures(target);
}
