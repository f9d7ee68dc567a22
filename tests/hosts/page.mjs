// What runs in the page of `chromium.mjs`.

import { answering } from "./answer.mjs";
import * as stage0 from "./stage0/browser.js";

globalThis.answer = answering(stage0, location.hash === "#objects");
