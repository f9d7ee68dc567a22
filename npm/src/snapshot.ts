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

/** The text of a request, policy or the like: of a string or of bytes what they hold. */
export function textOf(value: unknown, bytesMax: number, refused: ErrorClass = RequestError): string {
  if (typeof value === "string") return wellFormed(value, refused);
  if (value instanceof Uint8Array) return decoded(value, refused);
  return new TextDecoder().decode(bytesOf(value, bytesMax, refused));
}

/** The bytes of a value's text. They stand until the next value is taken: copy them before. */
export function bytesOf(value: unknown, bytesMax: number, refused: ErrorClass): Uint8Array {
  // While a value is read its getters may hand over another one, which then has a snapshot of its own.
  const snapshot = spare ?? new Snapshot();
  spare = undefined;
  const bytes = snapshot.take(value, bytesMax, refused);
  if (snapshot.bytes.length <= KEPT_BYTES_MAX) spare = snapshot;
  return bytes;
}

/** A text without half surrogate pairs, which would become other characters on their way. */
export function wellFormed(text: string, refused: ErrorClass): string {
  if (isWellFormed(text)) return text;
  throw refuse(refused, "JSON_LONE_SURROGATE", LONE_SURROGATE, LONE_SURROGATE_HELP);
}

/** Newer runtimes know it of a string; with the flag `u` only halves that stand alone match. */
const isWellFormed: (text: string) => boolean =
  "isWellFormed" in String.prototype
    ? (text) => (text as string & { isWellFormed(): boolean }).isWellFormed()
    : (text) => !/[\uD800-\uDFFF]/u.test(text);

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

const encoder = new TextEncoder();

/** Texts that are written unit by unit: for longer ones the start of the encoder is worth it. */
const SHORT = 200;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What a snapshot begins with, and what is kept of one for the next. */
const FIRST_BYTES = 4_096;
const KEPT_BYTES_MAX = 65_536;

/** Keys as they stand between two members; as many as a program writes, not as an attacker can think of. */
const KEYS = new Map<string, Uint8Array>();
const KEYS_MAX = 500;
const KEY_LENGTH_MAX = 64;

/** A snapshot that nobody is taking. */
let spare: Snapshot | undefined;

/**
 * Nests as deep as requests may, and never deeper: the depth is counted. It stays in this file, so it
 * does without private members, whose every call is checked.
 */
class Snapshot {
  /** The text as UTF-8, as far as `end`. */
  bytes = new Uint8Array(FIRST_BYTES);
  end = 0;
  /** How many lists and objects are around the value; what they are, and which of their members it is. */
  depth = 0;
  readonly owners: object[] = [];
  readonly places: (string | number)[] = [];
  bytesMax = 0;
  refusedAs: ErrorClass = RequestError;

  /** Only a snapshot that was taken to its end can be taken again. */
  take(root: unknown, bytesMax: number, refused: ErrorClass): Uint8Array {
    this.end = 0;
    this.bytesMax = bytesMax;
    this.refusedAs = refused;
    if (root === undefined) throw this.refused("`undefined` has no form in JSON", MISSING_HELP);
    this.value(root);
    // Nobody's objects are held on to.
    this.owners.length = 0;
    return this.bytes.subarray(0, this.end);
  }

  /** Makes room for a text of this length, and for the little that stands around it. */
  room(length: number): void {
    // A unit has at most three bytes.
    const wanted = this.end + length * 3 + 8;
    if (wanted <= this.bytes.length) return;
    // As UTF-8 it has at least as many bytes as units.
    if (this.end + length > this.bytesMax) throw this.tooLarge();
    const grown = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }

  byte(byte: number): void {
    if (this.end >= this.bytes.length) this.room(1);
    this.bytes[this.end] = byte;
    this.end += 1;
  }

  /** Appends a text of ASCII. */
  ascii(text: string): void {
    this.room(text.length);
    const { bytes } = this;
    let { end } = this;
    for (let at = 0; at < text.length; at += 1) bytes[end++] = text.charCodeAt(at);
    this.end = end;
  }

  /** Appends any text as it is. */
  append(text: string): void {
    this.room(text.length);
    this.end += encoder.encodeInto(text, this.bytes.subarray(this.end)).written;
  }

  string(text: string): void {
    if (text.length > SHORT) return this.long(text);
    this.room(text.length);
    const { bytes } = this;
    let { end } = this;
    bytes[end++] = QUOTE;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) return this.long(text);
      bytes[end++] = unit;
    }
    bytes[end++] = QUOTE;
    this.end = end;
  }

  /** Appends a string that is long, or may have something in it that needs an escape. */
  long(text: string): void {
    if (this.end + text.length > this.bytesMax) throw this.tooLarge();
    if (isWellFormed(text)) return this.append(JSON.stringify(text));
    const message = LONE_SURROGATE + this.place();
    throw refuse(this.refusedAs, "JSON_LONE_SURROGATE", message, LONE_SURROGATE_HELP);
  }

  /** A key with its colon, and what stands before it. The same few come again and again. */
  key(before: number, key: string): void {
    const from = this.end;
    const known = KEYS.get(key);
    if (known === undefined) {
      this.byte(before);
      this.string(key);
      this.byte(COLON);
      if (KEYS.size < KEYS_MAX && key.length < KEY_LENGTH_MAX) KEYS.set(key, this.bytes.slice(from, this.end));
      return;
    }
    this.room(known.length);
    const { bytes } = this;
    for (let at = 0; at < known.length; at += 1) bytes[from + at] = known[at] as number;
    bytes[from] = before;
    this.end = from + known.length;
  }

  value(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.string(value);
      case "number":
        return this.number(value);
      case "boolean":
        return this.ascii(value ? "true" : "false");
      case "bigint":
        return this.ascii(value.toString());
      case "object":
        return value === null ? this.ascii("null") : this.object(value);
      default:
        throw this.refused(`a ${typeof value} has no form in JSON`, CONVERT_HELP);
    }
  }

  number(value: number): void {
    if (!Number.isFinite(value)) {
      throw this.refused(`${value} is no number`, "leave the member out, or send null where nothing is known");
    }
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw this.refused(
        `the integer ${value} may have been rounded already`,
        "integers beyond Number.MAX_SAFE_INTEGER are exact as a BigInt, or as JSON text",
      );
    }
    // The shortest digits that mean this number; -0 is 0.
    this.ascii(String(value));
  }

  object(value: object): void {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) {
      this.members(value);
    } else if (Array.isArray(value)) {
      this.list(value);
    } else if (value instanceof Map) {
      this.map(value);
    } else if (value instanceof Date) {
      const ms = Date.prototype.getTime.call(value);
      if (Number.isNaN(ms)) throw this.refused("the Date is invalid", "check it with Number.isNaN(+date)");
      const text = new Date(ms).toISOString();
      // As the engine writes times: milliseconds only where there are some.
      this.ascii(`"${text.replace(".000Z", "Z")}"`);
    } else if (value instanceof JsonText) {
      this.append(value.text);
    } else if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      const name = String(prototype.constructor?.name ?? "?").slice(0, 64);
      throw this.refused(`an instance of ${JSON.stringify(name)} has no form in JSON`, CONVERT_HELP);
    } else {
      // Also the plain objects of another realm: their prototype is at the end of its chain.
      this.members(value);
    }
  }

  list(list: readonly unknown[]): void {
    const depth = this.enter(list);
    const length = list.length;
    this.byte(OPEN_LIST);
    for (let position = 0; position < length; position += 1) {
      this.places[depth] = position;
      const value = list[position];
      if (value === undefined) throw this.refused("`undefined` stands in a list", MISSING_HELP);
      if (position > 0) this.byte(COMMA);
      this.value(value);
      this.measure();
    }
    this.byte(CLOSE_LIST);
    this.depth = depth;
  }

  members(value: object): void {
    const depth = this.enter(value);
    const members = value as Record<string, unknown>;
    let before = OPEN_OBJECT;
    for (const key of Object.keys(value)) {
      this.places[depth] = key;
      const member = members[key];
      // A member that is undefined is one that is not there.
      if (member === undefined) continue;
      this.key(before, key);
      before = COMMA;
      this.value(member);
      this.measure();
    }
    if (before === OPEN_OBJECT) this.byte(OPEN_OBJECT);
    this.byte(CLOSE_OBJECT);
    this.depth = depth;
  }

  map(map: Map<unknown, unknown>): void {
    const entries = [...Map.prototype.entries.call(map)];
    const strange = entries.find(([key]) => typeof key !== "string");
    if (strange !== undefined) {
      throw this.refused(
        `a Map has a key of type ${typeof strange[0]}`,
        "keys are strings, as in JSON: convert them with String()",
      );
    }
    const depth = this.enter(map);
    let before = OPEN_OBJECT;
    for (const [key, value] of entries as [string, unknown][]) {
      this.places[depth] = key;
      if (value === undefined) continue;
      this.key(before, key);
      before = COMMA;
      this.value(value);
      this.measure();
    }
    if (before === OPEN_OBJECT) this.byte(OPEN_OBJECT);
    this.byte(CLOSE_OBJECT);
    this.depth = depth;
  }

  /** Enters a list or object, and says how deep it stands. */
  enter(owner: object): number {
    const { depth, owners } = this;
    for (let at = 0; at < depth; at += 1) {
      if (owners[at] !== owner) continue;
      throw this.refused("a value contains itself", "send a tree: each value in one place, with names for what refers back");
    }
    if (depth >= DEPTH_MAX) {
      const message = `lists and objects nest deeper than ${DEPTH_MAX}${this.place()}`;
      const help = "flatten the value, or send the inner part as a string";
      throw refuse(this.refusedAs, "JSON_DEPTH", message, help);
    }
    owners[depth] = owner;
    this.depth = depth + 1;
    return depth;
  }

  /** What is too long is refused before it has become much longer. */
  measure(): void {
    if (this.end > this.bytesMax) throw this.tooLarge();
  }

  tooLarge(): Stage0Error {
    const message = `the value has more than ${this.bytesMax} bytes as JSON`;
    const help = "leave out what no rule reads, or send a digest of it";
    return refuse(this.refusedAs, "JSON_TOO_LARGE", message, help);
  }

  refused(message: string, help: string): Stage0Error {
    return refuse(this.refusedAs, "VALUE_UNSUPPORTED", message + this.place(), help);
  }

  /** Where the value stands that is being written; nothing for the outermost. */
  place(): string {
    let path = "";
    for (const place of this.places.slice(0, this.depth)) {
      if (typeof place === "number") path += `[${place}]`;
      else path += (path === "" ? "" : ".") + legible(place);
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
