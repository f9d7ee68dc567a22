// The same from CommonJS.

import stage0 = require("stage0");

const policy: stage0.Policy = stage0.Policy.builtin();
const allowed: boolean = policy.check("{}").allowed;
void allowed;
