/** The gate: asks, obeys, and answers DENY where anything goes wrong. */

import { Decision, type Verdict } from "../decision.js";
import { RequestError } from "../errors.js";
import { textOf } from "../snapshot.js";
import { Answer } from "./answer.js";
import type { Backend, No, Outcome, Question, Ticket, Yes } from "./backend.js";
import { agentsWord, argumentsText, REQUEST_BYTES_MAX, type ToolCall } from "./call.js";
import { codeOf, Deferred, Denied, Failure } from "./failure.js";
import { Memory } from "./memory.js";
import { RemoteBackend, TIMEOUT_SECONDS } from "./remote.js";

type Texts = readonly { readonly source: string; readonly text: string }[];
type Made<T> = T | ((call: ToolCall) => T | Promise<T>);

/** What a gate is told. */
export interface GateOptions {
  /** The address of a server of the decision API, which decides by its own policy. */
  readonly remote?: string | undefined;
  /** The key for it. */
  readonly key?: string | undefined;
  /** The seconds that it may take for all that is asked about one call: 10 where there is none. */
  readonly timeout?: number | undefined;
  /** Anything else that decides, in the place of a server. */
  readonly backend?: Backend | undefined;
  /**
   * The host's word on who asks, or what makes one of the call: never put into it what a model wrote.
   * `run_id` and `agent_name` are the call's where it does not say.
   */
  readonly context?: Made<object | undefined> | undefined;
  /** Texts of the user or operator, or what makes them of the call. */
  readonly trusted?: Made<Texts> | undefined;
  /** The run of calls that name none. */
  readonly run?: Made<string | undefined> | undefined;
  /** Is told once of each call that has to wait. */
  readonly onDefer?: ((answer: Answer) => unknown) | undefined;
  /** Is told what went wrong: `console.error` where there is none. */
  readonly onError?: ((error: unknown, what: string) => unknown) | undefined;
}

/** What became of a call, beside the word for it. */
export interface OutcomeDetails {
  /** What it did cost, in US dollars: a number, a BigInt, or a decimal as text. */
  readonly costUsd?: string | number | bigint | undefined;
}

interface Asked {
  readonly agent: string;
  readonly arguments: string;
  readonly request: string;
  readonly run: string | null;
  /** Which call of which run, where it has an id. */
  readonly key: string | undefined;
}

const VERDICTS: readonly Verdict[] = ["ALLOW", "DEFER", "DENY"];
const OUTCOMES: readonly Outcome[] = ["executed", "failed", "stopped"];
const COST = /^(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/**
 * Stands between an agent and its tools.
 *
 * Throws TypeError where it cannot begin. From then on whatever goes wrong is an answer, and the answer is DENY.
 */
export class Gate {
  readonly #backend: Backend;
  readonly #options: GateOptions;
  readonly #answers = new Memory();
  readonly #told = new Memory();
  #ids: { readonly prefix: string; next: number } | undefined;
  #halted = false;

  constructor(options: GateOptions) {
    const { remote, backend } = options;
    if ((remote === undefined) === (backend === undefined)) throw new TypeError("a gate has one backend: remote or another one");
    this.#backend = backend ?? new RemoteBackend(remote as string, options.key, options.timeout ?? TIMEOUT_SECONDS);
    this.#options = { ...options, key: undefined };
  }

  /**
   * Whether a call may be made. Never throws because of what goes wrong inside: that is a DENY, with a code.
   *
   * Asked again about the same call of the same run it answers the same, for ten minutes from memory, and counts
   * once. What waited for somebody is decided anew, with what people have answered: a no stands.
   */
  async check(call: ToolCall): Promise<Answer> {
    try {
      this.#goOn();
      const asked = await this.#asked(call);
      const known = asked.key === undefined ? undefined : this.#answers.find(asked.key, asked.agent);
      const answer = known?.again(call) ?? (await this.#ask(call, asked));
      this.#goOn();
      return answer;
    } catch (error) {
      return this.#failed(call, error);
    }
  }

  /** The answer, if it is ALLOW. Throws {@link Denied} or {@link Deferred}. */
  async require(call: ToolCall): Promise<Answer> {
    return obeyed(await this.check(call));
  }

  async #ask(call: ToolCall, asked: Asked): Promise<Answer> {
    const question: Question = { request: asked.request, requestId: this.#nextId(), run: asked.run };
    const { verdict, decision, ticket } = await this.#backend.check(question);
    if (!VERDICTS.includes(verdict as Verdict)) {
      throw new Failure("VERDICT_UNKNOWN", `the verdict is ${JSON.stringify(verdict)}`);
    }
    const read = decisionOf(decision);
    if (read.verdict !== verdict) throw new Failure("SERVER_ANSWER_INVALID", "the decision has another verdict");
    const { requestId, run } = question;
    const answer = new Answer(call, read.verdict, { arguments: asked.arguments, decision: read, ticket, requestId, run });
    if (answer.verdict !== "DEFER") {
      return asked.key === undefined ? answer : this.#answers.keep(asked.key, asked.agent, answer);
    }
    // That is no answer yet.
    await this.#tell(answer, asked);
    return answer;
  }

  async #asked(call: ToolCall): Promise<Asked> {
    const args = argumentsText(call.arguments);
    const agent = agentsWord(call, args);
    let host: string;
    let run: string | null;
    try {
      [host, run] = await this.#hostsWord(call);
    } catch (cause) {
      throw new Failure("CONTEXT_FAILED", String(cause), { cause });
    }
    const request = host === "{}" ? agent : `${agent.slice(0, -1)},${host.slice(1)}`;
    const key = call.id === undefined ? undefined : JSON.stringify([run, call.id]);
    return { agent, arguments: args, request, run, key };
  }

  /** What the host adds to a request, and the run. */
  async #hostsWord(call: ToolCall): Promise<[host: string, run: string | null]> {
    const { context, trusted, run } = this.#options;
    const given = { ...(await made(context, call)) } as Record<string, unknown>;
    given["run_id"] ??= call.run ?? (await made(run, call));
    given["agent_name"] ??= call.agent;
    const named = given["run_id"] ?? null;
    if (named !== null && typeof named !== "string") throw new TypeError("the run's name is no text");
    const members = Object.entries(given).filter(([, value]) => value !== undefined && value !== null);
    const texts = [...((await made(trusted, call)) ?? []), ...(call.trusted ?? [])];
    const host = {
      context: members.length > 0 ? Object.fromEntries(members) : undefined,
      trusted: texts.length > 0 ? texts : undefined,
    };
    return [textOf(host, REQUEST_BYTES_MAX, RequestError), named];
  }

  /** Tells of a call that has to wait, once. */
  async #tell(answer: Answer, asked: Asked): Promise<void> {
    const { onDefer } = this.#options;
    if (onDefer === undefined) return;
    if (asked.key !== undefined && this.#told.keep(asked.key, asked.agent + (answer.ticket ?? ""), answer) !== answer) return;
    try {
      await onDefer(answer);
    } catch (error) {
      this.#log(error, "onDefer threw; the call waits all the same");
    }
  }

  /**
   * Takes down what became of a call that was allowed: `executed`, `failed`, or `stopped` before it began. What
   * limits held for it is spent or given back. Whether that is done: where it is not, the reason is logged, and
   * what is held counts as spent.
   *
   * @throws TypeError for another outcome.
   */
  async report(answer: Answer, outcome: Outcome, { costUsd }: OutcomeDetails = {}): Promise<boolean> {
    if (!OUTCOMES.includes(outcome)) throw new TypeError(`a call is ${OUTCOMES.join(", ")}, not ${String(outcome)}`);
    try {
      if (answer.decision === null) return false;
      const cost = costUsd === undefined ? undefined : typeof costUsd === "string" ? costUsd : textOf(costUsd, 100);
      if (cost !== undefined && !COST.test(cost)) throw new RangeError("costUsd is a decimal from 0");
      const isKnown = await this.#backend.report({ requestId: answer.requestId, outcome, cost });
      if (outcome !== "executed" && answer.call.id !== undefined) {
        // What was held for it is given back, so it must not run after all.
        const why = new Failure("CALL_OVER", `it was reported as ${outcome}`);
        this.#answers.end(JSON.stringify([answer.run, answer.call.id]), Answer.failed(answer.call, why.code, why));
      }
      return isKnown;
    } catch (error) {
      this.#log(error, "what became of a call is not taken down");
      return false;
    }
  }

  /** Tickets that wait for somebody, of one run or of all. Throws what reading them comes to. */
  pending(run?: string): Promise<readonly Ticket[]> {
    return this.#backend.pending(run ?? null);
  }

  /**
   * Takes a person's yes: `by` and `roles` by your own word, never a model's, or a `token` that the person signed.
   * Then ask about the call again: only the next answer is an ALLOW.
   *
   * @throws TicketError if it is not taken; nothing has changed then.
   */
  async approve(ticket: Ticket | string, yes: Yes): Promise<Ticket> {
    if ((yes.by === undefined) === (yes.token === undefined)) throw new TypeError("a yes is somebody's, by name or by token");
    return this.#backend.approve(idOf(ticket), yes);
  }

  /**
   * Takes a person's no, which stands.
   *
   * @throws TicketError if it is not taken.
   */
  async reject(ticket: Ticket | string, no: No): Promise<Ticket> {
    return this.#backend.reject(idOf(ticket), no);
  }

  /** From here on every answer of this gate is DENY `GATE_HALTED`, also to what was allowed before. */
  halt(): void {
    this.#halted = true;
  }

  /** Ends what {@link halt} began. */
  resume(): void {
    this.#halted = false;
  }

  /** Whether it is halted. */
  get halted(): boolean {
    return this.#halted;
  }

  /** @internal The DENY for what went wrong, which is logged. */
  failed(call: ToolCall, error: unknown): Answer {
    return this.#failed(call, error);
  }

  #goOn(): void {
    if (this.#halted) throw new Failure("GATE_HALTED", "halt() was called");
  }

  #failed(call: ToolCall, error: unknown): Answer {
    const answer = Answer.failed(call, codeOf(error), error);
    this.#log(error, `${answer.code}: a call was not made`);
    return answer;
  }

  #log(error: unknown, what: string): void {
    try {
      const { onError } = this.#options;
      if (onError === undefined) console.error(`stage0: ${what}:`, error);
      else onError(error, what);
    } catch {
      // Whoever is told of trouble makes none.
    }
  }

  /** An id that no other question has. Edge runtimes give no random bytes before the first request. */
  #nextId(): string {
    if (this.#ids === undefined) {
      const random = crypto.getRandomValues(new Uint8Array(8));
      const digits = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
      this.#ids = { prefix: `gate-${digits}`, next: 1 };
    }
    return `${this.#ids.prefix}-${this.#ids.next++}`;
  }
}

/** The answer, if it is ALLOW. Throws {@link Denied} or {@link Deferred}. */
export function obeyed(answer: Answer): Answer {
  if (answer.verdict === "ALLOW") return answer;
  throw answer.verdict === "DEFER" ? new Deferred(answer) : new Denied(answer);
}

function decisionOf(text: string): Decision {
  try {
    return Decision.fromJson(text);
  } catch (cause) {
    throw new Failure("SERVER_ANSWER_INVALID", "the answer is no decision", { cause });
  }
}

async function made<T>(given: Made<T> | undefined, call: ToolCall): Promise<T | undefined> {
  return typeof given === "function" ? await (given as (call: ToolCall) => T | Promise<T>)(call) : given;
}

function idOf(ticket: Ticket | string): string {
  return typeof ticket === "string" ? ticket : ticket.id;
}
