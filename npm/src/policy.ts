/**
 * The policy: compiled once, asked often.
 *
 * What decides is WebAssembly; here arguments get the form that it takes, which is text.
 */

import { Decision, Explanation } from "./decision.js";
import { begunRun, checkValue, type Circumstances, CompiledPolicy, lintProblems, reported, version } from "./engine.js";
import { type File, PolicyError, type Problem, refuse, RequestError } from "./errors.js";
import { bytesOf, JsonText, textOf, wellFormed } from "./snapshot.js";

const REQUEST_BYTES_MAX = 1_000_000;
const POLICY_BYTES_MAX = 16_000_000;

/** A request as JSON text, as the UTF-8 bytes of such a text, or as an object. */
export type RequestInput = string | Uint8Array | Request;

/** A policy as YAML or JSON text, as its UTF-8 bytes, or as an object of the same shape. */
export type PolicyInput = string | Uint8Array | object;

/** What is proposed: a plan, one concrete tool call, or both. Members that are `undefined` are not there. */
export interface Request {
  /** What is to be done, in the agent's words; needed where there is no `tool_call`. */
  goal?: string | null;
  /** One concrete call. */
  tool_call?: { id?: string | null; name: string; arguments?: object | null } | null;
  /** The tools of a plan. */
  tools?: readonly string[] | null;
  /** What the agent says that its tools do. */
  side_effects?: readonly string[] | null;
  /** Limits that the caller sets, such as `approval required`. */
  constraints?: readonly string[] | null;
  success_criteria?: readonly string[] | null;
  /** The host's word: never put into it what a model wrote. */
  context?: object | null;
  /** Texts of the user or operator, for `grounded()`. */
  trusted?: readonly { source: string; text: string }[] | null;
  environment?: string | null;
  /** Whether advice of MEDIUM denies. */
  pro?: boolean | null;
  /** The policy that has to be the one that decides. */
  policy_pack_version?: string | null;
  debug_store_input?: boolean | null;
}

/** The operator's mode. */
export type Mode = "enforce" | "observe" | "read_only" | "halted";

/** A person's answer, as the host keeps it. `rule`, `terms` and `action` are those of the issue that asked. */
export interface ApprovalRecord {
  id: string;
  answer: "approved" | "rejected" | "pending";
  /** Who answered. */
  by: string;
  /** The person's roles. */
  roles?: readonly string[];
  rule: string;
  terms: string;
  action: string;
  /** When the answer was given: RFC 3339, or a Date. */
  issued_at: string | Date;
  expires_at?: string | Date;
}

/** The word of the system that asks, beside the request: never fill it with a model's text. */
export interface Host {
  /** The id that the decision carries, 1 to 128 bytes; one is made from the request and the time where there is none. */
  requestId?: string;
  /** Of which and the policy's the stricter counts; the policy's alone where there is none. */
  mode?: Mode;
  /** People's answers, or their JSON text. */
  approvals?: readonly ApprovalRecord[] | string;
}

/** How a request is asked. */
export interface CheckOptions {
  /** What the calling system adds. */
  host?: Host | undefined;
  /**
   * The run as the decision before left it, its `state`; {@link newRun} begins one. Without one nothing
   * is known of a run, and what asks for it is unknown.
   */
  state?: string | null | undefined;
  /** When it is asked: a Date, or RFC 3339 text; the clock where there is none. */
  now?: Date | string | undefined;
}

/** How several requests are asked. */
export interface BatchOptions extends CheckOptions {
  /** Whether they run together or not at all. */
  atomic?: boolean | undefined;
}

/** How a tool call is asked: the rest of the request, and its circumstances. */
export interface ToolCallOptions extends CheckOptions {
  /** The call's own id, by which a call that is asked about twice is counted once. */
  callId?: string | undefined;
  context?: object | undefined;
  goal?: string | undefined;
  successCriteria?: readonly string[] | undefined;
  constraints?: readonly string[] | undefined;
  tools?: readonly string[] | undefined;
  sideEffects?: readonly string[] | undefined;
  trusted?: readonly { source: string; text: string }[] | undefined;
  environment?: string | undefined;
  pro?: boolean | undefined;
}

/** What a policy is made of beside its own text. */
export interface ParseOptions {
  /** The texts of what it imports, by their paths. */
  imports?: { readonly [path: string]: PolicyInput } | undefined;
  /** What problems call the policy's file; `policy` if it has no name. */
  name?: string | undefined;
}

/** The version of the engine. */
export function engineVersion(): string {
  return version();
}

/** How files are read where there are some. */
export interface Files {
  /** @throws Error if there is no such file, or it cannot be read. */
  read(path: string, bytesMax: number): Uint8Array;
  /** The path of what a file imports. */
  beside(importing: string, wanted: string): string;
}

let files: Files | undefined;

/** @internal */
export function useFiles(found: Files): void {
  files = found;
}

/** The state of a run that begins. */
export function newRun(): string {
  return begunRun();
}

/** What became of a call that was allowed. */
export interface ReportOptions {
  /** The run as it is now. */
  state: string;
  /** The id of the call, if it had one. */
  callId?: string | undefined;
  /** What it did cost, in US dollars: a safe integer, a BigInt, or a decimal as text. */
  costUsd?: string | number | bigint | undefined;
  now?: Date | string | undefined;
}

/**
 * The state after a call that was allowed. What was reserved for it is spent, or given back if it did
 * not run or did not do what it should.
 *
 * @throws RequestError if something is not of its form; the state then stays as it was.
 */
export function report(decision: Decision, outcome: "executed" | "failed" | "stopped", options: ReportOptions): string {
  const state = word(options.state, "state") ?? "";
  return toldOf(decision, outcome, state, undefined, options)[0];
}

/** @internal The state after what became of a call, and the record of it. */
export function toldOf(
  decision: Decision,
  outcome: "executed" | "failed" | "stopped",
  state: string | undefined,
  run: string | undefined,
  { callId, costUsd, now }: Omit<ReportOptions, "state">,
): [state: string, record: string] {
  const cost = typeof costUsd === "string" ? costUsd : costUsd === undefined ? undefined : textOf(costUsd, POLICY_BYTES_MAX);
  const both = reported(
    RequestError,
    state,
    run,
    word(callId, "callId") ?? decision.request_id,
    decision.action_digest,
    word(outcome, "outcome") ?? "",
    cost,
    instant(now ?? new Date()),
  );
  return both.split("\n") as [string, string];
}

/** @internal What is compiled of a policy, for what else asks about it. */
export let compiledOf: (policy: Policy) => CompiledPolicy;

/** @internal Decides as `check` does, and makes the record of it. */
export function recorded(
  policy: Policy,
  request: RequestInput,
  options: CheckOptions,
  run: string | undefined,
  keepsAll: boolean,
): { decision: Decision; record: string } {
  const asked = circumstances(options);
  const state = stateOf(options);
  const compiled = compiledOf(policy);
  // Last, for nothing may be read of a caller's objects between this and its use.
  const text = questionOf(request);
  const told = compiled.askRecorded(RequestError, text, REQUEST_BYTES_MAX, state, asked, run, keepsAll).split("\n");
  const [decision, after, record] = told as [string, string, string];
  return { decision: Decision.of(decision, after), record };
}

const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/**
 * A compiled policy: immutable.
 *
 * Its memory is freed when it is collected, or at once by `using` or `policy[Symbol.dispose]()`; asking
 * it after that throws.
 */
export class Policy {
  readonly #compiled: CompiledPolicy;

  private constructor(compiled: CompiledPolicy) {
    this.#compiled = compiled;
  }

  /**
   * Compiles a policy from YAML or JSON text, or from an object of the same shape.
   *
   * @throws PolicyError with everything that is wrong.
   */
  static parse(policy: PolicyInput, options: ParseOptions = {}): Policy {
    const bytes = sourceOf(policy);
    const imports = filesOf(options.imports);
    const name = options.name ?? "policy";
    return new Policy(CompiledPolicy.parse(PolicyError, name, bytes, imports));
  }

  /**
   * Reads a YAML or JSON file with the files that it imports, and compiles it. Imports are paths
   * relative to the file that imports.
   *
   * @throws PolicyError with everything that is wrong, also where a file cannot be read, and in
   * runtimes that have no files.
   */
  static load(path: string): Policy {
    const [name, bytes] = fileAt(path);
    return new Policy(CompiledPolicy.find(PolicyError, name, bytes, findFile));
  }

  /**
   * The policy of this name that comes with Stage0, such as `standard` or `stage0/standard@1.0.0`.
   *
   * @throws PolicyError if there is none.
   */
  static builtin(name = "standard"): Policy {
    return new Policy(CompiledPolicy.builtin(PolicyError, name));
  }

  /** Everything that is wrong with a policy, or probably not meant, as data. */
  static lint(policy: PolicyInput, options: ParseOptions = {}): readonly Problem[] {
    const bytes = sourceOf(policy);
    const imports = filesOf(options.imports);
    return lintProblems(options.name ?? "policy", bytes, imports);
  }

  /**
   * Decides a request. A DENY is an answer, not an error.
   *
   * In an object, a BigInt and safe integers are exact, another number is the decimal that it prints
   * as, and a Date is its RFC 3339 text.
   *
   * @throws RequestError if the request or one of the options is not of its form: then nothing was
   * decided, and the action must not be carried out.
   */
  check(request: RequestInput, options: CheckOptions = {}): Decision {
    const both = this.#ask("check", request, options);
    const end = both.lastIndexOf("\n");
    return Decision.of(both.slice(0, end), both.slice(end + 1));
  }

  /** As {@link check}, from text to text: the decision's canonical JSON and nothing else. */
  checkJson(request: RequestInput, options: CheckOptions = {}): string {
    return this.#ask("peek", request, options);
  }

  /**
   * Decides one concrete call of a tool.
   *
   * `args` are an object, or the JSON text of one as model libraries hand it over, whose numbers then
   * stay as they were written.
   *
   * @throws RequestError as {@link check} does.
   */
  checkToolCall(name: string, args?: object | string | null, options: ToolCallOptions = {}): Decision {
    const request = {
      tool_call: { id: options.callId, name, arguments: typeof args === "string" ? raw(args) : args },
      goal: options.goal,
      success_criteria: options.successCriteria,
      constraints: options.constraints,
      tools: options.tools,
      side_effects: options.sideEffects,
      context: options.context,
      trusted: options.trusted,
      environment: options.environment,
      pro: options.pro,
    };
    return this.check(request as Request, options);
  }

  /**
   * Decides several requests at the same time `now`: at most 256, such as the calls that a model asks for in
   * one turn.
   *
   * With a `state` they are steps of that run, one after the other: the last decision's `state` is the
   * run after all of them. Without one each stands alone. A `requestId` of the host gets `/1`,
   * `/2`, ... behind it.
   *
   * With `atomic` they run together or not at all: either all decisions are ALLOW, or none is, and no
   * limit has anything reserved. Those that would have been allowed alone then say `BATCH_DENIED` or
   * `BATCH_DEFERRED`, and the `state` of each is the run after all of them.
   *
   * @throws RequestError at the first request that is not of its form; then none was decided.
   */
  checkBatch(requests: Iterable<RequestInput>, options: BatchOptions = {}): Decision[] {
    const encoder = new TextEncoder();
    const texts = Array.from(requests, (request) => {
      const text = questionOf(request);
      const bytes = typeof text === "string" ? encoder.encode(text) : text;
      // One byte more than the limit is enough to be refused.
      return bytes.slice(0, REQUEST_BYTES_MAX + 1);
    });
    const asked = circumstances(options);
    const answers = this.#live.askBatch(RequestError, texts, stateOf(options), options.atomic === true, asked);
    return texts.map((_, at) => Decision.of(answers[2 * at] as string, answers[2 * at + 1] as string));
  }

  /**
   * Decides as {@link check} does, and tells why: every rule that was asked, with the values that it
   * compared, and what would make it an ALLOW. Moves no run.
   *
   * @throws RequestError as {@link check} does.
   */
  explain(request: RequestInput, options: CheckOptions = {}): Explanation {
    const both = this.#ask("explain", request, options);
    const end = both.indexOf("\n");
    return Explanation.of(both.slice(end + 1), both.slice(0, end));
  }

  /** The policy's name. */
  get name(): string {
    return this.#live.get((native) => native.name);
  }

  /** The policy's version. */
  get version(): string {
    return this.#live.get((native) => native.version);
  }

  /** SHA-256 of what the policy says, imports included, as 64 hexadecimal digits. */
  get digest(): string {
    return this.#live.get((native) => native.digest);
  }

  /** Every name of a catalogued tool that a request may use, sorted. */
  get toolNames(): readonly string[] {
    return Object.freeze(this.#live.get((native) => native.tool_names()));
  }

  /** What the policy probably does not mean. */
  get warnings(): readonly Problem[] {
    return this.#live.warnings;
  }

  /** What the policy says about each tool, as `stage0 explain POLICY --format json` prints it. */
  describe(): unknown {
    return JSON.parse(this.#live.get((native) => native.describe()));
  }

  toString(): string {
    return `Policy ${this.name}@${this.version}`;
  }

  /** Frees the policy's memory. */
  [dispose](): void {
    this.#compiled.dispose();
  }

  static {
    compiledOf = (policy) => policy.#live;
  }

  get #live(): CompiledPolicy {
    if (!this.#compiled.isDisposed) return this.#compiled;
    throw refuse(RequestError, "POLICY_DISPOSED", "the policy has been disposed", "keep it for as long as it is asked");
  }

  #ask(door: "check" | "peek" | "explain", request: RequestInput, options: CheckOptions): string {
    const asked = circumstances(options);
    const state = stateOf(options);
    // Last, for nothing may be read of a caller's objects between this and its use.
    const text = questionOf(request);
    return this.#live.ask(door, RequestError, text, REQUEST_BYTES_MAX, state, asked);
  }
}

/** @internal A request's text, or its bytes: a caller's as they are, those of a value until the next is taken. */
export function questionOf(request: RequestInput): string | Uint8Array {
  if (typeof request === "string") return wellFormed(request, RequestError);
  return request instanceof Uint8Array ? request : bytesOf(request, REQUEST_BYTES_MAX, RequestError);
}

function stateOf({ state }: CheckOptions): string | undefined {
  return word(state ?? undefined, "state");
}

function circumstances({ host, now }: CheckOptions): Circumstances {
  const approvals = host?.approvals;
  const nowMs = now === undefined ? Date.now() : now instanceof Date ? Date.prototype.getTime.call(now) : NaN;
  const isPlain = nowMs >= 0 && nowMs <= LAST_MS;
  return {
    nowMs: isPlain ? nowMs : 0,
    now: isPlain ? undefined : instant(now as Date | string),
    requestId: word(host?.requestId, "host.requestId"),
    mode: word(host?.mode, "host.mode"),
    approvals: approvals === undefined ? undefined : textOf(approvals, POLICY_BYTES_MAX),
  };
}

/** The end of the year 9999: what lies behind has no RFC 3339 text. */
const LAST_MS = 253_402_300_799_999;

/** @internal A time as RFC 3339 text. */
export function instant(now: Date | string): string {
  if (!(now instanceof Date)) return word(now, "now") as string;
  if (!Number.isNaN(now.getTime())) return now.toISOString();
  throw refuse(RequestError, "HOST_INVALID", "`now` is an invalid Date", "check it with Number.isNaN(+date)");
}

/** @internal What has to be text, if it is there. */
export function word(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return wellFormed(value, RequestError);
  const message = `\`${name}\` must be a string, and this is of type ${value === null ? "null" : typeof value}`;
  throw refuse(RequestError, "HOST_INVALID", message, null);
}

/** @internal Arguments as text stand inside the request's text, so they have to be one whole value. */
export function raw(text: string): JsonText {
  const whole = textOf(text, REQUEST_BYTES_MAX);
  checkValue(whole, RequestError);
  return new JsonText(whole);
}

function sourceOf(policy: PolicyInput): Uint8Array {
  if (policy instanceof Uint8Array) return policy;
  return new TextEncoder().encode(textOf(policy, POLICY_BYTES_MAX, PolicyError));
}

function filesOf(imports: ParseOptions["imports"]): File[] {
  return Object.entries(imports ?? {}).map(([path, text]) => [path, sourceOf(text)]);
}

function fileAt(path: string): File {
  if (files === undefined) {
    const message = `\`${path}\` cannot be read: this runtime has no files`;
    const help = "fetch the text, and use Policy.parse(text, { imports })";
    throw refuse(PolicyError, "FILE_UNREADABLE", message, help);
  }
  try {
    // One byte more than the limit is enough to be refused by the reader's own words.
    return [path, files.read(path, POLICY_BYTES_MAX + 1)];
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const reason = code === "ENOENT" ? "there is no such file" : String((cause as Error).message ?? cause);
    const message = `\`${path}\` cannot be read: ${reason}`;
    throw refuse(PolicyError, "FILE_UNREADABLE", message, null, { cause });
  }
}

function findFile(importing: string, wanted: string): File | undefined {
  const path = files?.beside(importing, wanted) ?? wanted;
  try {
    return fileAt(path);
  } catch {
    return undefined;
  }
}
