"""What a round's changes came to, as the API shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.terminal import View
from demo.cast import Actor, Round

FINAL = frozenset(
    ["completed", "rolled_back", "rollback_failed", "failed", "canceled", "rejected", "expired"]
)
AGAINST = frozenset({"halt", "rollback", "rolled_back", "rollback_failed"})


@dataclass
class Played:
    """One actor's change, as the API shows it."""

    actor: Actor
    change: str
    title: str
    version: str
    decision: dict[str, Any] = field(default_factory=dict)
    rollout: dict[str, Any] = field(default_factory=dict)
    # For the live view only.
    shown: dict[str, Any] = field(default_factory=dict)
    series: dict[str, Any] = field(default_factory=dict)

    def wronged(self, forgiven: frozenset[str]) -> bool:
        """A sound change was halted, or a bad one went through."""
        if self.actor.role == "culprit":
            return self.decision.get("decision") == "completed"
        return bool(self.against(forgiven))

    def against(self, forgiven: frozenset[str] = frozenset()) -> list[str]:
        """What was decided against it."""
        told = [str(d["decision"]) for d in self.rollout.get("decisions", [])]
        return [word for word in told if word in AGAINST - forgiven]

    @property
    def view(self) -> View:
        return View(self.shown, self.decision, self.rollout, self.series)

    @property
    def ended(self) -> bool:
        return self.decision.get("decision") in FINAL


def section_of(scene: Round) -> str:
    return f"round {scene.number}"


def culprit_of(played: Sequence[Played]) -> Played | None:
    return next((each for each in played if each.actor.role == "culprit"), None)


def pages_of(pages: Sequence[dict[str, Any]], change: str) -> list[str]:
    """The last words of the types of what on-call got about a change."""
    mine = [p for p in pages if (p.get("data") or {}).get("change") == change]
    return [str(page["type"]).rpartition(".")[2] for page in mine]
