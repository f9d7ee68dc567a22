"""A model for Claude Code, which says what a script says, on a port of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Turn = list[dict[str, Any]]


class Model(ThreadingHTTPServer):
    """Says one turn after the other, and then that it is done."""

    daemon_threads = True

    def __init__(self, turns: list[Turn]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.turns = turns
        self.told: dict[str, Any] = {}
        """What the model was told, by the id of the call."""


@contextmanager
def scripted(*turns: Turn) -> Iterator[Model]:
    model = Model(list(turns))
    threading.Thread(target=model.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield model
    finally:
        model.shutdown()
        model.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Model

    def do_HEAD(self) -> None:
        self._answer("text/plain", "")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "/messages" not in self.path or "count_tokens" in self.path:
            return self._answer("application/json", '{"input_tokens":1}')
        for message in asked["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else []:
                if part["type"] == "tool_result":
                    self.server.told[part["tool_use_id"]] = part["content"]
        # A request without tools is not the agent's.
        turns = self.server.turns if asked.get("tools") else []
        said = turns.pop(0) if turns else [{"type": "text", "text": "done"}]
        events = "".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in _events(said)
        )
        return self._answer("text/event-stream", events)

    def _answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def _events(said: Turn) -> Iterator[dict[str, Any]]:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    yield {"type": "message_start", "message": message}
    for index, part in enumerate(said):
        if part["type"] == "text":
            begun, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": part["text"]}
        else:
            begun = {**part, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(part["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = "tool_use" if any(part["type"] == "tool_use" for part in said) else "end_turn"
    ended = {"stop_reason": stop, "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}
