/** Permits and signed policies: what was checked is what runs, by a policy that somebody signed. */

import type { Decision } from "./decision.js";
import { issuedPermit, PermitMemory, verifiedPolicy } from "./engine.js";
import { PermitError, PolicyError } from "./errors.js";
import { compiledOf, instant, type Policy, questionOf, raw, type Request, type RequestInput, word } from "./policy.js";
import { textOf } from "./snapshot.js";

const KEYS_BYTES_MAX = 1_000_000;

/** A JSON Web Key or a set of them: as text, or as the object. */
export type KeyInput = string | object;

/** What a permit says. */
export interface Permit {
  readonly id: string;
  /** The executor that it is for. */
  readonly audience: string;
  readonly requestId: string;
  /** The tool as the request named it. */
  readonly name: string;
  /** The tool as the catalog has it, where it has. */
  readonly tool: string | null;
  /** The call's id, where it had one. */
  readonly call: string | null;
  readonly run: string | null;
  /** The decision's `action_digest`. */
  readonly action: string;
  /** The policy's `digest`. */
  readonly policy: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** How a permit is issued. */
export interface IssueOptions {
  /** Of two permits with one id an executor accepts one; the decision's `request_id` where there is none. */
  id?: string | undefined;
  /** The run that the call belongs to. */
  run?: string | undefined;
  /** How long it counts, in seconds: 60 where there is none, at most 900. */
  ttl?: number | undefined;
  now?: Date | string | undefined;
}

/** Issues permits, in the process that decides. */
export class PermitIssuer {
  readonly #key: string;
  readonly #audience: string;

  /** `key` is a private key as `stage0 keypair new` writes it; `audience` names the executor. */
  constructor(key: KeyInput, audience: string) {
    this.#key = textOf(key, KEYS_BYTES_MAX, PermitError);
    this.#audience = word(audience, "audience") ?? "";
  }

  /**
   * The permit for an ALLOW about this request, which has to be a tool call.
   *
   * @throws PermitError where nothing was allowed, or nothing is enforced.
   */
  issuePermit(decision: Decision, request: RequestInput, options: IssueOptions = {}): string {
    const { ttl } = options;
    return issuedPermit(
      PermitError,
      this.#key,
      this.#audience,
      decision.json,
      bytesOf(request),
      word(options.id, "id") ?? decision.request_id,
      word(options.run, "run"),
      ttl === undefined ? undefined : Math.round(ttl * 1000),
      instant(options.now ?? new Date()),
    );
  }
}

/** For whom a call is about to be made. */
export interface VerifyOptions {
  /** The `actor_id` and `tenant_id`, as they were in the request. */
  context?: object | undefined;
  environment?: string | undefined;
  now?: Date | string | undefined;
}

/**
 * Verifies permits, in the executor, and remembers which were used.
 *
 * What is remembered ends with this object: one that takes the place of another believes what was issued
 * `since` it began.
 */
export class PermitVerifier {
  readonly #memory: PermitMemory;

  /**
   * `keys` are the public keys that it believes, a JSON Web Key Set; `audience` is its own name.
   *
   * @throws PermitError if the keys are none.
   */
  constructor(keys: KeyInput, audience: string, options: { since?: Date | string | undefined } = {}) {
    const since = options.since === undefined ? undefined : instant(options.since);
    this.#memory = new PermitMemory(
      PermitError,
      textOf(keys, KEYS_BYTES_MAX, PermitError),
      word(audience, "audience") ?? "",
      since,
    );
  }

  /**
   * Says what a permit says, if this call may be made, and marks it as used.
   *
   * `args` are those that are about to be used: an object, or the JSON text of one.
   *
   * @throws PermitError if the call must not be made. A permit that is refused is not used up.
   */
  verifyPermit(permit: string, tool: string, args: object | string, options: VerifyOptions = {}): Permit {
    const call = {
      tool_call: { name: tool, arguments: typeof args === "string" ? raw(args) : args },
      context: options.context,
      environment: options.environment,
    };
    const now = instant(options.now ?? new Date());
    return read(this.#memory.verify(word(permit, "permit") ?? "", bytesOf(call as Request), now));
  }
}

/** What a host demands of a policy. */
export interface PolicyDemands {
  /** Whose signatures are believed: a JSON Web Key Set. */
  keys: KeyInput;
  /** The name that the policy must have. */
  name?: string | undefined;
  /** What was seen before, as the last time gave it back. */
  seen?: string | undefined;
  now?: Date | string | undefined;
}

/**
 * What has been seen once this policy has: a text to keep, and to give as `seen` the next time.
 *
 * `signature` is the text of the policy's `.sig` file.
 *
 * @throws PolicyError if it is not signed, was altered, or is older than what was seen: then nothing may be
 * decided by it.
 */
export function verifyPolicy(policy: Policy, signature: string | null | undefined, demands: PolicyDemands): string {
  const signed = word(signature ?? undefined, "signature");
  return verifiedPolicy(
    PolicyError,
    compiledOf(policy),
    signed?.replace(/[\r\n]+$/, ""),
    textOf(demands.keys, KEYS_BYTES_MAX, PolicyError),
    word(demands.name, "name"),
    word(demands.seen, "seen"),
    instant(demands.now ?? new Date()),
  );
}

function bytesOf(request: RequestInput): Uint8Array {
  const text = questionOf(request);
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

function read(claims: string): Permit {
  const { jti, aud, request_id, name, tool, call, run, action, policy, iat, exp } = JSON.parse(claims);
  return Object.freeze({
    id: jti,
    audience: aud,
    requestId: request_id,
    name,
    tool: tool ?? null,
    call: call ?? null,
    run: run ?? null,
    action,
    policy,
    issuedAt: new Date(Math.round(iat * 1000)),
    expiresAt: new Date(Math.round(exp * 1000)),
  });
}
