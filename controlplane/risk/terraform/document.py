"""Text or object → the JSON document of a plan or a state, in bounded time and memory."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from controlplane.risk.reading import UnreadableError

MOST_CHARACTERS = 32_000_000


class Form(Enum):
    PLAN = "plan"
    STATE = "state"


# `plan_format_version`: what OpenTofu and HCP Terraform write for a plan made remotely.
_OF_A_PLAN = (
    "resource_changes", "planned_values", "plan_format_version", "output_changes",
    "resource_drift", "configuration", "deferred_changes", "planned_changes",
)  # fmt: skip
_OF_A_STATE = ("values", "format_version", "terraform_version", "lineage")


def document_of(artefact: Any) -> Mapping[str, Any]:
    """Raises UnreadableError."""
    document = _parsed(artefact) if isinstance(artefact, str) else artefact
    if not isinstance(document, Mapping):
        raise UnreadableError("a plan is a JSON object")
    return document


def _parsed(text: str) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError(f"more than {MOST_CHARACTERS:,} characters")
    text = text.removeprefix("\ufeff")
    if "\x00" in text[:100]:
        raise UnreadableError("it looks like UTF-16 read as another encoding; write it as UTF-8")
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None
    except ValueError:
        raise UnreadableError("it is not JSON; `terraform show -json PLAN` writes it") from None


def form_of(document: Mapping[str, Any]) -> Form:
    """Raises UnreadableError where it is neither."""
    if any(name in document for name in _OF_A_PLAN):
        return Form.PLAN
    if any(name in document for name in _OF_A_STATE):
        return Form.STATE
    raise UnreadableError("it holds neither a plan nor a state")
