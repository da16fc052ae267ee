"""What a view raises to answer with a problem. Imports no view: parsers are loaded before them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

# Some details repeat what was sent: an answer shall not be larger than its question.
LONGEST_DETAIL = 1000
MOST_ERRORS = 20


class ProblemError(Exception):
    """An answer that is not a 2xx. `slug` is stable: clients may tell problems apart by it."""

    def __init__(  # noqa: PLR0913 - the members of a problem are what they are
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        pointer: str | None = None,
        errors: list[dict[str, str]] | None = None,
        title: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.slug, self.detail = status, slug, detail
        self.title = title or HTTPStatus(status).phrase
        self.errors = errors or []
        if pointer is not None:
            self.errors = [{"detail": detail, "pointer": f"#{pointer}"}]
        self.headers = dict(headers or {})

    def body(self, instance: str) -> dict[str, Any]:
        return {
            "type": f"urn:graygate:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail[:LONGEST_DETAIL],
            "instance": instance[:LONGEST_DETAIL],
            "errors": [_shortened(each) for each in self.errors[:MOST_ERRORS]],
        }


def _shortened(error: Mapping[str, str]) -> dict[str, str]:
    return {name: text[:LONGEST_DETAIL] for name, text in error.items()}


def invalid(detail: str, pointer: str, title: str = "") -> ProblemError:
    return ProblemError(422, "invalid-body", detail, pointer=pointer, title=title)
