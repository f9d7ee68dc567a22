// Makes `dist` of `src`: one module, and a thin entry for each kind of runtime.
//
// The WebAssembly module and the JavaScript around it have to be in `src/glue`, where
// `cargo xtask build npm` puts them. What is made is told with its size.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");

// Features that every engine of the last years has. `--all-features` makes modules that none accepts.
const features = [
  "--enable-bulk-memory",
  "--enable-multivalue",
  "--enable-mutable-globals",
  "--enable-nontrapping-float-to-int",
  "--enable-reference-types",
  "--enable-sign-ext",
];
const optimizer = fileURLToPath(import.meta.resolve("binaryen")).replace(/[^/\\]+$/, "bin/wasm-opt");
const optimized = ["src/glue/stage0_bg.wasm", "-o", "dist/stage0.wasm", "-Oz", ...features];
execFileSync(process.execPath, [optimizer, ...optimized], { stdio: "inherit" });

const common = { bundle: true, target: "es2022", legalComments: "none", external: ["*.wasm"], metafile: true };
const { metafile } = await build({
  ...common,
  entryPoints: ["src/browser.ts", "src/workerd.ts"],
  outdir: "dist",
  format: "esm",
});
await build({
  ...common,
  entryPoints: ["src/node.ts"],
  outfile: "dist/node.cjs",
  format: "cjs",
  platform: "node",
});

// Both module systems of Node share the CommonJS build, so that there is one engine and one `Decision`.
const names = metafile.outputs["dist/browser.js"].exports.toSorted();
const shared = `import stage0 from "./node.cjs";\n\nexport const { ${names.join(", ")} } = stage0;\n`;
writeFileSync("dist/node.mjs", shared);

const compiler = fileURLToPath(import.meta.resolve("typescript/package.json")).replace("package.json", "bin/tsc");
execFileSync(process.execPath, [compiler, "-p", "tsconfig.json"], { stdio: "inherit" });
for (const entry of ["browser", "engine", "node", "workerd"]) rmSync(`dist/types/esm/${entry}.d.ts`);
cpSync("dist/types/esm", "dist/types/cjs", { recursive: true });
writeFileSync("dist/types/cjs/package.json", '{ "type": "commonjs" }\n');

mkdirSync("../target/npm", { recursive: true });
writeFileSync("../target/npm/stage0.wasm.gz", gzipSync(readFileSync("dist/stage0.wasm"), { level: 9 }));

for (const file of ["stage0.wasm", "node.cjs", "browser.js", "workerd.js"]) {
  const bytes = readFileSync(`dist/${file}`);
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${file.padEnd(12)} ${String(bytes.length).padStart(9)} bytes ${String(zipped).padStart(9)} gzipped`);
}
