/** Functions that ask before they run. */

import type { Answer } from "./answer.js";
import type { ToolCall } from "./call.js";
import { Failure } from "./failure.js";
import { type Gate, obeyed } from "./gate.js";

/** Lists and objects inside each other that are copied; a request may not be deeper. */
export const DEPTH_MAX = 64;

/** How a function asks. */
export interface GatedOptions<Rest extends unknown[] = []> {
  /** Its name in the policy, the function's own where there is none. */
  readonly tool?: string | undefined;
  /** Effects that are declared beside those of the catalog. */
  readonly effects?: readonly string[] | undefined;
  /** Whether a refusal is thrown, or its message for the model returned. */
  readonly refuse?: "throw" | "return" | undefined;
  /** What else belongs to the call, made of the further arguments, such as a call id of the framework. */
  readonly call?: ((...rest: Rest) => Partial<Omit<ToolCall, "name" | "arguments">>) | undefined;
}

/**
 * Makes a function ask before it runs. Its first argument is one object, the arguments; others go along unchecked,
 * such as the framework's own.
 *
 * The body gets exactly what was checked: objects and lists are copied before anybody is asked, all the way down,
 * and the copy is both checked and used, so nobody else can change it. What else can be changed (a Date, a Map, an
 * object of a class) is refused, as is what has no exact form as JSON.
 *
 * Rejects with {@link Denied} or {@link Deferred} instead of running; with `refuse: "return"` it comes to the message
 * for the model instead. Then tells the gate whether it was `executed` or `failed`; an error of the body goes on.
 */
export function gated<A extends object, R, Rest extends unknown[] = []>(
  gate: Gate,
  options: GatedOptions<Rest>,
  body: (args: A, ...rest: Rest) => R,
): (args: A, ...rest: Rest) => Promise<Awaited<R> | string> {
  const { refuse = "throw", effects, call: more } = options;
  const name = options.tool ?? body.name;
  if (name === "") throw new TypeError("a function without a name is a `tool` of some name");
  if (refuse !== "throw" && refuse !== "return") throw new TypeError(`refuse is "throw" or "return"`);
  return async function (this: unknown, given: A, ...rest: Rest): Promise<Awaited<R> | string> {
    const own = copy(name, given);
    const answer = own instanceof Failure ? gate.failed({ name }, own) : await asked(own as A, rest);
    if (!answer.allowed) return refuse === "return" ? answer.message : (obeyed(answer) as never);
    let result: Awaited<R>;
    try {
      result = await body.call(this, own as A, ...rest);
    } catch (error) {
      await gate.report(answer, "failed");
      throw error;
    }
    await gate.report(answer, "executed");
    return result;
  };

  async function asked(args: A, rest: Rest): Promise<Answer> {
    const belongs = more === undefined ? {} : more(...rest);
    const answer = await gate.check({ effects, ...belongs, name, arguments: args });
    if (!answer.allowed || answer.verify(args)) return answer;
    return gate.failed(answer.call, new Failure("ARGUMENTS_CHANGED", "what is about to be used was not checked"));
  }
}

function copy(name: string, given: unknown): unknown {
  try {
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw new Failure("CALL_INVALID", `the arguments of ${name} are one object`);
    }
    return copied(given, "arguments", 0);
  } catch (error) {
    return error instanceof Failure ? error : new Failure("CALL_INVALID", String(error), { cause: error });
  }
}

/** The same value, of which nobody else has a part that can be changed. */
function copied(value: unknown, place: string, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new Failure("CALL_INVALID", `${place} is nested too deeply`);
  if (typeof value === "function") throw new Failure("CALL_INVALID", `${place} is a function`);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from(value, (item, at) => copied(item, `${place}[${at}]`, depth + 1));
  const kind: unknown = Object.getPrototypeOf(value);
  if (kind !== null && kind !== Object.prototype) {
    throw new Failure("CALL_INVALID", `${place} is an object of a class, and no plain one`);
  }
  const own: Record<string, unknown> = Object.create(kind as object | null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) {
    // As a value of its own, also under a name such as `__proto__`.
    const written = { value: copied(member, `${place}.${key}`, depth + 1), enumerable: true, writable: true, configurable: true };
    Object.defineProperty(own, key, written);
  }
  return own;
}
