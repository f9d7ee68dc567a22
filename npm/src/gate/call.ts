/** A call of a tool, as whoever is about to make it sees it. */

import { RequestError } from "../errors.js";
import { raw } from "../policy.js";
import { JsonText, textOf } from "../snapshot.js";
import { Failure } from "./failure.js";

/** The longest request that is sent. */
export const REQUEST_BYTES_MAX = 1_000_000;

/** Arguments as an object, or as the JSON text that a model library hands over, whose numbers stay as they are written. */
export type Arguments = object | string | null | undefined;

/**
 * A call that is about to be made.
 *
 * Everything but `run`, `agent`, `trusted` and `data` is the agent's word, which can only tighten the answer.
 */
export interface ToolCall {
  /** The tool, as the framework calls it. */
  readonly name: string;
  readonly arguments?: Arguments;
  /**
   * The call's id: asked twice about one call of one run, a gate answers the same and counts once. Without an
   * id each time is another call.
   */
  readonly id?: string | undefined;
  /** The run that it belongs to, such as a thread or a conversation; the gate's own where there is none. */
  readonly run?: string | undefined;
  /** The agent's name: `context.agent_name`, unless the gate's context has another one. */
  readonly agent?: string | undefined;
  /** What the agent says it is after. */
  readonly goal?: string | undefined;
  /** Effects that the caller declares, beside those of the catalog. */
  readonly effects?: readonly string[] | undefined;
  /** Texts of the user or operator. */
  readonly trusted?: readonly { readonly source: string; readonly text: string }[] | undefined;
  /** Whatever the gate's `context` needs to tell who asks. It is no part of what is decided about. */
  readonly data?: unknown;
}

/** A call's arguments as one JSON text, read once. Throws RequestError for what has no exact form. */
export function argumentsText(given: Arguments): string {
  if (given === undefined || given === null) return "{}";
  return typeof given === "string" ? raw(given).text : textOf(given, REQUEST_BYTES_MAX);
}

/** What the agent says, as a JSON object. */
export function agentsWord(call: ToolCall, args: string): string {
  if (typeof call.name !== "string") throw new Failure("CALL_INVALID", "the tool's name is no text");
  const { id, goal, effects } = call;
  const said = {
    tool_call: { name: call.name, id, arguments: new JsonText(args) },
    goal,
    side_effects: effects === undefined || effects.length === 0 ? undefined : [...effects],
  };
  return textOf(said, REQUEST_BYTES_MAX, RequestError);
}
