/**
 * Decisions and explanations: the canonical text, and the members of the wire by their names.
 *
 * A text is taken apart when somebody looks inside, and not before; what comes out is frozen.
 */

import { freeze } from "./errors.js";

/** The answer in a word. */
export type Verdict = "ALLOW" | "DEFER" | "DENY";

/** How much an issue weighs. */
export type Severity = "LOW" | "MEDIUM" | "HIGH" | "CRITICAL";

/** What would make an issue go away. */
export interface Resolution {
  /** A person's yes, a fact that somebody can supply, time, or another call. */
  readonly needs: "approval" | "fact" | "wait" | "fix";
  /** Who can give it. */
  readonly who: "agent" | "person";
  /** The missing facts, sorted. */
  readonly facts?: readonly string[];
  /** Roles of which an approver must have one. */
  readonly roles?: readonly string[];
  /** How many approvals are still missing. */
  readonly approvals?: number;
  /** When asking again may help, RFC 3339. */
  readonly retry_at?: string;
}

/** One reason. */
export interface Issue {
  /** A stable word such as `ROLE_NOT_AUTHORIZED`. */
  readonly code: string;
  readonly severity: Severity;
  /** What the model may read. */
  readonly message: string;
  /** The rule that it comes from, as `pack/id`; empty for the engine's own. */
  readonly rule: string;
  /** The tool that it is about; empty for the request as a whole. */
  readonly tool: string;
  /** Further values by name. */
  readonly details: { readonly [name: string]: string | readonly string[] };
  readonly resolution: Resolution | null;
}

/** The verdict on one tool. */
export interface ToolVerdict {
  /** The tool as the request named it. */
  readonly name: string;
  /** The catalogued tool; empty where the catalog has none of that name. */
  readonly tool: string;
  readonly verdict: Verdict;
}

/** A decision as it stands on the wire. */
export interface DecisionData {
  /** The verdict in the words of the wire contract. */
  readonly decision: "GO" | "DEFER" | "NO_GO";
  readonly verdict: Verdict;
  /** Why, in one line: `CODE: message; CODE: message`, or a sentence on ALLOW. */
  readonly reason: string;
  /** The reasons, heaviest first. */
  readonly issues: readonly Issue[];
  /** 0 to 100, below 100 on ALLOW. */
  readonly risk_score: number;
  /** Whether the score has reached the policy's threshold. */
  readonly high_risk: boolean;
  /** How likely it is that the work is not worth doing, 0 to 100. */
  readonly value_risk: number;
  /** How likely it is that money and time are lost, 0 to 100. */
  readonly waste_risk: number;
  /** `defer_questions`, followed by questions of advice, which hold nothing up. */
  readonly clarifying_questions: readonly string[];
  /** Questions whose answers could turn a DEFER into an ALLOW. */
  readonly defer_questions: readonly string[];
  /** Constraints that a rule checked, sorted. */
  readonly guardrails: readonly string[];
  /** Every constraint as it was understood. */
  readonly constraints_applied: readonly string[];
  /** By family and rule, whether the rule was satisfied. */
  readonly guardrail_checks: {
    readonly [family: string]: { readonly [rule: string]: { readonly satisfied: boolean } };
  };
  readonly value_findings: readonly string[];
  /** What the calls may cost. The exact decimals are in the canonical text. */
  readonly cost_estimate: {
    readonly currency: string;
    readonly min: number;
    readonly max: number;
    readonly assumptions: readonly string[];
  } | null;
  /** The id that the host gave, or one made from the request and the time. */
  readonly request_id: string;
  /** `name@version` of the policy that decided. */
  readonly policy_version: string;
  readonly policy_pack_version: string;
  /** The environment that the request named; empty where it named none. */
  readonly environment: string;
  /** Who approved, by the host's word; empty where nobody did. */
  readonly approved_by: string;
  /** Seconds since the epoch, with milliseconds as decimals. */
  readonly timestamp: number;
  /** The same. */
  readonly evaluated_at: number;
  /** The decision in one sentence, for logs. */
  readonly decision_trace_summary: string;
  /** Whether an earlier answer to the same request is given again. */
  readonly cached: boolean;
  readonly meta: {
    readonly engine: string;
    readonly zones: string;
    readonly risk: readonly { readonly reason: string; readonly points: number }[];
  };
  /** The same as `action_digest`. */
  readonly task_hash: string;
  /** SHA-256 of the action that was decided about, as 64 hexadecimal digits. */
  readonly action_digest: string;
  /** SHA-256 of what the policy says, imports included, as 64 hexadecimal digits. */
  readonly policy_digest: string;
  /** The facts that the rules in question read, sorted. */
  readonly depends_on: readonly string[];
  /** The latest instant until which the answer stands, RFC 3339; `null` where time plays no part. */
  readonly valid_until: string | null;
  /** The verdict on each tool, in the order of the request. */
  readonly tool_verdicts: readonly ToolVerdict[];
  /** There unless everything was simply enforced. */
  readonly mode?: "observe" | "read_only" | "halted";
  /** What it would have been, where something was merely observed. */
  readonly would?: { readonly verdict: Verdict; readonly issues: readonly Issue[] };
  /** Rules of extended policies that the policy switched off. */
  readonly disabled?: readonly string[];
}

/** A part of a condition with its outcome and the facts that it read. */
export interface Clause {
  /** The part as it was written. */
  readonly clause: string;
  readonly of: "when" | "condition";
  /** The named expression that it is a part of. */
  readonly let: string | null;
  /** How it is joined to the part before: `and`, `or`, `then`, `else`; empty for the first. */
  readonly joined: string;
  readonly outcome: "true" | "false" | "unknown" | "error";
  /** Each fact with its value as text; `missing` where there is none. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}

/** A rule that was asked. */
export interface RuleReport {
  readonly rule: string;
  readonly tool: string;
  readonly kind: "allow" | "deny" | "defer" | "advise" | "require" | "approval" | "limit";
  readonly outcome: "fires" | "silent" | "undecided" | "error" | "unapproved" | "exceeded" | "uncounted" | "full";
  /** Whether its `when` is true, or it has none. */
  readonly applies: boolean;
  /** Whether the verdict rests on it. */
  readonly speaks: boolean;
  /** Whether it is only observed. */
  readonly observed: boolean;
  readonly approvers: readonly { readonly by: string; readonly until: string | null }[];
  readonly clauses: readonly Clause[];
  /** Parts of its conditions that would have to come out differently for it to be content. */
  readonly wanted: readonly { readonly clause: string; readonly holds: boolean }[];
}

const MEMBERS = [
  "decision",
  "verdict",
  "reason",
  "issues",
  "risk_score",
  "high_risk",
  "value_risk",
  "waste_risk",
  "clarifying_questions",
  "defer_questions",
  "guardrails",
  "constraints_applied",
  "guardrail_checks",
  "value_findings",
  "cost_estimate",
  "request_id",
  "policy_version",
  "policy_pack_version",
  "environment",
  "approved_by",
  "timestamp",
  "evaluated_at",
  "decision_trace_summary",
  "cached",
  "meta",
  "task_hash",
  "action_digest",
  "policy_digest",
  "depends_on",
  "valid_until",
  "tool_verdicts",
  "mode",
  "would",
  "disabled",
] as const satisfies readonly (keyof DecisionData)[];

// A member that is on the wire and not in the list would be a type error here.
type Missing = Exclude<keyof DecisionData, (typeof MEMBERS)[number]>;
const complete: Missing extends never ? true : Missing = true;
void complete;

/** How the canonical text of a decision begins. */
const BEGINNINGS: readonly (readonly [begin: string, verdict: Verdict])[] = [
  ['{"decision":"GO","verdict":"ALLOW",', "ALLOW"],
  ['{"decision":"NO_GO","verdict":"DENY",', "DENY"],
  ['{"decision":"DEFER","verdict":"DEFER",', "DEFER"],
];

/** The issues of a canonical text, without the rest; `undefined` where they cannot be told apart. */
function issuesAtFront(json: string): readonly Issue[] | undefined {
  // Within a string a quote has a backslash before it, so neither of these is part of one.
  const begin = json.indexOf(',"issues":[');
  const end = json.indexOf('],"risk_score":', begin);
  if (begin < 0 || end < 0) return undefined;
  try {
    return JSON.parse(json.slice(begin + ',"issues":'.length, end + 1));
  } catch {
    return undefined;
  }
}

// The members of the wire are there by their names, as properties that read the text.
export interface Decision extends DecisionData {}

/**
 * The answer to one request: the members of {@link DecisionData}, and what is not on the wire.
 *
 * Compare `verdict`, or read `allowed`. Every object passes for true in JavaScript, also a DENY, so
 * never write `if (decision)`; converting one to a number, or comparing it with `==`, throws.
 */
export class Decision {
  /** The canonical text: its UTF-8 bytes are the same in every language and host. */
  readonly json: string;
  /**
   * The run after this decision, as canonical text: keep it, and pass it as `state` with the next
   * call of the run. `null` for decisions that moved no run.
   */
  readonly state: string | null;
  #data: DecisionData | undefined;
  #issues: readonly Issue[] | undefined;

  private constructor(json: string, state: string | null) {
    this.json = json;
    this.state = state;
    Object.freeze(this);
  }

  /**
   * A decision from the text that `json` held.
   *
   * @throws TypeError if the text is none. It is not checked that a policy gave it.
   */
  static fromJson(json: string, state: string | null = null): Decision {
    const decision = new Decision(json, state);
    let verdict: unknown;
    try {
      verdict = decision.#members()?.verdict;
    } catch {
      verdict = undefined;
    }
    if (verdict !== "ALLOW" && verdict !== "DEFER" && verdict !== "DENY") {
      throw new TypeError("the text is no decision");
    }
    return decision;
  }

  /** Whether the verdict is ALLOW: the one case in which the action may be carried out. */
  get allowed(): boolean {
    return this.verdict === "ALLOW";
  }

  /** The codes of the issues, in their order. */
  get codes(): readonly string[] {
    return this.issues.map((issue) => issue.code);
  }

  /** The members of the wire, frozen. */
  toJSON(): DecisionData {
    return freeze(this.#members());
  }

  /** One member, frozen. */
  #member(name: keyof DecisionData): unknown {
    // Most callers want to know just this, and canonical texts begin alike.
    if (name === "verdict" && this.#data === undefined) {
      for (const [begin, verdict] of BEGINNINGS) if (this.json.startsWith(begin)) return verdict;
    }
    // The next thing is why, which stands in front of most of the text.
    if (name === "issues" && this.#data === undefined) {
      this.#issues ??= issuesAtFront(this.json);
      if (this.#issues !== undefined) return freeze(this.#issues);
    }
    const value = this.#members()[name];
    return typeof value === "object" ? freeze(value) : value;
  }

  #members(): DecisionData {
    // The object is frozen, its private members are not.
    if (this.#data === undefined) {
      const data = JSON.parse(this.json) as DecisionData;
      // What was handed out stays the same object.
      this.#data = this.#issues === undefined ? data : { ...data, issues: this.#issues };
    }
    return this.#data;
  }

  /** For logs: the decision in one sentence. */
  toString(): string {
    return this.decision_trace_summary;
  }

  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new TypeError("a decision is not true or false: use decision.allowed");
  }

  static {
    for (const member of MEMBERS) {
      Object.defineProperty(Decision.prototype, member, {
        get(this: Decision) {
          return this.#member(member);
        },
        enumerable: true,
        configurable: false,
      });
    }
  }

  /** @internal A decision that the engine made. */
  static of(json: string, state: string | null): Decision {
    return new Decision(json, state);
  }
}

/** A decision with every rule that was asked. */
export class Explanation {
  /** The explanation as canonical text. */
  readonly json: string;
  /** The decision, as `check` would make it, without moving a run. */
  readonly decision: Decision;
  /** Every rule whose scope matched, by tool and id. */
  readonly rules: readonly RuleReport[];
  /** Why, in sentences. */
  readonly text: string;

  private constructor(json: string, decision: string) {
    const data = JSON.parse(json);
    this.json = json;
    this.decision = Decision.of(decision, null);
    this.rules = freeze(data.rules as RuleReport[]);
    this.text = data.text;
    Object.freeze(this);
  }

  toString(): string {
    return this.text;
  }

  /** @internal An explanation that the engine made. */
  static of(json: string, decision: string): Explanation {
    return new Explanation(json, decision);
  }
}
