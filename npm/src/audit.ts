/** Chains of receipts: decisions and outcomes as lines that show what was done to them. */

import type { Decision } from "./decision.js";
import { chainCheckpoint, chainLine, verifiedAudit, verifiedCheckpoint } from "./engine.js";
import { AuditError, freeze, type Problem, refuse } from "./errors.js";
import type { KeyInput } from "./permits.js";
import {
  type CheckOptions,
  instant,
  type Policy,
  recorded,
  type ReportOptions,
  type RequestInput,
  toldOf,
  word,
} from "./policy.js";
import { textOf } from "./snapshot.js";

const KEYS_BYTES_MAX = 1_000_000;

/** Lines between two checkpoints, unless somebody says otherwise: a signature takes as long as a few decisions. */
const CHECKPOINT_LINES = 64;

/** What stands behind a line's hash. */
const END = '"}';
const HASH_DIGITS = 64;

/** Where a chain ends: the number and the hash of its last line. */
export interface AuditHead {
  readonly seq: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
}

/** How a chain is written. */
export interface AuditOptions {
  /** What is kept of a request: `facts`, those that the decision read, or `full`, so that it can be made again. */
  record?: "facts" | "full" | undefined;
  /** Where the chain goes on, as an earlier `head` told; a new one begins where there is none. */
  head?: AuditHead | undefined;
  /** A private key, as `stage0 keypair new` writes it, which signs the chain behind each `checkpointLines` lines. */
  key?: KeyInput | undefined;
  checkpointLines?: number | undefined;
}

/** What became of a call, beside the outcome. */
export type OutcomeOptions = Omit<ReportOptions, "state"> & { state?: string | undefined; run?: string | undefined };

/**
 * A chain of receipts, of which the host keeps the lines. They are the lines of a log that `stage0 audit verify`
 * reads, each without its line break.
 */
export class AuditChain {
  readonly #keep: (line: string) => void;
  readonly #keepsAll: boolean;
  readonly #key: string | undefined;
  readonly #every: number;
  #head: AuditHead;
  #signed = 0;

  /**
   * `keep` is called with each line before a decision is given, and throws where the line is not kept. It is not
   * waited for: where keeping takes a while, it collects lines, and the host acts once they are kept.
   *
   * @throws AuditError if the key is none.
   */
  constructor(keep: (line: string) => void, options: AuditOptions = {}) {
    const { record = "facts", head, key, checkpointLines = CHECKPOINT_LINES } = options;
    if (record !== "facts" && record !== "full") throw new TypeError(`record is "facts" or "full", not ${String(record)}`);
    this.#keep = keep;
    this.#keepsAll = record === "full";
    this.#every = checkpointLines;
    this.#head = freeze({ seq: head?.seq ?? 0, hash: head?.hash ?? "0".repeat(HASH_DIGITS) });
    if (!Number.isSafeInteger(this.#head.seq) || this.#head.seq < 0) throw new TypeError("seq is a whole number from 0");
    this.#key = key === undefined ? undefined : textOf(key, KEYS_BYTES_MAX, AuditError);
    // What cannot sign is told now, and not behind many lines.
    if (this.#key !== undefined) this.#signedLine(this.#key, instant(new Date()));
    else chainLine(AuditError, this.#head.seq, this.#head.hash, "{}");
  }

  /** Where the chain ends. */
  get head(): AuditHead {
    return this.#head;
  }

  /**
   * Decides as `policy.check` does, and has a line of it kept before the decision is given.
   *
   * @throws RequestError where nothing was decided, and AuditError where it is not kept: the action must not be
   * carried out then either.
   */
  check(policy: Policy, request: RequestInput, options: CheckOptions & { run?: string | undefined } = {}): Decision {
    const now = options.now ?? new Date();
    const run = word(options.run, "run");
    const { decision, record } = recorded(policy, request, { ...options, now }, run, this.#keepsAll);
    this.#append(record, now);
    return decision;
  }

  /**
   * Has a line of what became of a call kept; the state after it, where one before it is given.
   *
   * @throws RequestError if something is not of its form, and AuditError if the line is not kept.
   */
  report(decision: Decision, outcome: "executed" | "failed" | "stopped", options: OutcomeOptions = {}): string | undefined {
    const now = options.now ?? new Date();
    const state = word(options.state, "state");
    const [after, record] = toldOf(decision, outcome, state, word(options.run, "run"), { ...options, now });
    this.#append(record, now);
    return after === "" ? undefined : after;
  }

  /**
   * Signs the chain as it is now, and hands out the checkpoint, to be kept elsewhere.
   *
   * @throws AuditError if the key is none, or the line is not kept.
   */
  checkpoint(key: KeyInput, options: { now?: Date | string | undefined } = {}): string {
    const line = this.#signedLine(textOf(key, KEYS_BYTES_MAX, AuditError), instant(options.now ?? new Date()));
    this.#advance(line);
    return JSON.parse(line).checkpoint;
  }

  #append(record: string, now: Date | string): void {
    this.#advance(chainLine(AuditError, this.#head.seq, this.#head.hash, record));
    if (this.#key !== undefined && this.#head.seq - this.#signed >= this.#every) {
      this.#advance(this.#signedLine(this.#key, instant(now)));
      this.#signed = this.#head.seq;
    }
  }

  #signedLine(key: string, now: string): string {
    return chainCheckpoint(AuditError, this.#head.seq, this.#head.hash, key, now);
  }

  /** The chain ends with a line once it is kept. */
  #advance(line: string): void {
    let kept: unknown;
    try {
      kept = this.#keep(line);
    } catch (cause) {
      throw refuse(AuditError, "FILE_UNWRITABLE", `the line was not kept: ${String((cause as Error)?.message ?? cause)}`, HELP, {
        cause,
      });
    }
    if (kept instanceof Promise)
      throw refuse(AuditError, "FILE_UNWRITABLE", "the line was not kept: nobody waits for a promise", HELP);
    const hash = line.slice(-HASH_DIGITS - END.length, -END.length);
    this.#head = freeze({ seq: this.#head.seq + 1, hash });
  }
}

const HELP = "what cannot be written down must not be allowed";

/** What a log is verified with. */
export interface VerifyAuditOptions {
  /** Whose checkpoints are believed: a JSON Web Key Set. */
  keys?: KeyInput | undefined;
  /** A checkpoint that was kept elsewhere, which the log has to come to. */
  checkpoint?: string | undefined;
  /** The lines before the first one are elsewhere. */
  continues?: boolean | undefined;
}

/** What holding a log against itself came to. */
export interface AuditReport {
  /** Whether the log is what was written. */
  readonly holds: boolean;
  /** Lines that are as they were written. */
  readonly lines: number;
  readonly records: number;
  readonly checkpoints: number;
  /** The number of the first line. */
  readonly first: number;
  /** Where the chain ends. */
  readonly head: AuditHead;
  /** Up to where the newest checkpoint vouches for it, if a key was given that it was signed with. */
  readonly signedTo: number | null;
  readonly signedAt: Date | null;
  /** Everything that is wrong, each with its place in the log. */
  readonly problems: readonly Problem[];
}

/**
 * Holds a log against itself, as `stage0 audit verify` does: what was changed, taken out, put in twice or moved.
 *
 * `log` is the text of a file, or its lines without their breaks. Decisions are not made again: that is for
 * `stage0 audit verify --policy`, and for the Python package.
 *
 * @throws AuditError if the keys are none.
 */
export function verifyAudit(log: string | readonly string[], options: VerifyAuditOptions = {}): AuditReport {
  const { keys, checkpoint, continues } = options;
  if (checkpoint !== undefined && keys === undefined) {
    throw new TypeError("a checkpoint says nothing without the keys to verify it with");
  }
  const text = typeof log === "string" ? log : log.map((line) => `${line}\n`).join("");
  const known = keys === undefined ? undefined : textOf(keys, KEYS_BYTES_MAX, AuditError);
  const report = verifiedAudit(AuditError, text, known, word(checkpoint, "checkpoint"), continues === true);
  const { lines, records, checkpoints, first, last, hash, signed_to, signed_at, problems } = JSON.parse(report);
  return freeze({
    holds: problems.length === 0,
    lines,
    records,
    checkpoints,
    first,
    head: { seq: last, hash },
    signedTo: signed_to,
    signedAt: signed_at === null ? null : new Date(signed_at),
    problems,
  });
}

/** Somebody's signed word that a log ended there at this time. */
export interface Checkpoint extends AuditHead {
  readonly at: Date;
}

/**
 * What a checkpoint says, if one of these keys signed it.
 *
 * @throws AuditError if it is none, or is not to be believed.
 */
export function verifyCheckpoint(checkpoint: string, keys: KeyInput): Checkpoint {
  const token = word(checkpoint, "checkpoint") ?? "";
  const { seq, hash, at } = JSON.parse(verifiedCheckpoint(AuditError, token, textOf(keys, KEYS_BYTES_MAX, AuditError)));
  return Object.freeze({ seq, hash, at: new Date(at) });
}
