// What runs in the worker of `workerd.mjs`.

import * as stage0 from "stage0";

import { answering } from "./answer.mjs";

const doors = { "": answering(stage0), "?objects": answering(stage0, true) };

export default {
  async fetch(request) {
    return new Response(
      doors[new URL(request.url).search](await request.text()),
    );
  },
};
