/**
 * Decides, before an AI agent acts, whether it may: ALLOW, DENY or DEFER, with reasons.
 *
 * The same names in every runtime: Node, Bun, Deno, browsers, bundlers and edge workers.
 *
 * @module
 */

export { AuditChain, verifyAudit, verifyCheckpoint } from "./audit.js";
export type { AuditHead, AuditOptions, AuditReport, Checkpoint, OutcomeOptions, VerifyAuditOptions } from "./audit.js";
export { Decision, Explanation } from "./decision.js";
export type { Clause, DecisionData, Issue, Resolution, RuleReport, Severity, ToolVerdict, Verdict } from "./decision.js";
export { AuditError, PermitError, PolicyError, RequestError, Stage0Error, TicketError } from "./errors.js";
export type { Location, Problem } from "./errors.js";
export { Answer, Deferred, Denied, Failure, Gate, gated, Refused } from "./gate/index.js";
export type {
  Arguments,
  Backend,
  GatedOptions,
  GateOptions,
  No,
  Outcome,
  OutcomeDetails,
  Question,
  Reply,
  Ticket,
  Told,
  ToolCall,
  Yes,
} from "./gate/index.js";
export { PermitIssuer, PermitVerifier, verifyPolicy } from "./permits.js";
export type { IssueOptions, KeyInput, Permit, PolicyDemands, VerifyOptions } from "./permits.js";
export { engineVersion, newRun, Policy, report } from "./policy.js";
export type {
  ApprovalRecord,
  BatchOptions,
  CheckOptions,
  Host,
  Mode,
  ParseOptions,
  PolicyInput,
  ReportOptions,
  Request,
  RequestInput,
  ToolCallOptions,
} from "./policy.js";
