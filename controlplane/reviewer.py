"""Asks the operator's language model about a change: once, within a time, and never in the way."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings

from attribution.bounded_http import ExchangeError, exchange
from controlplane.risk.review import ReviewError, findings_of, messages

logger = logging.getLogger(__name__)

TIMEOUT_S = 8.0
# Below what the database grants a transaction that waits.
LONGEST_TIMEOUT_S = 20.0
MOST_BYTES = 64_000
MOST_TOKENS = 2_000


@dataclass(frozen=True)
class Reviewer:
    """`url`: the whole address of an OpenAI-compatible chat endpoint. `token_env`: the environment
    variable that holds its key; the key itself is in no row, log or answer.
    """

    url: str
    model: str
    token_env: str = ""
    timeout_s: float = TIMEOUT_S

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Raises ValueError saying which field of the operator's `reviewer` is wrong."""
        url, model, token_env = (entry.get(name, "") for name in ("url", "model", "token_env"))
        timeout_s = entry.get("timeout_s", TIMEOUT_S)
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError("has no http:// or https:// `url`")
        if not isinstance(model, str) or not model:
            raise ValueError("names no `model`")
        if not isinstance(token_env, str) or (token_env and not os.environ.get(token_env)):
            raise ValueError("`token_env` names no environment variable that is set")
        numeric = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
        if not numeric or not 0 < timeout_s <= LONGEST_TIMEOUT_S:
            raise ValueError(f"`timeout_s` is not above 0 and at most {LONGEST_TIMEOUT_S:g}")
        return cls(url, model, token_env, float(timeout_s))

    def review(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """What `classify` takes as the case's `review`. Raises nothing."""
        try:
            return {"model": self.model, "signals": findings_of(self._answer(case))}
        except (ExchangeError, ReviewError) as problem:
            why = str(problem)
        except Exception as problem:  # noqa: BLE001  # whatever it is, the change must go on
            why = type(problem).__name__
        logger.warning("reviewer_unavailable: %s", why)
        return {"model": self.model, "unavailable": why}

    def _answer(self, case: Mapping[str, Any]) -> bytes:
        asked = {
            "model": self.model,
            "messages": messages(case),
            "temperature": 0,
            "max_tokens": MOST_TOKENS,
            "response_format": {"type": "json_object"},
        }
        headers = {"Content-Type": "application/json"}
        if self.token_env:
            headers["Authorization"] = f"Bearer {os.environ[self.token_env]}"
        status, content = exchange(
            "POST",
            self.url,
            timeout_s=self.timeout_s,
            most_bytes=MOST_BYTES,
            headers=headers,
            body=json.dumps(asked).encode(),
        )
        if status != 200:
            raise ReviewError(f"it answered with status {status}")
        return content


def configured() -> Reviewer | None:
    """The operator's, or nobody: it is off unless the operator's file names one."""
    entry = settings.OPERATOR.reviewer
    if not entry:
        return None
    try:
        return Reviewer.of(entry)
    except ValueError as problem:
        logger.warning("reviewer_unavailable: it %s", problem)
        return None
