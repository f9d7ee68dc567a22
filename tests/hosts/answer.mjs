// The npm package as a host of the corpus: the reply to one question.
//
// `tests/cases/README.md` describes both. It is handed the package, so that it is the same in every
// runtime; how lines come and go is left to the other files here. With `objects` a request is handed
// over as an object instead of as text; where the text is no JSON that JavaScript reads exactly, the
// text itself is.

/** A function from a question's line to its reply's, with the package in its hands. */
export function answering({ Policy, Stage0Error }, objects = false) {
  let known = {};
  const load = (policy) => {
    if (typeof policy === "string") return Policy.builtin(policy);
    return Policy.parse(policy.files[policy.main], {
      imports: policy.files,
      name: policy.main,
    });
  };
  return (line) => {
    const question = JSON.parse(line);
    const key = JSON.stringify(question.policy);
    try {
      // Most questions have the policy of the one before.
      if (known.key !== key) {
        known.policy?.[Symbol.dispose]();
        known = { key };
        known.policy = load(question.policy);
      }
      if (known.policy === undefined) known.policy = load(question.policy);
      const host = {
        requestId: question.request_id,
        mode: question.mode,
        approvals: question.approvals,
      };
      const options = { host, state: question.state, now: question.now };
      const ask = (request) => known.policy.check(request, options);
      const decision = objects
        ? askWithObject(ask, question.request)
        : ask(question.request);
      return JSON.stringify({
        answer: decision.json,
        next_state: decision.state,
      });
    } catch (error) {
      if (!(error instanceof Stage0Error)) throw error;
      const errors = error.problems.filter(
        (problem) => problem.severity === "error",
      );
      return JSON.stringify({
        problems: errors.map((problem) => problem.code),
      });
    }
  };
}

function askWithObject(ask, text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return ask(text);
  }
  // What JSON.parse rounds, merges or reorders is not the request that the text is.
  const isSame =
    JSON.stringify(value) === JSON.stringify(exact(text)) &&
    typeof value === "object" &&
    value !== null;
  return isSame ? ask(value) : ask(text);
}

/** The text without insignificant space, parsed and written again: differs where something was lost. */
function exact(text) {
  const compact = text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
  return JSON.stringify(JSON.parse(text)) === compact
    ? JSON.parse(text)
    : undefined;
}
