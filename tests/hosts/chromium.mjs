// A page in a headless Chromium as a host of the corpus: questions in lines, replies in lines.
//
// The page is served with a strict Content-Security-Policy: nothing inline, nothing from elsewhere, no
// `eval`; `wasm-unsafe-eval` is what browsers ask for before they compile any WebAssembly.
// `node chromium.mjs PROGRAM [--objects]`.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  wasm: "application/wasm",
};

const served = (path) => {
  if (path === "/")
    return '<!doctype html><meta charset="utf-8"><script type="module" src="/page.mjs"></script>';
  if (path === "/page.mjs" || path === "/answer.mjs")
    return readFileSync(new URL(`.${path}`, import.meta.url));
  if (/^\/stage0\/[a-z0-9]+\.(js|wasm)$/.test(path)) {
    const entry = import.meta.resolve("stage0/package.json");
    return readFileSync(
      new URL(`./dist/${path.slice("/stage0/".length)}`, entry),
    );
  }
  return undefined;
};

const server = createServer((request, response) => {
  const body = served(request.url);
  const type =
    TYPES[request.url === "/" ? "html" : request.url.split(".").pop()];
  response.writeHead(body === undefined ? 404 : 200, {
    "Content-Type": type ?? "text/plain",
    "Content-Security-Policy": POLICY,
  });
  response.end(body);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const [program = "/usr/bin/chromium", ...options] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: program,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => process.stderr.write(`${error.stack}\n`));
  page.on("console", (message) => process.stderr.write(`${message.text()}\n`));
  const objects = options.includes("--objects") ? "#objects" : "";
  await page.goto(`http://127.0.0.1:${server.address().port}/${objects}`);
  await page.waitForFunction(() => globalThis.answer !== undefined, undefined, {
    timeout: 30_000,
  });
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(
      `${await page.evaluate((question) => globalThis.answer(question), line)}\n`,
    );
  }
} finally {
  await browser.close();
  server.close();
}
