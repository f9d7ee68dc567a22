// Pages that vite serves and builds, without a word about this package in its configuration.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";

import { chromium } from "playwright-core";
import { Policy } from "stage0";
import { build, createServer, preview } from "vite";

const root = fileURLToPath(new URL("page", import.meta.url));
const outDir = join(mkdtempSync(join(tmpdir(), "stage0-page-")), "dist");
const common = { root, configFile: false, logLevel: "warn", cacheDir: join(outDir, "../cache") };

const decision = Policy.builtin().checkToolCall("crm.lookup", { id: 1n }, { now: "2026-01-05T10:00:00Z" });
const wanted = `${decision.verdict} ${decision.action_digest}`;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
after(() => browser.close());

async function titleOf(url) {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(() => document.title !== "asking", undefined, { timeout: 20_000 }).catch(() => {});
  assert.deepEqual(errors, []);
  return page.title();
}

test("vite serves it", async () => {
  const server = await createServer({ ...common, server: { port: 0 } });
  await server.listen();
  try {
    assert.equal(await titleOf(server.resolvedUrls.local[0]), wanted);
  } finally {
    await server.close();
  }
});

test("vite builds it for a strict Content-Security-Policy", async () => {
  await build({ ...common, build: { outDir } });
  const headers = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
  };
  const server = await preview({ ...common, build: { outDir }, preview: { port: 0, headers } });
  try {
    assert.equal(await titleOf(server.resolvedUrls.local[0]), wanted);
  } finally {
    await server.close();
  }
});
