/** Browsers and bundlers: the module is fetched from beside this file while it is loaded. */

import init from "./glue/stage0.js";

await init({ module_or_path: new URL("./stage0.wasm", import.meta.url) });

export * from "./index.js";
