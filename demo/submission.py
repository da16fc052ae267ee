"""What the story's CI hands in for each of its actors."""

from typing import Any

from demo.cast import Actor
from demo.meter import Meter
from demo.pace import Pace

REGISTRY = "registry.example/shop"


def next_version(version: str) -> str:
    head, _, patch = version.rpartition(".")
    return f"{head}.{int(patch) + 1}"


def title(actor: Actor, version: str) -> str:
    if actor.kind == "config":
        return f"{actor.service}: new banner"
    return f"{actor.service} {next_version(version)}"


def body(actor: Actor, version: str, pace: Pace, source: str) -> dict[str, Any]:
    """`version` is what runs now."""
    return {
        "title": title(actor, version),
        "kind": actor.kind,
        "environment": "production",
        "targets": [{"service": actor.service}],
        **(_deploy(actor, version) if actor.kind == "deploy" else _config(actor)),
        "source": {"repository": f"https://git.example/shop/{actor.service}", "revision": "main"},
        "plan": {"stages": pace.stages(), "on_inconclusive": "hold"},
        "guardrails": Meter(actor.service, source).guardrails() if actor.guarded else [],
    }


def _deploy(actor: Actor, version: str) -> dict[str, Any]:
    return {
        "artefact": {"image": f"{REGISTRY}/{actor.service}:{next_version(version)}"},
        "before": {"image": f"{REGISTRY}/{actor.service}:{version}"},
    }


def _config(actor: Actor) -> dict[str, Any]:
    return {
        "artefact": {"name": f"{actor.service}.yaml", "banner": "Two for one, this week only"},
        "before": {"name": f"{actor.service}.yaml", "banner": "Free delivery from 20"},
    }
