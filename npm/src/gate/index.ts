/** The gate in front of tools. */

export { Answer } from "./answer.js";
export type { Backend, No, Outcome, Question, Reply, Ticket, Told, Yes } from "./backend.js";
export type { Arguments, ToolCall } from "./call.js";
export { Deferred, Denied, Failure, Refused } from "./failure.js";
export { Gate } from "./gate.js";
export type { GateOptions, OutcomeDetails } from "./gate.js";
export { gated } from "./gated.js";
export type { GatedOptions } from "./gated.js";
