/** Node, Bun and Deno: the module is a file beside this one, and policies are files. */

import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { dirname, join } from "node:path";

import { initSync } from "./glue/stage0.js";
import { useFiles } from "./policy.js";

// This is the CommonJS build, which both module systems share: one engine, one set of classes.
declare const __dirname: string;

initSync({ module: new WebAssembly.Module(readFileSync(join(__dirname, "stage0.wasm"))) });

useFiles({
  read(path, bytesMax) {
    const file = openSync(path, "r");
    try {
      const pieces: Uint8Array[] = [];
      for (let left = bytesMax; left > 0;) {
        const piece = new Uint8Array(Math.min(left, 65_536));
        const length = readSync(file, piece);
        if (length === 0) break;
        pieces.push(piece.subarray(0, length));
        left -= length;
      }
      return new Uint8Array(Buffer.concat(pieces));
    } finally {
      closeSync(file);
    }
  },
  beside: (importing, wanted) => join(dirname(importing), wanted),
});

export * from "./index.js";
