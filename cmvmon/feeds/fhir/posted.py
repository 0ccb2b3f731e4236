"""What a sender who posts resources is told where nothing was judged: its request can't be used, or its body is kept unread.

Rule of this file: it imports nothing that judges, and no sentence holds anything of a request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from cmvmon.feeds.fhir.issues import outcome_of
from cmvmon.feeds.fhir.json_text import Members, NotJson, parsed
from cmvmon.feeds.json_numbers import Number

PATH = "/fhir"
MEDIA_TYPES = ("application/fhir+json", "application/json")
TAKEN, UNREADABLE, REFUSED_WHOLE = 202, 400, 422
NOT_STORED = 503


@dataclass(frozen=True)
class _Said:
    """How a request is answered that is not taken: status, issue type (FHIR R4, 4.3.1.5), what to do."""

    status: int
    kind: str
    text: str


_AGAIN = "Nothing of it was kept. Send it again in a minute."
REFUSALS: Mapping[str, _Said] = MappingProxyType(
    {
        "malformed_request": _Said(400, "structure", "The request is no HTTP/1.1 that can be read. Mend the client."),
        "incomplete_request": _Said(400, "structure", f"The connection ended before the request did. {_AGAIN}"),
        "header_too_long": _Said(431, "too-long", "The head of the request is too long. Leave headers out."),
        "unknown_path": _Said(404, "not-found", f"Post Bundles or resources to {PATH}, without a query."),
        "method": _Said(405, "not-supported", f"Only POST is answered at {PATH}: nothing can be asked, changed or deleted."),
        "missing_token": _Said(401, "login", "Send the token that you were given, once, as `Authorization: Bearer TOKEN`."),
        "unknown_token": _Said(401, "login", "The token is not known. Ask the site for the one that is yours."),
        "not_from_there": _Said(403, "forbidden", "This token may not be used from there, or without a certificate. Ask the site."),
        "sender_file_broken": _Said(503, "transient", f"The token is not known while a file of the site is broken. {_AGAIN}"),
        "no_place": _Said(503, "transient", f"Senders have more connections open than the site bears. {_AGAIN}"),
        "content_type": _Said(
            415, "not-supported", "Send the body as application/fhir+json in UTF-8, uncompressed; neither XML nor lines are read."
        ),
        "body_too_large": _Said(413, "too-long", "The body is longer than the {most} bytes that are taken. Send smaller Bundles."),
        "timed_out": _Said(408, "timeout", "The request was not complete in time. Nothing of it was kept. Send it again."),
        "not_stored": _Said(NOT_STORED, "no-store", f"The body could not be kept. {_AGAIN}"),
        "stopping": _Said(503, "transient", f"The listener is being stopped. {_AGAIN}"),
        "wrong_encoding": _Said(UNREADABLE, "structure", "The body is not UTF-8. Send it as UTF-8, as FHIR asks."),
        "malformed_json": _Said(UNREADABLE, "structure", "The body is no JSON. Send one Bundle or resource as JSON."),
        "cut_off": _Said(UNREADABLE, "structure", "The JSON of the body is not closed at its end. Send it whole."),
        "no_fhir_resource": _Said(REFUSED_WHOLE, "structure", "The body is JSON and no FHIR resource: it names no resourceType."),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An answer: its status, and its OperationOutcome as JSON. `code`: why, where the request is not taken.
    `is_unjudged`: it is kept, and nothing says what it comes to."""

    status: int
    body: bytes
    code: str | None = None
    is_unjudged: bool = False

    def kept(self) -> bytes:
        """As it is kept with what it answers."""
        return f"{self.status}\n".encode() + self.body

    @classmethod
    def of_kept(cls, kept: bytes) -> Answer:
        status, _, body = kept.partition(b"\n")
        return cls(int(status), body)


def answer_of(status: int, outcome: Mapping[str, Any], code: str | None = None) -> Answer:
    return Answer(status, json.dumps(outcome, ensure_ascii=False).encode(), code)


def refused(code: str, *, most: int = 0) -> Answer:
    """The answer to a request that is not taken, by a code of REFUSALS. `most`: how many bytes of a body are taken, where it is
    refused for its length."""
    said = REFUSALS[code]
    return answer_of(said.status, outcome_of("fatal", said.kind, code, said.text.replace("{most}", str(most))), code)


def not_judged() -> Answer:
    """The answer to a body that is kept, and that nothing could judge while its sender waited."""
    text = (
        "It is kept, and not judged yet: it is taken in as soon as that can be done, and what can't be read is set apart with its "
        "reason. Do not send it again."
    )
    unjudged = outcome_of("information", "informational", "not_judged", text)
    return replace(answer_of(TAKEN, unjudged), is_unjudged=True)


def looked_at(body: bytes) -> tuple[str | None, bool]:
    """Why a body can't be a resource, as a code of REFUSALS (None where it names its type), and whether it is a Bundle.

    What it holds besides is not looked at.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "wrong_encoding", False
    try:
        whole = parsed(text)
    except NotJson as error:
        return "cut_off" if error.is_cut and text.strip() else "malformed_json", False
    kind = whole.get("resourceType") if isinstance(whole, Members) else None
    if not isinstance(kind, str) or not kind or isinstance(kind, Number):
        return "no_fhir_resource", False
    return None, kind == "Bundle"
