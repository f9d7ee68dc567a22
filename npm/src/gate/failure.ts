/** Why a call may not be made: a cause inside the gate, or an answer that is not ALLOW. */

import { RequestError, Stage0Error } from "../errors.js";
import type { Answer } from "./answer.js";

/** Why nothing was decided, by code: what the model is told of it. */
export const CAUSES: { readonly [code: string]: string } = {
  ARGUMENTS_CHANGED: "the arguments are not those that were checked",
  CALL_INVALID: "the call cannot be decided about as it is",
  CALL_OVER: "this call has failed or was stopped: another try is another call, with its own id",
  CALL_UNCHECKED: "nobody was asked about this call right before it was to run",
  CONTEXT_FAILED: "the host could not say who asks",
  ENGINE_FAILED: "the engine stopped half way",
  GATE_FAILED: "the gate stopped half way",
  GATE_HALTED: "an operator has halted all calls",
  SERVER_ANSWER_INVALID: "the server's answer is no decision about this call",
  SERVER_BUSY: "the server takes no more requests at the moment",
  SERVER_KEY_REFUSED: "the server does not take the gate's key",
  SERVER_QUOTA_USED_UP: "the server takes no more requests under the gate's key for a while",
  SERVER_REFUSED: "the server did not decide",
  SERVER_TIMEOUT: "the server did not answer in time",
  SERVER_UNREACHABLE: "the server cannot be reached",
  VERDICT_UNKNOWN: "the verdict is none of ALLOW, DENY and DEFER",
};

/** Nothing was decided: a {@link Backend} throws it with a code of its own, and the gate answers DENY. */
export class Failure extends Error {
  /** A stable word, one for each cause. */
  readonly code: string;

  constructor(code: string, why: string, options?: ErrorOptions) {
    super(why, options);
    this.name = "Failure";
    this.code = code;
  }
}

/** The cause that an error comes from. */
export function codeOf(error: unknown): string {
  if (error instanceof Failure) return error.code;
  if (error instanceof Stage0Error && error.code === "ENGINE_FAILED") return error.code;
  return error instanceof RequestError ? "CALL_INVALID" : "GATE_FAILED";
}

/** The call may not be made. `message` is what the model may read. */
export class Refused extends Error {
  /** Why, and what would help. */
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(answer.message);
    this.name = new.target.name;
    this.answer = answer;
  }
}

/** The answer is DENY. */
export class Denied extends Refused {}

/** The answer is DEFER: something is missing first, as its message says. */
export class Deferred extends Refused {
  /** The ticket by which a person can say yes, where that is what is missing. */
  get ticket(): string | null {
    return this.answer.ticket;
  }
}
