// A worker in workerd, the runtime of Cloudflare Workers, as a host of the corpus: questions in lines,
// replies in lines. It is bundled as its tools do it. `node workerd.mjs [--objects]`.

import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { Miniflare } from "miniflare";

const folder = fileURLToPath(new URL("./bundled-worker", import.meta.url));
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("./worker.mjs", import.meta.url))],
  bundle: true,
  format: "esm",
  target: "es2022",
  conditions: ["workerd", "worker", "browser"],
  loader: { ".wasm": "copy" },
  assetNames: "[name]",
  outdir: folder,
  write: false,
});
const modules = outputFiles.map((file) => ({
  type: file.path.endsWith(".wasm") ? "CompiledWasm" : "ESModule",
  path: file.path,
  contents: file.path.endsWith(".wasm") ? file.contents : file.text,
}));
// The first module is the one that runs.
modules.sort(
  (one, two) =>
    Number(one.type === "CompiledWasm") - Number(two.type === "CompiledWasm"),
);

const worker = new Miniflare({
  modules,
  modulesRoot: folder,
  compatibilityDate: "2026-01-01",
});
try {
  const objects = process.argv.includes("--objects") ? "?objects" : "";
  for await (const line of createInterface({ input: process.stdin })) {
    const response = await worker.dispatchFetch(`http://host/${objects}`, {
      method: "POST",
      body: line,
    });
    process.stdout.write(`${await response.text()}\n`);
  }
} finally {
  await worker.dispose();
}
