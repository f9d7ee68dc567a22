/** Edge workers: they compile no bytes at run time, so the module is imported as one. */

import { initSync } from "./glue/stage0.js";
// The bundler of the runtime makes a compiled module of this.
import module from "./stage0.wasm";

initSync({ module });

export * from "./index.js";
