/** What is wrong with a policy or a request, as data and as errors. A DENY is no error. */

/** A place in a file: lines and columns count characters from 1, and the end is exclusive. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly end_line: number;
  readonly end_column: number;
  /** The line and the marks below the place; empty where the problem is the file as a whole. */
  readonly excerpt: string;
}

/** One thing that is wrong. */
export interface Problem {
  /** A stable word such as `POLICY_UNKNOWN_KEY`. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly help: string | null;
  readonly locations: readonly Location[];
  /** Other places that it has to do with. */
  readonly related: readonly { readonly label: string; readonly location: Location }[];
}

/**
 * Something could not be read, so nothing was decided. Whoever guards an action treats it as DENY.
 * The message reports every problem with its place and what to do about it.
 */
export class Stage0Error extends Error {
  /** The code of the first error among the problems. */
  readonly code: string;
  /** Everything that is wrong, at least one. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], message?: string, options?: ErrorOptions) {
    super(message ?? problems.map(told).join("\n"), options);
    this.name = new.target.name;
    this.problems = problems;
    this.code = (problems.find((problem) => problem.severity === "error") ?? problems[0])?.code ?? "";
  }
}

/** A policy does not load. */
export class PolicyError extends Stage0Error {}

/** A request, or what the host adds to it, is not of its form. */
export class RequestError extends Stage0Error {}

/** A permit is not issued, or does not count: the call must not be made. */
export class PermitError extends Stage0Error {}

/** Something is not written down: whoever has to keep a log allows nothing. Or what verifies one is none. */
export class AuditError extends Stage0Error {}

/** A person's answer is not taken: there is no such ticket, or it is not theirs to give, or too late. */
export class TicketError extends Stage0Error {}

type ErrorClass = new (problems: readonly Problem[], message?: string, options?: ErrorOptions) => Stage0Error;

function told(problem: Problem): string {
  const help = problem.help === null ? "" : `\n = help: ${problem.help}`;
  return `${problem.severity}[${problem.code}]: ${problem.message}${help}`;
}

/** An error about one thing that only this half of the package sees. */
export function refuse(
  refused: ErrorClass,
  code: string,
  message: string,
  help: string | null,
  options?: ErrorOptions,
): Stage0Error {
  const problem: Problem = { code, severity: "error", message, help, locations: [], related: [] };
  return new refused(freeze([problem]), undefined, options);
}

/** A file's name as problems show it, and its bytes. */
export type File = [name: string, bytes: Uint8Array];

/** Freezes a JSON value and all that is in it. What is frozen already is so as a whole. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const waiting: object[] = [value];
  for (let inner = waiting.pop(); inner !== undefined; inner = waiting.pop()) {
    for (const member of Array.isArray(inner) ? inner : Object.values(inner)) {
      if (typeof member === "object" && member !== null) waiting.push(member);
    }
    Object.freeze(inner);
  }
  return value;
}
