/** What stands behind a gate: who decides, keeps runs and asks people. */

/** What is asked. */
export interface Question {
  /** The request's JSON text. */
  readonly request: string;
  /** An id that no other question has. The same one comes again only where an answer was lost. */
  readonly requestId: string;
  /** The run, which the request names as well. */
  readonly run: string | null;
}

/** What a backend answers, once it is kept. */
export interface Reply {
  readonly verdict: string;
  /** The decision's canonical text. */
  readonly decision: string;
  /** The ticket that it waits for. */
  readonly ticket: string | null;
}

/** A person's yes: by the word of whoever asked, or signed. */
export interface Yes {
  /** Who says yes: by your own word, never a model's. */
  readonly by?: string | undefined;
  /** The person's roles. */
  readonly roles?: readonly string[] | undefined;
  readonly reason?: string | undefined;
  /** When it ends, RFC 3339 or a Date, if before the rule's own time. */
  readonly expiresAt?: Date | string | undefined;
  /** What the person signed, which says everything itself. */
  readonly token?: string | undefined;
}

/** A person's no. */
export interface No {
  readonly by: string;
  readonly roles?: readonly string[] | undefined;
  readonly reason?: string | undefined;
}

/** What became of a call that was allowed. */
export type Outcome = "executed" | "failed" | "stopped";

/** What became of a call. */
export interface Told {
  /** The id of the request that was decided. */
  readonly requestId: string;
  readonly outcome: Outcome;
  /** US dollars, as a decimal. */
  readonly cost: string | undefined;
}

/** What people are asked about one action of one call of one run, as it stands on the wire. */
export interface Ticket {
  readonly id: string;
  readonly status: "pending" | "granted" | "rejected" | "used" | "expired";
  /** The request that asked first. */
  readonly request_id: string;
  readonly run_id: string | null;
  readonly call_id: string | null;
  /** The tools, as the request named them. */
  readonly tools: readonly string[];
  readonly action_digest: string;
  readonly policy_version: string;
  readonly policy_digest: string;
  /** Why the call has to wait. */
  readonly reason: string;
  readonly questions: readonly string[];
  /** What rules ask people for. */
  readonly asks: readonly {
    readonly rule: string;
    readonly terms: string;
    readonly action: string;
    /** Roles of which whoever says yes has to have one; any will do if there is none. */
    readonly roles: readonly string[];
    /** How many people have to say yes. */
    readonly people: number;
    readonly message: string;
  }[];
  /** What the decision read of the request, without what the policy redacts. */
  readonly facts: { readonly [name: string]: unknown };
  /** RFC 3339. */
  readonly opened_at: string;
  /** When nobody is asked any more. */
  readonly expires_at: string;
  /** What those said who gave a reason. */
  readonly remarks: readonly string[];
  readonly answers: readonly {
    readonly by: string;
    readonly roles: readonly string[];
    readonly rule: string;
    readonly answer: "approved" | "rejected" | "pending";
    readonly at: string;
  }[];
}

/** Decides, keeps and asks. Whatever goes wrong is thrown, best as a {@link Failure}: the gate answers DENY. */
export interface Backend {
  /** Decides, also by what people answered, and keeps what comes out before it is told. */
  check(question: Question): Promise<Reply>;
  /** Takes down what became of a call: whether it is known. */
  report(told: Told): Promise<boolean>;
  /** Tickets that wait for somebody, of this run or of all. */
  pending(run: string | null): Promise<readonly Ticket[]>;
  /** Takes a person's yes. Throws {@link TicketError} where it is not taken. */
  approve(ticket: string, yes: Yes): Promise<Ticket>;
  /** Takes a person's no. Throws {@link TicketError} where it is not taken. */
  reject(ticket: string, no: No): Promise<Ticket>;
}
