/** The answer to one call: whether it may be made, what the model is told, and what the log gets. */

import type { Decision, Issue, Verdict } from "../decision.js";
import { canonicalOf } from "../engine.js";
import { RequestError } from "../errors.js";
import { textOf } from "../snapshot.js";
import { type Arguments, argumentsText, REQUEST_BYTES_MAX, type ToolCall } from "./call.js";
import { CAUSES } from "./failure.js";

/** Reasons, and questions, in the message for a model: the heaviest come first. */
export const MESSAGE_ITEMS_MAX = 8;

/** What an answer is made of. */
export interface AnswerParts {
  readonly arguments?: string;
  readonly decision?: Decision | null;
  readonly ticket?: string | null;
  readonly code?: string;
  readonly error?: unknown;
  readonly requestId?: string;
  readonly run?: string | null;
  readonly repeated?: boolean;
}

/**
 * The answer to one call. Compare `verdict`, or read `allowed`: every object passes for true in JavaScript, also
 * a DENY.
 */
export class Answer {
  /** What was asked about. */
  readonly call: ToolCall;
  readonly verdict: Verdict;
  /** The decision; `null` where there is none, and then the verdict is DENY. */
  readonly decision: Decision | null;
  /** What a person's answer goes to, where that is what is missing: see {@link Gate.approve}. */
  readonly ticket: string | null;
  /** Why nothing was decided, as one of a fixed list of words; empty where something was. */
  readonly code: string;
  /** What went wrong, where nothing was decided. It is for the log, never for the model. */
  readonly error: unknown;
  /** The id under which it was decided. */
  readonly requestId: string;
  /** The run that it belongs to. */
  readonly run: string | null;
  /** Whether it was given before, to the same question about the same call. */
  readonly repeated: boolean;
  readonly #arguments: string;

  /** @internal */
  constructor(call: ToolCall, verdict: Verdict, parts: AnswerParts) {
    this.call = call;
    this.verdict = verdict;
    this.decision = parts.decision ?? null;
    this.ticket = parts.ticket ?? null;
    this.code = parts.code ?? "";
    this.error = parts.error ?? null;
    this.requestId = parts.requestId ?? "";
    this.run = parts.run ?? null;
    this.repeated = parts.repeated ?? false;
    this.#arguments = parts.arguments ?? "";
    Object.freeze(this);
  }

  /** @internal The DENY for what went wrong. */
  static failed(call: ToolCall, code: string, error: unknown): Answer {
    return new Answer(call, "DENY", { code, error });
  }

  /** @internal The same answer, given once more. */
  again(call: ToolCall): Answer {
    const { decision, ticket, code, error, requestId, run } = this;
    const parts = { arguments: this.#arguments, decision, ticket, code, error, requestId, run, repeated: true };
    return new Answer(call, this.verdict, parts);
  }

  /** Whether the call may be made. */
  get allowed(): boolean {
    return this.verdict === "ALLOW";
  }

  /** The codes of the reasons, heaviest first. */
  get codes(): readonly string[] {
    return this.decision === null ? [this.code] : this.decision.codes;
  }

  /** Whether a person's yes is all that is missing: the one case in which pausing for a person helps. */
  get waitsForPerson(): boolean {
    if (this.ticket === null || this.decision === null) return false;
    const wants = this.decision.issues.flatMap(({ resolution }) => (resolution === null ? [] : [resolution.needs]));
    return wants.length > 0 && wants.every((needs) => needs === "approval");
  }

  /**
   * Whether the call may be made with these arguments: ask it with what is about to be used, right before it is.
   * `false` also for what has no exact form as JSON.
   */
  verify(args: Arguments): boolean {
    if (this.verdict !== "ALLOW" || this.decision === null) return false;
    try {
      return canonicalOf(argumentsText(args), RequestError) === canonicalOf(this.#arguments, RequestError);
    } catch {
      return false;
    }
  }

  /**
   * What the model may read: one JSON object, short, with `verdict` and `codes`, and as far as there are any
   * `reasons`, `needs` (`approval`, `fact`, `wait`, `fix`), `questions`, `retry_at` and `ticket`.
   */
  get message(): string {
    const told: Record<string, unknown> = { verdict: this.verdict };
    if (this.decision === null) {
      told["codes"] = [this.code];
      told["reasons"] = [`the call was not made: ${CAUSES[this.code] ?? CAUSES["GATE_FAILED"]}`];
    } else if (this.verdict !== "ALLOW") {
      tell(told, this.decision);
    }
    if (this.ticket !== null) told["ticket"] = this.ticket;
    return textOf(told, REQUEST_BYTES_MAX);
  }

  /** Everything for the log: the decision, or what went wrong. */
  get details(): { readonly [name: string]: unknown } {
    const { call, verdict, run, requestId, ticket } = this;
    const told = { verdict, tool: call.name, call_id: call.id ?? null, run_id: run, request_id: requestId, ticket };
    if (this.decision !== null) return { ...told, decision: this.decision.toJSON() };
    return { ...told, code: this.code, error: String(this.error) };
  }

  toString(): string {
    return `Answer ${[this.verdict, ...this.codes].join(" ")}`;
  }

  /** An answer has no truth value, and is no number. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError("an answer is not true or false: use answer.allowed");
  }
}

/** Why, as far as a model may know. */
function tell(told: Record<string, unknown>, decision: Decision): void {
  const heavy = decision.issues.filter(({ severity }) => severity !== "LOW");
  const reasons = (heavy.length > 0 ? heavy : decision.issues).slice(0, MESSAGE_ITEMS_MAX);
  const wants = reasons.flatMap(({ resolution }: Issue) => (resolution === null ? [] : [resolution]));
  told["codes"] = reasons.map(({ code }) => code);
  told["reasons"] = reasons.map(({ message }) => message);
  const needs = [...new Set(wants.map((want) => want.needs))].sort();
  if (needs.length > 0) told["needs"] = needs;
  const questions = decision.defer_questions.slice(0, MESSAGE_ITEMS_MAX);
  if (questions.length > 0) told["questions"] = questions;
  const times = wants.flatMap((want) => want.retry_at ?? []).sort();
  if (times.length > 0) told["retry_at"] = times.at(-1);
}
