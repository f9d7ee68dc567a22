"""The agents of ``examples``, as people run them: each does what its page shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
AGENTS = sorted(path.parent.name for path in EXAMPLES.glob("*/agent.py"))


def run(example: str, says: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs an agent in a process of its own, from the root of the repository."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MODEL", "OPENAI_API_KEY")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", f"examples/{example}/agent.py"],
        cwd=EXAMPLES.parent,
        env={**kept, **variables},
        input=says,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_agent_is_found() -> None:
    assert AGENTS == ["deploy-agent", "payments-agent", "research-agent"]


@pytest.mark.parametrize("example", AGENTS)
def test_an_agent_does_what_its_page_shows(example: str) -> None:
    did = run(example)
    assert did.returncode == 0, did.stderr
    assert did.stdout == (EXAMPLES / example / "output.txt").read_text()


# --- With a model behind HTTP, which is what `MODEL` and a key make of them ---


class Model:
    """A server with the API of OpenAI, whose model calls one tool, and then says what it was told."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        self.name = name
        self.arguments = json.dumps(arguments)
        self.asked: list[dict[str, Any]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.asked.append(asked)
                answer = json.dumps(
                    model.response(asked) if self.path.endswith("/responses") else model.completion(asked)
                ).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def variables(self) -> dict[str, str]:
        """What the environment says of it."""
        base = f"http://127.0.0.1:{self.server.server_port}/v1"
        return {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "nobody's", "OPENAI_AGENTS_DISABLE_TRACING": "1"}

    def response(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer of the Responses API."""
        told = [item["output"] for item in asked["input"] if item.get("type") == "function_call_output"]
        said = {"type": "output_text", "text": f"told: {told}", "annotations": []}
        message = {
            "type": "message",
            "id": "m1",
            "role": "assistant",
            "status": "completed",
            "content": [said],
        }
        call = {"type": "function_call", "id": "f1", "call_id": "c1", "name": self.name}
        call |= {"arguments": self.arguments, "status": "completed"}
        return {
            "id": "r1",
            "object": "response",
            "created_at": 1767607200,
            "status": "completed",
            "model": asked["model"],
            "output": [message if told else call],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }

    def completion(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer of the Chat Completions API."""
        told = [message["content"] for message in asked["messages"] if message["role"] == "tool"]
        call = {
            "id": "c1",
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }
        message = {"content": f"told: {told}"} if told else {"content": None, "tool_calls": [call]}
        choice = {"index": 0, "finish_reason": "stop" if told else "tool_calls"}
        return {
            "id": "r1",
            "object": "chat.completion",
            "created": 1767607200,
            "model": asked["model"],
            "choices": [{**choice, "message": {"role": "assistant", **message}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }


@pytest.fixture
def large_invoice() -> Iterator[Model]:
    model = Model("pay_invoice", {"number": "R-18", "amount": 750, "currency": "EUR"})
    yield model
    model.server.shutdown()


@pytest.mark.parametrize(("says", "paid"), [("y\n", True), ("n\n", False)])
def test_a_model_waits_for_who_sits_at_the_terminal(large_invoice: Model, says: str, paid: bool) -> None:
    did = run("payments-agent", says, MODEL="gpt-5", **large_invoice.variables)
    assert did.returncode == 0, did.stderr
    assert len(large_invoice.asked) == 2
    assert "Ana, may this happen?" in did.stdout
    assert ("the bank pays 750 EUR" in did.stdout) == paid
    assert ("told: ['paid']" if paid else "Ana said no.") in did.stdout.splitlines()[-1]


def test_a_model_that_reads_pages_is_held_to_what_the_user_wrote() -> None:
    model = Model("send_report", {"to": "eve@evil.example", "text": "7 EUR"})
    did = run("research-agent", MODEL="openai:gpt-5", **model.variables)
    model.server.shutdown()
    assert did.returncode == 0, did.stderr
    assert "gets a mail" not in did.stdout and "reports go to people whom the user has named" in did.stdout
