"""A deployment: which image or version comes, which one goes, and how far apart they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from controlplane.risk.deploy_diff import size, touched
from controlplane.risk.images import MOVING_TAGS, Image, Version, image_of, version_of
from controlplane.risk.shapes import text_of
from controlplane.risk.signals import Severity, Signal, Source, unparsed


@dataclass(frozen=True, slots=True)
class Release:
    """`name` is what shows the user which release is meant: the version, else the tag."""

    image: Image | None
    name: str
    version: Version | None


@dataclass(frozen=True, slots=True)
class Step:
    new: Release
    old: Release | None


def read(source: Source) -> list[Signal]:
    new = release_of(source.artefact)
    if new is None:
        return [unparsed("it names neither an image nor a version", "/artefact")]
    step = Step(new, release_of(source.before))
    detail = source.artefact if isinstance(source.artefact, Mapping) else {}
    return list(chain((one for rule in RULES for one in rule(step)), size(detail), touched(detail)))


def release_of(artefact: Any) -> Release | None:
    """None: nothing in it says which release it is."""
    if isinstance(artefact, str):
        return _of_text(artefact)
    if not isinstance(artefact, Mapping):
        return None
    image = image_of(artefact["image"]) if isinstance(artefact.get("image"), str) else None
    version = artefact.get("version")
    name = text_of(version) or (image.tag or image.digest if image else "")
    return Release(image, name[:128], version_of(name)) if image or name else None


def _of_text(text: str) -> Release | None:
    version, image = version_of(text), image_of(text)
    if version is not None:
        return Release(None, text.strip()[:128], version)
    if image is None:
        return None
    if not image.tag and not image.digest and "/" not in image.repository:
        return Release(None, image.repository[:128], None)
    return Release(image, image.tag or image.digest, version_of(image.tag))


def _signal(
    name: str, severity: Severity, summary: str, why: str, remedy: str, alias: str = ""
) -> Signal:
    return Signal(
        id=name,
        severity=severity,
        summary=summary,
        where="/artefact",
        why=why,
        remedy=remedy,
        aliases=tuple(alias.split()),
    )


def moving_tag(step: Step) -> Iterable[Signal]:
    image = step.new.image
    if image is None or image.digest or (image.tag and image.tag.lower() not in MOVING_TAGS):
        return
    missing = not image.tag
    yield _signal(
        "image_tag_missing" if missing else "image_tag_moving",
        "high",
        "The image has no tag" if missing else f"The image's tag `{image.tag}` moves",
        "The same name means another image tomorrow: units differ, and a rollback finds nothing.",
        "Deploy a version's tag, best with its digest (name:1.4.2@sha256:…).",
        "polaris:tagNotSpecified" if missing else "kube-linter:latest-tag polaris:tagNotSpecified",
    )


def unknown_past(step: Step) -> Iterable[Signal]:
    if step.old is None:
        yield _signal(
            "no_previous_version",
            "medium",
            "The version that runs now is not known",
            "Neither the size of the step nor the way back can be told.",
            "Send what runs now as `before`, for example the same object with the old image.",
        )


def same(step: Step) -> Iterable[Signal]:
    old, new = step.old, step.new
    if old is None or old.name != new.name or _repository(old) != _repository(new):
        return
    moved = _digest(old) and _digest(new) and _digest(old) != _digest(new)
    yield _signal(
        "version_overwritten" if moved else "same_version",
        "high" if moved else "medium",
        f"`{new.name}` names another image than before" if moved else "The version does not change",
        "The old version cannot be got back by its name."
        if moved
        else "Canary and control would run the same: nothing can be compared, nothing be undone.",
        "Give each build a version of its own.",
    )


def _digest(release: Release) -> str:
    return release.image.digest if release.image else ""


def _repository(release: Release) -> str:
    return release.image.repository if release.image else ""


def distance(step: Step) -> Iterable[Signal]:
    old, new = step.old.version if step.old else None, step.new.version
    if old is None or new is None:
        return
    if new.numbers < old.numbers:
        yield _signal(
            "downgrade",
            "medium",
            "An older version replaces a newer one",
            "Data and messages that the newer version wrote may be unreadable to the older.",
            "Make sure that the older version reads what the newer one left; or fix forward.",
        )
    elif new.numbers[0] > old.numbers[0]:
        yield _signal(
            "major_bump",
            "medium",
            f"The major version rises from {old.numbers[0]} to {new.numbers[0]}",
            "A major version announces that something which callers rely on has changed.",
            "Check that every caller works with both versions while both run.",
        )


def pre_release(step: Step) -> Iterable[Signal]:
    if step.new.version is not None and step.new.version.pre_release:
        yield _signal(
            "pre_release",
            "medium",
            "The version is a pre-release",
            "Its makers do not call it ready for production.",
            "Deploy the final version, or keep the exposure small.",
        )


def other_image(step: Step) -> Iterable[Signal]:
    old, new = step.old, step.new
    if old is None or not _repository(old) or not _repository(new):
        return
    if _repository(old) != _repository(new):
        yield _signal(
            "image_replaced",
            "medium",
            "The image comes from another repository than before",
            "It may be another program, or the same one from a place nobody vouches for.",
            "Confirm the source of the image.",
        )


RULES: Sequence[Callable[[Step], Iterable[Signal]]] = (
    moving_tag, unknown_past, same, distance, pre_release, other_image,
)  # fmt: skip
