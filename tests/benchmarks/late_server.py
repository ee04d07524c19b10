"""An endpoint that takes 50 ms for each answer and next to no processor time, in a process of its own.

It reads no more of HTTP than it needs to tell where a request ends, so that what is measured is the client.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any, cast

__all__ = ["LATENCY"]

LATENCY = 0.05  # seconds

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_MODEL = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "late"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}


def _event(delta: dict[str, Any], **choice: Any) -> bytes:
    chunk = _MODEL | {"choices": [{"index": 0, "delta": delta, "finish_reason": None} | choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


_STREAM = _event({"role": "assistant", "content": "yes"}) + _event({}, finish_reason="stop") + b"data: [DONE]\n\n"
_MESSAGE = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
_WHOLE = json.dumps({**_MODEL, "object": "chat.completion", "choices": [_MESSAGE], "usage": _USAGE}).encode()


def _response(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


_ANSWERS = {True: _response("text/event-stream", _STREAM), False: _response("application/json", _WHOLE)}


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self._received = b""
            is_stream = b'"stream":true' in body.replace(b" ", b"")
            asyncio.get_running_loop().call_later(LATENCY, self._transport.write, _ANSWERS[is_stream])


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    try:
        import uvloop

        uvloop.run(_serve())
    except ImportError:
        asyncio.run(_serve())
