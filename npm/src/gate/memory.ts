/** The answers of a while: asked again about the same call, a gate says the same. */

import type { Answer } from "./answer.js";

/** Answers that are remembered; the oldest go first. */
export const ANSWERS_MAX = 10_000;

/** How long one is, in milliseconds: as long as a server repeats its own. */
export const ANSWER_MS = 600_000;

interface Kept {
  readonly at: number;
  readonly asked: string;
  readonly answer: Answer;
}

/** Answers by run and call. */
export class Memory {
  // In the order in which they came.
  readonly #answers = new Map<string, Kept>();

  /** The answer to the same question about this call. */
  find(key: string, asked: string): Answer | undefined {
    const kept = this.#answers.get(key);
    const counts = kept !== undefined && kept.asked === asked && performance.now() - kept.at <= ANSWER_MS;
    return counts ? kept.answer : undefined;
  }

  /** Remembers an answer; the answer that counts, which is another one where somebody was faster. */
  keep(key: string, asked: string, answer: Answer): Answer {
    const known = this.find(key, asked);
    if (known !== undefined) return known;
    this.#answers.delete(key);
    this.#answers.set(key, { at: performance.now(), asked, answer });
    if (this.#answers.size > ANSWERS_MAX) this.#answers.delete(this.#answers.keys().next().value as string);
    return answer;
  }

  /** Answers otherwise from here on, where something is remembered of this call. */
  end(key: string, answer: Answer): void {
    const kept = this.#answers.get(key);
    if (kept !== undefined) this.#answers.set(key, { ...kept, answer });
  }
}
