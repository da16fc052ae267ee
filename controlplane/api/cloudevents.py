"""CloudEvents 1.0 over HTTP: binary, structured and batched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rest_framework.request import Request

from attribution.errors import CaseError
from attribution.fields import mapping, text
from attribution.moments import moment
from controlplane.api.errors import invalid

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MOST_EVENTS = 500
# As wide as the columns of Event.
LONGEST = {"id": 200, "source": 300, "type": 200}
ATTRIBUTES = ("id", "source", "type", "specversion", "time", "subject")


@dataclass(frozen=True)
class CloudEvent:
    id: str
    source: str
    type: str
    at: datetime | None
    payload: dict[str, Any]
    # Where it stands in the body, for errors.
    pointer: str

    @property
    def data(self) -> Any:
        return self.payload.get("data")


def events_of(request: Request) -> list[CloudEvent]:
    """Raises CaseError or ProblemError. A body of plain JSON with a `specversion` is structured."""
    kind = (request.content_type or "").partition(";")[0].strip().lower()
    body = request.data
    if kind == BATCH:
        if not isinstance(body, list) or len(body) > MOST_EVENTS:
            raise invalid(f"A batch is a list of at most {MOST_EVENTS} events.", "")
        return [_event(mapping(each, f"/{n}"), f"/{n}") for n, each in enumerate(body)]
    if kind != STRUCTURED and "ce-specversion" in request.headers:
        named = {name: request.headers.get(f"ce-{name}") for name in ATTRIBUTES}
        given = {name: value for name, value in named.items() if value is not None}
        return [_event({**given, "data": body}, "")]
    return [_event(mapping(body, ""), "")]


def _event(body: Mapping[str, Any], at: str) -> CloudEvent:
    if body.get("specversion") != "1.0":
        raise CaseError("no CloudEvent", "specversion must be 1.0", f"{at}/specversion")
    return CloudEvent(
        id=_short(body, "id", at),
        source=_short(body, "source", at),
        type=_short(body, "type", at),
        at=moment_of(body, "time", at),
        payload=dict(body),
        pointer=at,
    )


def _short(body: Mapping[str, Any], key: str, at: str) -> str:
    found = text(body, key, at)
    longest = LONGEST[key]
    if len(found) > longest or "\0" in found:
        raise CaseError("text too long", f"at most {longest} letters", f"{at}/{key}")
    return found


def moment_of(body: Mapping[str, Any], key: str, at: str) -> datetime | None:
    value = body.get(key)
    return None if value is None else moment(value, f"{at}/{key}")
