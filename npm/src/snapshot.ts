/**
 * A JavaScript value as the JSON text that is decided about, taken once.
 *
 * Every property is read exactly once, so what was checked is what was hashed, whatever a getter or a
 * proxy answers later. What JSON cannot hold exactly is refused with its path: nothing is rounded, and
 * no method of the value is called but those of `Map` and `Date`.
 */

import { refuse, RequestError, type Stage0Error } from "./errors.js";

type ErrorClass = typeof RequestError;

/** Nesting of lists and objects: one more than the engine accepts would never be decided. */
const DEPTH_MAX = 64;

/** A JSON text that stands for the value it describes, numbers as they are written. */
export class JsonText {
  constructor(readonly text: string) {}
}

/** A list or object whose end has not been written. */
interface Open {
  readonly owner: object;
  readonly close: "]" | "}";
  /** Keys of an object; a list's are its positions. */
  readonly keys: readonly string[] | null;
  readonly length: number;
  readonly at: (position: number) => unknown;
  next: number;
  isEmpty: boolean;
}

/** The text of a request, policy or the like: of a string or of bytes what they hold. */
export function textOf(value: unknown, bytesMax: number, refused: ErrorClass = RequestError): string {
  if (typeof value === "string") return wellFormed(value, refused);
  if (value instanceof Uint8Array) return decoded(value, refused);
  return new Snapshot(bytesMax, refused).take(value);
}

/** A text without half surrogate pairs, which would become other characters on their way. */
function wellFormed(text: string, refused: ErrorClass): string {
  // With the flag `u` only halves that stand alone match.
  if (!/[\uD800-\uDFFF]/u.test(text)) return text;
  throw refuse(refused, "JSON_LONE_SURROGATE", LONE_SURROGATE, LONE_SURROGATE_HELP);
}

const LONE_SURROGATE = "half of a surrogate pair stands alone, which is not a character";
const LONE_SURROGATE_HELP = "write both halves of the pair; a text cut in the middle of an emoji is the usual cause";

function decoded(bytes: Uint8Array, refused: ErrorClass): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = "the text is not valid UTF-8";
    throw refuse(refused, "JSON_INVALID_UTF8", message, "encode the text as UTF-8", { cause });
  }
}

class Snapshot {
  #out = "";
  /** Innermost last. */
  readonly #open: Open[] = [];

  constructor(
    readonly bytesMax: number,
    readonly refusedAs: ErrorClass,
  ) {}

  take(root: unknown): string {
    if (root === undefined) throw this.#refused("`undefined` has no form in JSON", MISSING_HELP);
    this.#value(root);
    for (let open = this.#open.at(-1); open !== undefined; open = this.#open.at(-1)) {
      if (this.#out.length > this.bytesMax) {
        const message = `the value has more than ${this.bytesMax} bytes as JSON`;
        const help = "leave out what no rule reads, or send a digest of it";
        throw refuse(this.refusedAs, "JSON_TOO_LARGE", message, help);
      }
      if (open.next >= open.length) {
        this.#out += open.close;
        this.#open.pop();
        continue;
      }
      const position = open.next;
      open.next += 1;
      const value = open.at(position);
      if (open.keys !== null) {
        // A member that is undefined is one that is not there.
        if (value === undefined) continue;
        this.#comma(open);
        this.#string(open.keys[position] as string);
        this.#out += ":";
      } else {
        if (value === undefined) throw this.#refused("`undefined` stands in a list", MISSING_HELP);
        this.#comma(open);
      }
      this.#value(value);
    }
    return this.#out;
  }

  #comma(open: Open): void {
    if (!open.isEmpty) this.#out += ",";
    open.isEmpty = false;
  }

  #string(text: string): void {
    if (/[\uD800-\uDFFF]/u.test(text)) {
      const message = LONE_SURROGATE + this.#place();
      throw refuse(this.refusedAs, "JSON_LONE_SURROGATE", message, LONE_SURROGATE_HELP);
    }
    this.#out += JSON.stringify(text);
  }

  /** Writes a scalar, or opens a list or object. */
  #value(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        return this.#number(value);
      case "boolean":
        this.#out += value ? "true" : "false";
        return;
      case "bigint":
        this.#out += value.toString();
        return;
      case "object":
        if (value === null) {
          this.#out += "null";
          return;
        }
        return this.#object(value);
      default:
        throw this.#refused(`a ${typeof value} has no form in JSON`, CONVERT_HELP);
    }
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) {
      throw this.#refused(`${value} is no number`, "leave the member out, or send null where nothing is known");
    }
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw this.#refused(
        `the integer ${value} may have been rounded already`,
        "integers beyond Number.MAX_SAFE_INTEGER are exact as a BigInt, or as JSON text",
      );
    }
    // The shortest digits that mean this number; -0 is 0.
    this.#out += String(value);
  }

  #object(value: object): void {
    if (Array.isArray(value)) {
      const length = value.length;
      return this.#begin(value, "]", null, length, (position) => value[position]);
    }
    if (value instanceof Map) {
      const entries = [...Map.prototype.entries.call(value)];
      const strange = entries.find(([key]) => typeof key !== "string");
      if (strange !== undefined) {
        throw this.#refused(
          `a Map has a key of type ${typeof strange[0]}`,
          "keys are strings, as in JSON: convert them with String()",
        );
      }
      const keys = entries.map(([key]) => key as string);
      return this.#begin(value, "}", keys, keys.length, (position) => entries[position]?.[1]);
    }
    if (value instanceof Date) {
      const ms = Date.prototype.getTime.call(value);
      if (Number.isNaN(ms)) throw this.#refused("the Date is invalid", "check it with Number.isNaN(+date)");
      const text = new Date(ms).toISOString();
      // As the engine writes times: milliseconds only where there are some.
      this.#out += `"${text.replace(".000Z", "Z")}"`;
      return;
    }
    if (value instanceof JsonText) {
      this.#out += value.text;
      return;
    }
    const prototype = Object.getPrototypeOf(value);
    // Also the plain objects of another realm: their prototype is at the end of its chain.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      const name = String(prototype.constructor?.name ?? "?").slice(0, 64);
      throw this.#refused(`an instance of ${JSON.stringify(name)} has no form in JSON`, CONVERT_HELP);
    }
    const keys = Object.keys(value);
    const members = value as Record<string, unknown>;
    this.#begin(value, "}", keys, keys.length, (position) => members[keys[position] as string]);
  }

  #begin(
    owner: object,
    close: "]" | "}",
    keys: readonly string[] | null,
    length: number,
    at: (position: number) => unknown,
  ): void {
    if (this.#open.some((open) => open.owner === owner)) {
      throw this.#refused("a value contains itself", "send a tree: each value in one place, with names for what refers back");
    }
    if (this.#open.length >= DEPTH_MAX) {
      const message = `lists and objects nest deeper than ${DEPTH_MAX}${this.#place()}`;
      const help = "flatten the value, or send the inner part as a string";
      throw refuse(this.refusedAs, "JSON_DEPTH", message, help);
    }
    this.#out += close === "]" ? "[" : "{";
    this.#open.push({ owner, close, keys, length, at, next: 0, isEmpty: true });
  }

  #refused(message: string, help: string): Stage0Error {
    return refuse(this.refusedAs, "VALUE_UNSUPPORTED", message + this.#place(), help);
  }

  /** Where the value stands that is being written; nothing for the outermost. */
  #place(): string {
    let path = "";
    for (const { keys, next } of this.#open) {
      const key = keys?.[next - 1];
      if (keys === null) path += `[${next - 1}]`;
      else path += (path === "" ? "" : ".") + legible(key ?? "");
    }
    return path === "" ? "" : `, in \`${path}\``;
  }
}

const MISSING_HELP = "leave it out, or send null where nothing is known";
const CONVERT_HELP = "convert it to a plain object, array, Map, string, finite number, BigInt, boolean, null or Date first";

/** Somebody's key as a person may see it. */
function legible(text: string): string {
  const shown = text.length > 64 ? `${text.slice(0, 61)}...` : text;
  return shown.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`);
}
