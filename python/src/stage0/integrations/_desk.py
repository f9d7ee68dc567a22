"""Where calls of a framework pass: asked about, permitted right before the body, and told of after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from stage0.catalog import digests
from stage0.gate import Answer, ToolCall
from stage0.gate._failure import Failure
from stage0.gate._gate import failed
from stage0.integrations._calls import Spent, cost_of, exact, inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from stage0._words import Outcome
    from stage0.gate import Gate
    from stage0.integrations._calls import Cost


class Desk:
    """One for each gate: what all tools behind it share."""

    pauses: tuple[type[BaseException], ...] = ()
    """What a body raises that waits for something of its own: the call comes again, as another one."""

    def __init__(self, gate: Gate, cost: Cost | None) -> None:
        self.gate = gate
        self._cost = cost
        self._spent = Spent()

    def call(
        self,
        name: str,
        arguments: Any,
        *,
        id: str | None,
        run: str | None,
        tool: object = None,
        **rest: Any,
    ) -> ToolCall:
        """What is asked about; ``run`` is the framework's word, which the gate's own goes before, and
        ``tool`` what it has of the tool. Raises what the host's word on the run raises."""
        members: dict[str, Any] = {"arguments": exact(arguments), **rest}
        if tool is not None:
            members["definition"] = digests.of(tool)
        if not self.gate.names_runs:
            members["run"] = run
        if id is None:
            return ToolCall(name, **members)
        known = self.gate.run_of(ToolCall(name, id=id, **members))
        return ToolCall(name, id=self._spent.name(known, id), **members)

    def check(self, make: Callable[[], ToolCall]) -> Answer:
        """The gate's answer. Never raises."""
        try:
            call = make()
        except Exception as error:
            return _unknown(error)
        return self.gate.check(call)

    async def check_async(self, make: Callable[[], ToolCall]) -> Answer:
        """The same for coroutines."""
        try:
            call = make()
        except Exception as error:
            return _unknown(error)
        return await self.gate.check_async(call)

    async def in_thread(self, do: Callable[[], object]) -> None:
        """Takes what a person said, in a thread where that may wait."""
        if self.gate.waits:
            await asyncio.to_thread(do)
        else:
            do()

    def permit(self, answer: Answer, arguments: Any, id: str | None) -> Answer:
        """The answer that holds right before the body: an ALLOW only for the arguments that it was
        given for. From here on the id means another call."""
        if not answer.allowed:
            return answer
        if not answer.verify(exact(arguments)):
            why = Failure("ARGUMENTS_CHANGED", "the arguments of the body were not checked")
            return failed(answer.call, why)
        if id is not None:
            self._spent.spend(answer.run, id)
        return answer

    def run(self, answer: Answer, body: Callable[[], Any], is_failure: Callable[[Any], bool]) -> Any:
        """Runs the body of a call that is permitted, and tells what became of it."""
        token = inside.set(True)
        try:
            result = body()
        except BaseException as error:
            self.gate.report(answer, self._became(error))
            raise
        finally:
            inside.reset(token)
        if is_failure(result):
            self.gate.report(answer, "failed")
        else:
            self.gate.report(answer, "executed", cost_usd=cost_of(self._cost, answer, result))
        return result

    async def run_async(
        self, answer: Answer, body: Callable[[], Awaitable[Any]], is_failure: Callable[[Any], bool]
    ) -> Any:
        """The same for coroutines."""
        token = inside.set(True)
        try:
            result = await body()
        except BaseException as error:
            await self.gate.report_async(answer, self._became(error))
            raise
        finally:
            inside.reset(token)
        if is_failure(result):
            await self.gate.report_async(answer, "failed")
        else:
            cost = cost_of(self._cost, answer, result)
            await self.gate.report_async(answer, "executed", cost_usd=cost)
        return result

    def _became(self, error: BaseException) -> Outcome:
        return "stopped" if isinstance(error, self.pauses) else "failed"


def never(result: Any) -> bool:
    """For frameworks whose results never say that the call has failed."""
    return False


def _unknown(error: Exception) -> Answer:
    return failed(ToolCall(""), Failure("CONTEXT_FAILED", f"{type(error).__name__}: {error}"))
