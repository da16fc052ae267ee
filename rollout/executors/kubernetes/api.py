"""The Kubernetes API as far as it is needed: read an object, patch it if nobody did meanwhile.

Plain REST. A patch is a JSON merge patch with the resourceVersion that was read, as field manager
`graygate`, with unknown fields refused. The deadline is for all requests of one call together.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from attribution.bounded_http import Answer, ExchangeError, exchange
from attribution.credentials import credentials
from rollout.executors.base import ExecutorError, Key
from rollout.executors.kubernetes.marks import ANNOTATION, MarkError, OlderError, after, mark_of

MERGE_PATCH = "application/merge-patch+json"
PATCHING = {"fieldManager": "graygate", "fieldValidation": "Strict"}
# etcd takes objects of 1.5 MB.
MOST_BYTES = 4_000_000
MOST_SAID = 300
# The API's integers have 32 bits; generations have 64.
MOST_COUNTED = 2**63 - 1
# A controller that writes the status conflicts with us now and then, not each time.
MOST_TRIES = 8
GOOD = range(200, 300)
# What will be answered again until somebody repairs something.
FOR_GOOD = frozenset({400, 403, 404, 405, 415, 422})
CONFLICTS = frozenset({409, 412})

Object = dict[str, Any]


class ConflictError(Exception):
    """Somebody changed the object since it was read."""


class Api:
    """For one call. Messages name the target, never the server's address."""

    def __init__(
        self, target: str, server: str, access: Mapping[str, Any], timeout_s: float
    ) -> None:
        self._target, self._server, self._access = target, server, access
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s

    def get(self, path: str) -> Object:
        """Raises ExecutorError."""
        return self._read(self._ask("GET", path), path)

    def patch(self, path: str, body: Object) -> Object:
        """Raises ConflictError or ExecutorError."""
        answer = self._ask("PATCH", path, body)
        if answer[0] in CONFLICTS:
            raise ConflictError
        return self._read(answer, path)

    def error(self, message: str, *, permanent: bool = False) -> ExecutorError:
        return ExecutorError(f"{self._target}: {message}", permanent=permanent)

    def _ask(self, method: str, path: str, body: Object | None = None) -> Answer:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.error(f"no whole answer within {self._timeout_s:g} s")
        try:
            access = credentials(self._access)
            headers = {"Accept": "application/json", **access.headers()}
            if body is not None:
                headers["Content-Type"] = MERGE_PATCH
            return exchange(
                method,
                self._server.rstrip("/") + path,
                timeout_s=left,
                most_bytes=MOST_BYTES,
                headers=headers,
                body=b"" if body is None else json.dumps(body).encode(),
                params=None if body is None else PATCHING,
                tls=access.tls,
            )
        except (ExchangeError, ValueError) as error:
            raise self.error(str(error)) from error

    def _read(self, answer: Answer, path: str) -> Object:
        status, content = answer
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if status not in GOOD:
            said = _said(found)
            raise self.error(f"HTTP {status}{said}", permanent=status in FOR_GOOD)
        if not isinstance(found, dict) or not _is_object(found, path):
            raise self.error("the answer is not the object that was asked for")
        return found


def _said(found: object) -> str:
    """Of a Status object its message."""
    message = found.get("message") if isinstance(found, dict) else None
    if not isinstance(message, str):
        return ""
    plain = "".join(c if c.isprintable() else " " for c in message)
    return f": {plain[:MOST_SAID]}"


def _is_object(found: Object, path: str) -> bool:
    metadata = found.get("metadata")
    name = path.removesuffix("/status").rpartition("/")[2]
    if not isinstance(metadata, dict) or metadata.get("name") != name:
        return False
    parts = (found.get("spec", {}), found.get("status", {}), metadata.get("annotations") or {})
    version = metadata.get("resourceVersion")
    return isinstance(version, str) and all(isinstance(part, dict) for part in parts)


def change(api: Api, path: str, key: Key, edit: Callable[[Object], Object]) -> Object:
    """Mark the object as this call's, together with what `edit` makes of it as it is: a spec to
    merge. Raises ExecutorError, permanent when a newer call has been there.
    """
    for _ in range(MOST_TRIES):
        found = api.get(path)
        mark = marked(api, found, key)
        spec = edit(found)
        annotations = found["metadata"].get("annotations") or {}
        if annotations.get(ANNOTATION) == mark and _holds(found.get("spec", {}), spec):
            return found
        metadata = {
            "resourceVersion": found["metadata"]["resourceVersion"],
            "annotations": {ANNOTATION: mark},
        }
        try:
            return api.patch(path, {"metadata": metadata} | ({"spec": spec} if spec else {}))
        except ConflictError:
            continue
    raise api.error("somebody else changes the object each time")


def marked(api: Api, found: Object, key: Key) -> str:
    try:
        return after(mark_of(found["metadata"].get("annotations")), key).to_annotation()
    except MarkError as error:
        raise api.error(str(error), permanent=True) from error
    except OlderError as error:
        raise api.error(f"refused: {error}", permanent=True) from error


def generation_of(api: Api, found: Object, key: Key) -> int:
    try:
        return mark_of(found["metadata"].get("annotations")).generation_of(key.rollout)
    except MarkError as error:
        raise api.error(str(error), permanent=True) from error


def _holds(spec: Object, wanted: Object) -> bool:
    return all(spec.get(name) == value for name, value in wanted.items())


def count(part: Mapping[str, Any], name: str, default: int = 0) -> int:
    """A number of the API's; a controller leaves out what is zero. Raises ExecutorError: what is no
    count must not read as none.
    """
    value = part.get(name)
    if value is None:
        return default
    if type(value) is not int or not 0 <= value <= MOST_COUNTED:
        raise ExecutorError(f"the API's `{name}` is no count")
    return value
