"""The batch APIs of OpenAI and Anthropic in memory, for their wire-format servers.

Each request of a batch is answered as the server would answer it alone: by `say`, by knobs in its model's name, or by
`default`. Written from https://platform.openai.com/docs/api-reference/batch and
https://platform.claude.com/docs/en/api/creating-message-batches.
"""

import email
import re
from abc import ABC, abstractmethod
from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec

from pilothouse.ids import new_id, now_us
from pilothouse.testing.server import Plain, WireServer
from pilothouse.testing.wire import Fault, Received, Refusal
from pilothouse.types import Json

__all__ = ["AnthropicBatchBook", "BatchBook", "OpenAIBatchBook"]


class BatchBook(ABC):
    """The batches of one server. A batch ends at look number `looks`, with `outcome` (OpenAI's words).

    `faults` are what the next requests to the batch API meet, in their order, None for nothing; `lost` makes the answer
    to the next creation get lost, after the batch was made.
    """

    def __init__(self, server: WireServer) -> None:
        self._server = server
        self.rows: dict[str, Json] = {}
        self.looks = 1
        self.outcome = "completed"
        self.faults: deque[Fault | None] = deque()
        self.lost = False
        self._looked: dict[str, int] = {}

    @abstractmethod
    def answer(self, got: Received) -> Plain | None:
        """The answer where the path is one of a batch API."""

    def meet_fault(self) -> None:
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            raise Refusal(f"scripted: {fault}", fault)

    def keep(self, row: Json) -> Plain:
        """A new batch."""
        self.rows[row["id"]] = row
        if self.lost:
            self.lost = False
            raise Refusal("the answer got lost", "server_error")
        return _json(row)

    def found(self, identity: str) -> Json:
        if identity not in self.rows:
            raise Refusal("No such batch", "unknown_model")
        return self.rows[identity]

    def is_over(self, identity: str) -> bool:
        """Whether this look is the one at which it has ended."""
        self._looked[identity] = self._looked.get(identity, 0) + 1
        return self._looked[identity] >= self.looks

    def ask(self, got: Received, path: str, body: Json) -> tuple[int, Json]:
        """(HTTP status, body) of one request, as if it had come alone."""
        alone = Received("POST", path, path, {}, got.headers, msgspec.json.encode(body), body)
        server, scripted = self._server, self._server.default
        try:
            heard = server.hear(alone)
            scripted = server.pick(heard)
            if scripted.fault is not None:
                raise Refusal(f"scripted: {scripted.fault}", scripted.fault)
            return 200, server.whole(heard, scripted)
        except Refusal as refusal:
            return server.failure(refusal.fault, refusal.message, scripted)


class OpenAIBatchBook(BatchBook):
    """`files` are the contents by id."""

    def __init__(self, server: WireServer) -> None:
        super().__init__(server)
        self.files: dict[str, bytes] = {}

    def answer(self, got: Received) -> Plain | None:
        match = re.fullmatch(r"/v1/(files|batches)(?:/([\w-]+))?(?:/(content|cancel))?", got.path)
        if match is None:
            return None
        if not got.headers.get("authorization", "").removeprefix("Bearer").strip():
            raise Refusal("You didn't provide an API key.", "auth")
        self.meet_fault()
        kind, identity, action = match.groups()
        match (got.method, kind, bool(identity), action):
            case ("POST", "files", False, None):
                return self._upload(got)
            case ("GET", "files", True, "content") if identity in self.files:
                return Plain(self.files[identity], content_type="application/octet-stream")
            case ("POST", "batches", False, None):
                return self._create(msgspec.json.decode(got.raw))
            case ("GET", "batches", False, None):
                rows = sorted(self.rows.values(), key=lambda row: str(row["id"]), reverse=True)
                return _json({"object": "list", "data": rows, "has_more": False})
            case ("GET", "batches", True, None):
                row = self.found(identity)
                if row["status"] in ("in_progress", "cancelling") and self.is_over(identity):
                    self._end(got, row)
                return _json(row)
            case ("POST", "batches", True, "cancel"):
                row = self.found(identity)
                if row["status"] != "in_progress":
                    raise Refusal(f"Cannot cancel a batch with status '{row['status']}'.")
                row["status"] = "cancelling"
                return _json(row)
        raise Refusal(f"Invalid URL ({got.method} {got.path})", "unknown_model")

    def _upload(self, got: Received) -> Plain:
        whole = email.message_from_bytes(
            b"Content-Type: " + got.headers["content-type"].encode() + b"\r\n\r\n" + got.raw
        )
        fields: dict[Any, bytes] = {}
        for part in whole.get_payload():
            assert not isinstance(part, str)
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            fields[part.get_param("name", header="content-disposition")] = content
        if fields.get("purpose") != b"batch" or "file" not in fields:
            raise Refusal("'purpose' and 'file' are required")
        identity = f"file-{new_id()}"
        self.files[identity] = fields["file"]
        return _json({"id": identity, "object": "file", "bytes": len(fields["file"]), "purpose": "batch"})

    def _create(self, body: Json) -> Plain:
        if body["input_file_id"] not in self.files or body["completion_window"] != "24h":
            raise Refusal("Invalid batch")
        row = {
            "id": f"batch_{new_id()}", "object": "batch", "status": "in_progress", "created_at": now_us() // 1_000_000,
            **body, "output_file_id": None, "error_file_id": None, "errors": None,
        }  # fmt: skip
        return self.keep(row)

    def _end(self, got: Received, row: Json) -> None:
        row["status"] = "cancelled" if row["status"] == "cancelling" else self.outcome
        if row["status"] == "failed":
            error = {
                "code": "model_not_found",
                "message": "The model does not exist.",
                "line": 1,
                "param": "body.model",
            }
            row["errors"] = {"object": "list", "data": [error]}
            return
        lines: dict[bool, list[bytes]] = {True: [], False: []}
        for number, raw in enumerate(self.files[row["input_file_id"]].splitlines()):
            line = msgspec.json.decode(raw)
            assert line["url"] == row["endpoint"]
            assert line["method"] == "POST"
            made: Json = {"id": f"batch_req_{number}", "custom_id": line["custom_id"], "response": None, "error": None}
            if number and row["status"] != "completed":
                message = "This request could not be executed before the completion window expired."
                made["error"] = {"code": f"batch_{row['status']}", "message": message}
                lines[False].append(msgspec.json.encode(made))
                continue
            status, body = self.ask(got, line["url"], line["body"])
            made["response"] = {"status_code": status, "request_id": f"req_{number}", "body": body}
            lines[status == 200].append(msgspec.json.encode(made))
        for good, name in ((True, "output_file_id"), (False, "error_file_id")):
            if lines[good]:
                row[name] = f"file-{new_id()}"
                self.files[row[name]] = b"\n".join([*reversed(lines[good]), b""])  # in no particular order


class AnthropicBatchBook(BatchBook):
    """`results` are the JSONL files by the id of their batch; `ends_when_listed` ends batches that nobody looks at."""

    def __init__(self, server: WireServer) -> None:
        super().__init__(server)
        self.ends_when_listed = False
        self.requests: dict[str, list[Json]] = {}
        self.results: dict[str, bytes] = {}

    def answer(self, got: Received) -> Plain | None:
        match = re.fullmatch(r"/v1/messages/batches(?:/(\w+))?(?:/(results|cancel))?", got.path)
        if match is None:
            return None
        if not got.headers.get("x-api-key"):
            raise Refusal("x-api-key header is required", "auth")
        self.meet_fault()
        identity, action = match.groups()
        match (got.method, bool(identity), action):
            case ("POST", False, None):
                return self._create(msgspec.json.decode(got.raw)["requests"])
            case ("GET", False, None):
                rows = sorted(self.rows.values(), key=lambda row: str(row["id"]), reverse=True)
                for row in rows if self.ends_when_listed else ():
                    self._end(got, row)
                return _json({"data": rows, "has_more": False, "first_id": None, "last_id": None})
            case ("GET", True, None):
                row = self.found(identity)
                if row["processing_status"] != "ended" and self.is_over(identity):
                    self._end(got, row)
                return _json(row)
            case ("GET", True, "results") if identity in self.results:
                return Plain(self.results[identity], content_type="application/binary")
            case ("POST", True, "cancel"):
                row = self.found(identity)
                if row["processing_status"] == "ended":
                    raise Refusal("Batches that have ended cannot be canceled.")
                row["processing_status"] = "canceling"
                return _json(row)
        raise Refusal("Not found", "unknown_model")

    def _create(self, requests: list[Json]) -> Plain:
        if any(not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", request["custom_id"]) for request in requests):
            raise Refusal("requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'")
        identity = f"msgbatch_{new_id()}"
        self.requests[identity] = requests
        counts = {"processing": len(requests), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        return self.keep(
            {
                "id": identity, "type": "message_batch", "processing_status": "in_progress",
                "request_counts": counts, "created_at": datetime.now(UTC).isoformat(), "results_url": None,
            }
        )  # fmt: skip

    def _end(self, got: Received, row: Json) -> None:
        cancelled = row["processing_status"] == "canceling"
        unasked = "canceled" if cancelled else "expired" if self.outcome == "expired" else ""
        counts = dict.fromkeys(row["request_counts"], 0)
        lines = []
        for number, request in enumerate(self.requests[row["id"]]):
            if number and unasked:
                result: Json = {"type": unasked}
            else:
                status, body = self.ask(got, "/v1/messages", request["params"])
                result = {"type": "succeeded", "message": body} if status == 200 else {"type": "errored", "error": body}
            counts[result["type"]] += 1
            lines.append(msgspec.json.encode({"custom_id": request["custom_id"], "result": result}))
        self.results[row["id"]] = b"\n".join([*reversed(lines), b""])
        url = f"https://api.anthropic.com/v1/messages/batches/{row['id']}/results"
        row |= {"processing_status": "ended", "request_counts": counts, "results_url": url}


def _json(body: Json) -> Plain:
    return Plain(msgspec.json.encode(body))
