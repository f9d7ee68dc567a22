// What a page does: one import, and a decision.

import { Policy } from "stage0";

const decision = Policy.builtin().checkToolCall("crm.lookup", { id: 1n }, { now: "2026-01-05T10:00:00Z" });
document.title = `${decision.verdict} ${decision.action_digest}`;
