// Makes `dist` of `src`: one module, and a thin entry for each kind of runtime.
//
// The WebAssembly module and the JavaScript around it have to be in `src/glue`, where
// `cargo xtask build npm` puts them. What is made is told with its size.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
// A function that is called from one place stays one of its own: engines compile each when it is first
// called, and the compressor likes it better too.
const settings = ["-Oz", "--one-caller-inline-max-function-size=100", ...features];
const optimizer = fileURLToPath(import.meta.resolve("binaryen")).replace(/[^/\\]+$/, "bin/wasm-opt");

// Optimizing takes as long as all the rest together, so what is made of the same module is kept.
const [input, kept, stamp] = ["src/glue/stage0_bg.wasm", "../target/npm/stage0.wasm", "../target/npm/stage0.wasm.made-of"];
const { version } = JSON.parse(readFileSync(fileURLToPath(import.meta.resolve("binaryen/package.json")), "utf8"));
const madeOf = createHash("sha256").update(`${version} ${settings}\n`).update(readFileSync(input)).digest("hex");
mkdirSync("../target/npm", { recursive: true });
if (!existsSync(kept) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== madeOf) {
  rmSync(stamp, { force: true });
  execFileSync(process.execPath, [optimizer, input, "-o", kept, ...settings], { stdio: "inherit" });
  writeFileSync(stamp, madeOf);
}
copyFileSync(kept, "dist/stage0.wasm");

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
// Node reads a CommonJS file that is imported as one through for its exports, which for the whole build
// takes longer than to run it: so it is a short one that is imported.
const names = metafile.outputs["dist/browser.js"].exports.toSorted();
writeFileSync("dist/node.shared.cjs", 'exports.stage0 = require("./node.cjs");\n');
writeFileSync("dist/node.mjs", `import { stage0 } from "./node.shared.cjs";\n\nexport const { ${names.join(", ")} } = stage0;\n`);

const compiler = fileURLToPath(import.meta.resolve("typescript/package.json")).replace("package.json", "bin/tsc");
execFileSync(process.execPath, [compiler, "-p", "tsconfig.json"], { stdio: "inherit" });
for (const entry of ["browser", "engine", "node", "workerd"]) rmSync(`dist/types/esm/${entry}.d.ts`);
cpSync("dist/types/esm", "dist/types/cjs", { recursive: true });
writeFileSync("dist/types/cjs/package.json", '{ "type": "commonjs" }\n');

writeFileSync("../target/npm/stage0.wasm.gz", gzipSync(readFileSync("dist/stage0.wasm"), { level: 9 }));

for (const file of ["stage0.wasm", "node.cjs", "browser.js", "workerd.js"]) {
  const bytes = readFileSync(`dist/${file}`);
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${file.padEnd(12)} ${String(bytes.length).padStart(9)} bytes ${String(zipped).padStart(9)} gzipped`);
}
