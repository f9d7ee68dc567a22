/** Deciding by a server of the decision API, which keeps runs, tickets and the log. */

import { RequestError, refuse, TicketError } from "../errors.js";
import { instant } from "../policy.js";
import { textOf } from "../snapshot.js";
import type { Backend, No, Question, Reply, Ticket, Told, Yes } from "./backend.js";
import { REQUEST_BYTES_MAX } from "./call.js";
import { Failure } from "./failure.js";

/** How long a server may take for all that it is asked about one call, in seconds, unless the gate says otherwise. */
export const TIMEOUT_SECONDS = 10;

/** How often a question is asked whose answer was lost, under the same id. */
export const TRIES_MAX = 3;

/** Milliseconds before the second try; twice as many before the third. */
export const PAUSE_MS = 100;

/** The longest answer that is read. */
export const ANSWER_BYTES_MAX = 4_000_000;

const WORDS: { readonly [verdict: string]: string } = { ALLOW: "GO", DEFER: "DEFER", DENY: "NO_GO" };

const REFUSALS: { readonly [status: number]: string } = {
  401: "SERVER_KEY_REFUSED",
  402: "SERVER_QUOTA_USED_UP",
  403: "SERVER_KEY_REFUSED",
  413: "CALL_INVALID",
  422: "CALL_INVALID",
  429: "SERVER_QUOTA_USED_UP",
  503: "SERVER_BUSY",
};

/** The server answered, and refused. */
class Refusal extends Failure {
  readonly status: number;
  readonly told: string;

  constructor(status: number, told: string) {
    super(REFUSALS[status] ?? "SERVER_REFUSED", `status ${status}: ${told}`);
    this.status = status;
    this.told = told;
  }
}

interface Asked {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  readonly requestId?: string;
  readonly tries?: number;
}

interface Answered {
  readonly headers: Headers;
  readonly text: string;
}

/** A server's address and the key for it. Follows no redirect, which would take the key elsewhere. */
export class RemoteBackend implements Backend {
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #timeout: number;

  /** Throws TypeError if the address is none, or the time. */
  constructor(remote: string, key: string | undefined, timeout: number) {
    let url: URL | undefined;
    try {
      url = new URL(remote);
    } catch {
      url = undefined;
    }
    const isPlain = url !== undefined && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
    if (url === undefined || !isPlain || (url.protocol !== "http:" && url.protocol !== "https:")) {
      throw new TypeError("`remote` is no http or https address, such as http://127.0.0.1:8787");
    }
    if (!(timeout > 0)) throw new TypeError("`timeout` is a number of seconds above 0");
    this.#base = url.origin + url.pathname.replace(/\/+$/, "");
    this.#timeout = timeout;
    this.#headers = { Accept: "application/json" };
    if (key === undefined) return;
    // What a header cannot hold would be told by whoever sends it.
    if (!/^[\x21-\x7e]+$/.test(key)) throw new TypeError("`key` is no key of a server");
    this.#headers["Authorization"] = `Bearer ${key}`;
  }

  async check({ request, requestId }: Question): Promise<Reply> {
    const { headers, text } = await this.#ask({ method: "POST", path: "/check", body: request, requestId });
    const members = parsed(text) as { verdict?: unknown; decision?: unknown; request_id?: unknown } | null;
    const verdict = members?.verdict;
    if (typeof verdict !== "string") throw new Failure("SERVER_ANSWER_INVALID", "the answer is no decision");
    if (!Object.hasOwn(WORDS, verdict)) throw new Failure("VERDICT_UNKNOWN", `the verdict is ${JSON.stringify(verdict)}`);
    if (members?.decision !== WORDS[verdict] || members?.request_id !== requestId) {
      throw new Failure("SERVER_ANSWER_INVALID", "the answer contradicts itself, or is another question's");
    }
    let ticket = headers.get("stage0-approval-id");
    if (ticket === null && verdict === "DEFER" && headers.get("stage0-repeated") === "true") {
      ticket = await this.#ticketOf(requestId);
    }
    return { verdict, decision: text, ticket };
  }

  /** The ticket of a question that was answered before, which the server does not tell again. */
  async #ticketOf(requestId: string): Promise<string | null> {
    try {
      const body = JSON.stringify({ request_id: requestId });
      return ticketOf(await this.#json({ method: "POST", path: "/approvals", body })).id;
    } catch (error) {
      if (error instanceof Refusal && (error.status === 404 || error.status === 409)) return null;
      throw error;
    }
  }

  async report({ requestId, outcome, cost }: Told): Promise<boolean> {
    const said = JSON.stringify({ request_id: requestId, final_runtime_action: outcome });
    // As a number, exactly as it was told.
    const body = cost === undefined ? said : `${said.slice(0, -1)},"cost_usd":${cost}}`;
    try {
      // Told twice, it is taken down once.
      await this.#ask({ method: "POST", path: "/outcome", body });
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return false;
      throw error;
    }
  }

  async pending(run: string | null): Promise<readonly Ticket[]> {
    const wanted = run === null ? "" : `&run_id=${encodeURIComponent(run)}`;
    const members = await this.#json({ method: "GET", path: `/approvals?status=pending${wanted}` });
    const tickets = (members as { approvals?: unknown } | null)?.approvals;
    if (!Array.isArray(tickets)) throw new Failure("SERVER_ANSWER_INVALID", "the answer has no approvals");
    return tickets.map(ticketOf);
  }

  approve(ticket: string, { by, roles, reason, expiresAt, token }: Yes): Promise<Ticket> {
    const expires = expiresAt === undefined ? undefined : instant(expiresAt);
    const said = token === undefined ? { by, roles: [...(roles ?? [])], reason, expires_at: expires } : { token };
    return this.#answer(ticket, "grant", said);
  }

  reject(ticket: string, { by, roles, reason }: No): Promise<Ticket> {
    return this.#answer(ticket, "reject", { by, roles: [...(roles ?? [])], reason });
  }

  async #answer(ticket: string, way: string, said: object): Promise<Ticket> {
    // A name of dots would be another path.
    if (!/^[\w-]+$/.test(ticket)) throw untaken(`there is no ticket ${JSON.stringify(ticket)}`);
    const body = textOf(said, REQUEST_BYTES_MAX, RequestError);
    try {
      return ticketOf(await this.#json({ method: "POST", path: `/approvals/${ticket}/${way}`, body, tries: 1 }));
    } catch (error) {
      if (error instanceof Refusal && [404, 409, 422].includes(error.status)) throw untaken(error.told, error);
      throw error;
    }
  }

  async #json(asked: Asked): Promise<unknown> {
    return parsed((await this.#ask(asked)).text);
  }

  /** A 200. What is asked again is asked under the same id. */
  async #ask(asked: Asked): Promise<Answered> {
    const deadline = performance.now() + this.#timeout * 1000;
    let pause = PAUSE_MS;
    for (let tries = asked.tries ?? TRIES_MAX; ; pause *= 2) {
      tries -= 1;
      try {
        return await this.#try(asked, deadline);
      } catch (error) {
        const isLost = error instanceof Failure && (error.code === "SERVER_UNREACHABLE" || error.code === "SERVER_BUSY");
        if (!isLost || tries <= 0 || performance.now() + pause >= deadline) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #try({ method, path, body, requestId }: Asked, deadline: number): Promise<Answered> {
    const headers = { ...this.#headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (requestId !== undefined) headers["X-Request-Id"] = requestId;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), Math.max(1, deadline - performance.now()));
    try {
      const init = { method, headers, body: body ?? null, redirect: "manual", signal: stop.signal } as const;
      const response = await fetch(this.#base + path, init);
      const text = await bodyOf(response);
      if (response.status !== 200) throw new Refusal(response.status, messageOf(text));
      return { headers: response.headers, text };
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (stop.signal.aborted) {
        throw new Failure("SERVER_TIMEOUT", `${this.#base} took longer than ${this.#timeout} s`, { cause: error });
      }
      throw new Failure("SERVER_UNREACHABLE", `${this.#base}: ${String(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The whole body, if it is not too long. */
async function bodyOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const reader = response.body.getReader();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > ANSWER_BYTES_MAX) {
      void reader.cancel().catch(() => undefined);
      throw new Failure("SERVER_ANSWER_INVALID", `the answer has more than ${ANSWER_BYTES_MAX} bytes`);
    }
    text += decoded(decoder, value);
  }
  return text + decoded(decoder);
}

function decoded(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch (cause) {
    throw new Failure("SERVER_ANSWER_INVALID", "the answer is no UTF-8", { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure("SERVER_ANSWER_INVALID", "the answer is no JSON", { cause });
  }
}

/** What a refusal says. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message: unknown };
    return typeof message === "string" ? message : "without a reason";
  } catch {
    return "without a reason";
  }
}

function ticketOf(members: unknown): Ticket {
  const ticket = members as Partial<Ticket> | null;
  const isOne = typeof ticket?.id === "string" && typeof ticket.status === "string" && Array.isArray(ticket.asks);
  if (isOne) return { ...(ticket as Ticket), run_id: ticket.run_id ?? null, call_id: ticket.call_id ?? null };
  throw new Failure("SERVER_ANSWER_INVALID", "the answer is no approval");
}

function untaken(message: string, cause?: unknown): Error {
  return refuse(TicketError, "ANSWER_REFUSED", message, null, { cause });
}
