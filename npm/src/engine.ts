/**
 * The one instance of the module, and what happens when it fails.
 *
 * A decision does not trap, but a caller's stack may end inside of it, and memory may. What a trap left
 * behind is thrown away with its instance: the next call has a new one, in which policies are compiled
 * again when they are asked.
 */

import { type File, freeze, type Problem, Stage0Error } from "./errors.js";
import {
  __wbg_reset_state,
  chain_checkpoint,
  chain_line,
  canonical_text,
  check_value,
  engine_version,
  Inbox,
  issue_permit,
  lint,
  module_memory,
  NativePolicy,
  NativeVerifier,
  new_run,
  report,
  verify_audit,
  verify_checkpoint,
  verify_policy,
} from "./glue/stage0.js";

type ErrorClass = new (problems: readonly Problem[], message?: string, options?: ErrorOptions) => Stage0Error;

/** A file that a policy imports, by who imports it and what it wants. */
export type FindFile = (importing: string, wanted: string) => File | undefined;

const encoder = new TextEncoder();

let isBroken = false;
let instances = 1;
let inbox: Inbox | undefined;
/** The memory of the inbox; it has no length any more once the module's memory has grown. */
let room = new Uint8Array(0);

/** Runs what asks the module; the problems that it throws become an error of this class. */
function ask<T>(refused: ErrorClass, run: () => T): T {
  if (isBroken) {
    __wbg_reset_state();
    instances += 1;
    inbox = undefined;
    room = new Uint8Array(0);
    isBroken = false;
  }
  try {
    return run();
  } catch (thrown) {
    if (typeof thrown === "string") {
      const { problems, texts } = read(thrown);
      throw new refused(freeze(problems), texts.join("\n"));
    }
    // First of all, for whatever follows may fail as well where the stack has ended.
    isBroken = true;
    const problem: Problem = {
      code: "ENGINE_FAILED",
      severity: "error",
      message: `nothing was decided: the engine stopped, ${String((thrown as Error | undefined)?.message ?? thrown)}`,
      help: "stack or memory were used up; the next call starts afresh",
      locations: [],
      related: [],
    };
    throw new refused(freeze([problem]), undefined, { cause: thrown });
  }
}

/** Problems as the module tells them: as data, and as a person reads them. */
function read(text: string): { problems: readonly Problem[]; texts: readonly string[] } {
  return JSON.parse(text);
}

/** The version of the engine. */
export function version(): string {
  return ask(Stage0Error, engine_version);
}

/** The state of a run that begins. */
export function begunRun(): string {
  return ask(Stage0Error, new_run);
}

/** The state after what became of a call that was allowed, a line break, and the record of it. */
export function reported(refused: ErrorClass, ...words: Parameters<typeof report>): string {
  return ask(refused, () => report(...words));
}

/** The permit for a decision. */
export function issuedPermit(refused: ErrorClass, ...words: Parameters<typeof issue_permit>): string {
  return ask(refused, () => issue_permit(...words));
}

/** What has been seen once a policy has, if its signature holds. */
export function verifiedPolicy(
  refused: ErrorClass,
  policy: CompiledPolicy,
  ...[signature, keys, name, seen, now]: [signature?: string, keys?: string, name?: string, seen?: string, now?: string]
): string {
  return policy.use(refused, (native) => verify_policy(native, signature, keys ?? "", name, seen, now ?? "")[1]);
}

/** The line of a record behind this end of a chain. */
export function chainLine(refused: ErrorClass, ...words: Parameters<typeof chain_line>): string {
  return ask(refused, () => chain_line(...words));
}

/** The line of a checkpoint of this end of a chain. */
export function chainCheckpoint(refused: ErrorClass, ...words: Parameters<typeof chain_checkpoint>): string {
  return ask(refused, () => chain_checkpoint(...words));
}

/** The report on a log. */
export function verifiedAudit(refused: ErrorClass, ...words: Parameters<typeof verify_audit>): string {
  return ask(refused, () => verify_audit(...words));
}

/** What a checkpoint says. */
export function verifiedCheckpoint(refused: ErrorClass, ...words: Parameters<typeof verify_checkpoint>): string {
  return ask(refused, () => verify_checkpoint(...words));
}

/** Everything that is wrong with a policy, or probably not meant. */
export function lintProblems(name: string, bytes: Uint8Array, imports: readonly File[]): readonly Problem[] {
  return freeze(read(ask(Stage0Error, () => lint(name, bytes, [...imports]))).problems);
}

/** Throws unless the text is one whole JSON value. */
export function checkValue(text: string, refused: ErrorClass): void {
  ask(refused, () => check_value(text));
}

/** The canonical text of a JSON text: sorted keys, exact decimals. */
export function canonicalOf(text: string, refused: ErrorClass): string {
  return ask(refused, () => canonical_text(text));
}

/** What a question is beside its texts. */
export interface Circumstances {
  /** Milliseconds since the epoch, unless `now` tells the time. */
  readonly nowMs: number;
  readonly now: string | undefined;
  readonly requestId: string | undefined;
  readonly mode: string | undefined;
  readonly approvals: string | undefined;
}

/** A compiled policy, in whichever instance there is. */
export class CompiledPolicy {
  #compile: (() => NativePolicy) | undefined;
  #native: NativePolicy | undefined;
  #instance = 0;

  constructor(
    readonly refused: ErrorClass,
    compile: () => NativePolicy,
  ) {
    this.#compile = compile;
    ask(refused, () => this.#live());
  }

  static parse(refused: ErrorClass, name: string, bytes: Uint8Array, imports: readonly File[]): CompiledPolicy {
    // The caller's bytes may change later, and the policy must not.
    const files = imports.map(([path, text]): File => [path, text.slice()]);
    const own = bytes.slice();
    return new CompiledPolicy(refused, () => NativePolicy.parse(name, own, files));
  }

  static find(refused: ErrorClass, name: string, bytes: Uint8Array, find: FindFile): CompiledPolicy {
    const found = new Map<string, File | undefined>();
    // Files may change later, and the policy must not: what was read once is what it is made of.
    const once: FindFile = (importing, wanted) => {
      const key = JSON.stringify([importing, wanted]);
      if (!found.has(key)) found.set(key, find(importing, wanted));
      return found.get(key);
    };
    return new CompiledPolicy(refused, () => NativePolicy.parse(name, bytes, [], once));
  }

  static builtin(refused: ErrorClass, name: string): CompiledPolicy {
    return new CompiledPolicy(refused, () => NativePolicy.builtin(name));
  }

  /**
   * Asks: `check` for the decision's text, a line break, and that of the run after it; `peek` for the
   * decision's alone; `explain` for the decision's, a line break, and the explanation's.
   */
  ask(
    door: "check" | "peek" | "explain",
    refused: ErrorClass,
    request: string | Uint8Array,
    bytesMax: number,
    state: string | undefined,
    asked: Circumstances,
  ): string {
    return ask(refused, () => {
      const native = this.#live();
      const box = put(request, bytesMax, state);
      return native[door](box, asked.nowMs, asked.now, asked.requestId, asked.mode, asked.approvals);
    });
  }

  /** Asks as `check` does; behind a further line break there is the record of it. */
  askRecorded(
    refused: ErrorClass,
    request: string | Uint8Array,
    bytesMax: number,
    state: string | undefined,
    asked: Circumstances,
    run: string | undefined,
    keepsAll: boolean,
  ): string {
    const { nowMs, now, requestId, mode, approvals } = asked;
    return ask(refused, () => {
      const native = this.#live();
      return native.record(put(request, bytesMax, state), nowMs, now, requestId, mode, approvals, run, keepsAll);
    });
  }

  /** Asks about several requests: for each the decision's text and that of the run. */
  askBatch(
    refused: ErrorClass,
    requests: Uint8Array[],
    state: string | undefined,
    atomic: boolean,
    asked: Circumstances,
  ): string[] {
    const { nowMs, now, requestId, mode, approvals } = asked;
    return ask(refused, () => this.#live().check_batch(requests, state, atomic, nowMs, now, requestId, mode, approvals));
  }

  /** Hands over what is compiled, in whichever instance there is. */
  use<T>(refused: ErrorClass, run: (native: NativePolicy) => T): T {
    return ask(refused, () => run(this.#live()));
  }

  /** Something that the policy says about itself. */
  get<T>(what: (native: NativePolicy) => T): T {
    return ask(this.refused, () => what(this.#live()));
  }

  /** What the policy probably does not mean. */
  get warnings(): readonly Problem[] {
    return freeze(read(this.get((native) => native.warnings())).problems);
  }

  get isDisposed(): boolean {
    return this.#compile === undefined;
  }

  dispose(): void {
    // What an earlier instance held is gone with it.
    if (this.#instance === instances && !isBroken) this.#native?.free();
    this.#native = undefined;
    this.#compile = undefined;
  }

  #live(): NativePolicy {
    if (this.#native === undefined || this.#instance !== instances) {
      this.#native = (this.#compile as () => NativePolicy)();
      this.#instance = instances;
    }
    return this.#native;
  }
}

/**
 * Which permits were used, in whichever instance there is. What an instance remembered is gone with it, so the
 * next one believes only what was issued since.
 */
export class PermitMemory {
  #native: NativeVerifier | undefined;
  #instance = 0;
  #since: string | undefined;

  constructor(
    readonly refused: ErrorClass,
    readonly keys: string,
    readonly audience: string,
    since: string | undefined,
  ) {
    this.#since = since;
    ask(refused, () => this.#live());
  }

  /** What a permit says, once it is sure that it is for this call. */
  verify(permit: string, call: Uint8Array, now: string): string {
    return ask(this.refused, () => this.#live().verify(permit, call, now));
  }

  #live(): NativeVerifier {
    if (this.#native === undefined || this.#instance !== instances) {
      if (this.#native !== undefined) this.#since = new Date().toISOString();
      this.#native = new NativeVerifier(this.keys, this.audience, this.#since);
      this.#instance = instances;
    }
    return this.#native;
  }
}

/** Writes a question into the inbox. */
function put(request: string | Uint8Array, bytesMax: number, state: string | undefined): Inbox {
  inbox ??= new Inbox();
  const requestEnd = write(inbox, 0, request, bytesMax);
  const stateEnd = state === undefined ? undefined : write(inbox, requestEnd, state, STATE_BYTES_MAX);
  inbox.close(requestEnd, stateEnd);
  return inbox;
}

/** More than a state may have, which the module refuses by its own words. */
const STATE_BYTES_MAX = 16_000_000;

/** Writes a text behind the others, as far as it may be long and a character more. Returns its end. */
function write(box: Inbox, from: number, text: string | Uint8Array, bytesMax: number): number {
  const isBytes = typeof text !== "string";
  // A unit of a string has at most three bytes; the last character that has room may have four.
  const wanted = from + Math.min(isBytes ? text.length : text.length * 3, bytesMax + 4);
  if (room.length < wanted) {
    const begin = box.room(wanted);
    room = new Uint8Array((module_memory() as WebAssembly.Memory).buffer, begin, box.length);
  }
  if (isBytes) {
    const cut = text.subarray(0, wanted - from);
    room.set(cut, from);
    return from + cut.length;
  }
  return from + encoder.encodeInto(text, from === 0 ? room : room.subarray(from)).written;
}
