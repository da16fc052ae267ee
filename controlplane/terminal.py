"""A change on a terminal: stages, exposure, verdict with its numbers, suspects, last decisions.

Made of what the REST API answers and of nothing else, so that it runs far from the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from controlplane.client.graygate import printable

Json = Mapping[str, Any]

STATE_STYLE = {
    "running": "cyan",
    "completed": "green",
    "halted": "bold red",
    "rolling_back": "bold red",
    "rolled_back": "red",
    "rollback_failed": "bold white on red",
    "paused": "yellow",
}
STAGE_MARK = {
    "passed": ("✔", "green"),
    "waived": ("✔", "yellow"),
    "skipped": ("»", "yellow"),
    "failed": ("✖", "red"),
    "stopped": ("■", "red"),
    "pre_check": ("◔", "cyan"),
    "applying": ("◑", "cyan"),
    "baking": ("●", "cyan"),
}
VERDICT_STYLE = {"pass": "green", "fail": "bold red", "inconclusive": "dim"}
BLOCKS = " ▁▂▃▄▅▆▇█"
BAR_WIDTH, SPARK_WIDTH = 28, 30
SHOWN_DECISIONS, SHOWN_SUSPECTS = 4, 3


@dataclass(frozen=True)
class View:
    """One change as the API shows it now; what has not been asked for is empty."""

    change: Json
    decision: Json = field(default_factory=dict)
    rollout: Json = field(default_factory=dict)
    series: Json = field(default_factory=dict)
    # Titles of the changes that may be named as suspects, by their ids.
    titles: Mapping[str, str] = field(default_factory=dict)


def render(given: View, now: datetime) -> Panel:
    view = View(*(printable(part) for part in _parts(given)))
    state = str(view.rollout.get("state") or view.decision.get("decision", "unknown"))
    style = STATE_STYLE.get(state, "white")
    return Panel(
        Group(*_rows(view, now)),
        title=_title(view),
        title_align="left",
        subtitle=Text(f" {state.replace('_', ' ')} ", style=style),
        subtitle_align="right",
        border_style=style.split()[-1] if state not in {"unknown", "running"} else "dim",
    )


def _parts(view: View) -> tuple[Json, ...]:
    return view.change, view.decision, view.rollout, view.series, view.titles


def _title(view: View) -> Text:
    level = view.decision.get("level") or "not assessed"
    control = view.rollout.get("control_level", "")
    title = Text(f" {view.change.get('title', '')} ", style="bold")
    return title.append(f"{level} risk {control} ".rstrip() + " ", style="dim")


def _rows(view: View, now: datetime) -> Iterator[RenderableType]:
    if not view.rollout:
        yield Text("; ".join(view.decision.get("reasons", [])) or "waiting", style="dim")
        return
    yield rail(view.rollout.get("stages", []))
    yield exposure(view.rollout)
    if bake := baking(view, now):
        yield bake
    for hold in view.rollout.get("holds", []):
        yield Text(f"on hold: {hold['kind']} by {hold['actor']}: {hold['reason']}", style="yellow")
    yield from charts(view.series)
    yield from suspects(view)
    yield from decisions(view.rollout.get("decisions", []))


def rail(stages: Sequence[Json]) -> Text:
    """✔ 25% ━━ ● 50% ━━ ○ 100%"""
    rail = Text()
    for index, stage in enumerate(stages):
        mark, style = STAGE_MARK.get(stage["state"], ("○", "dim"))
        if index:
            rail.append(" ━━━ ", style=style)
        rail.append(f"{mark} {stage['share']:.0%}", style=style)
    return rail


def bar(share: float, wanted: float, width: int = BAR_WIDTH) -> Text:
    """What is there in full, what is wanted beyond it in outline."""
    there, until = round(share * width), round(max(share, wanted) * width)
    text = Text("█" * there, style="cyan")
    text.append("▒" * (until - there), style="yellow")
    return text.append("░" * (width - until), style="dim")


def exposure(rollout: Json) -> Text:
    observed, desired = rollout.get("exposure", 0.0), rollout.get("desired_exposure", 0.0)
    line = Text("exposure  ").append_text(bar(observed, desired))
    line.append(f"  {observed:.0%} observed", style="bold")
    return line.append(f", {desired:.0%} desired", style="dim")


def current(rollout: Json) -> tuple[int, Json] | None:
    index, stages = rollout.get("stage"), rollout.get("stages", [])
    return (index, stages[index]) if index is not None and index < len(stages) else None


def baking(view: View, now: datetime) -> Text | None:
    """How much of the bake is over, and what the judge says meanwhile."""
    found = current(view.rollout)
    if found is None:
        return None
    index, stage = found
    line = Text("bake      ")
    since = moment(stage.get("baking_since"))
    planned = (view.change.get("plan") or {}).get("stages") or []
    least = planned[index].get("min_s") if index < len(planned) else None
    if since and least:
        spent = ((moment(stage.get("ended_at")) or now) - since).total_seconds()
        line.append_text(bar(min(spent / least, 1.0), 0.0))
        line.append(f"  {max(spent, 0.0):.0f} s of {least:g} s  ")
    verdict = stage.get("verdict") or "no verdict yet"
    line.append(verdict, style=VERDICT_STYLE.get(verdict, "dim"))
    return line.append(f"\n          {stage.get('reason', '')}", style="dim")


def spark(values: Sequence[float | None], top: float) -> str:
    """Gaps stay gaps: a value that nobody reported is not zero."""
    recent = values[-SPARK_WIDTH:]
    return "".join(
        "·" if value is None else BLOCKS[min(8, round(8 * value / top))] if top else BLOCKS[0]
        for value in recent
    )


def charts(series: Json) -> Iterator[Table]:
    rows = [
        (service["service"], metric)
        for service in series.get("services", [])
        for metric in service["metrics"]
        # A distribution has no line, which is not silence.
        if metric.get("kind") != "distribution"
    ]
    if not rows:
        return
    table = Table.grid(padding=(0, 1))
    for service, metric in rows:
        both = {side: _bad(metric, side) for side in ("canary", "control")}
        top = max((v for values in both.values() for v in values if v is not None), default=0.0)
        table.add_row(
            Text(f"{service} {_name(metric)}", style="dim"),
            *(cell for side in both for cell in _chart(side, both[side], top)),
        )
    yield table


def _name(metric: Json) -> str:
    decrease = metric.get("direction") == "decrease"
    return f"not {metric['name']}" if decrease else str(metric["name"])


def _bad(metric: Json, side: str) -> list[float | None]:
    """Of a share that must not fall, what it falls short of 1: small is good on every line."""
    values: list[float | None] = metric[side]
    if metric.get("direction") != "decrease":
        return values
    return [None if value is None else 1 - value for value in values]


def _chart(side: str, values: Sequence[float | None], top: float) -> tuple[Text, Text]:
    known = [value for value in values[-SPARK_WIDTH:] if value is not None]
    mean = f"{sum(known) / len(known):.2%}" if known else "silent"
    style = "cyan" if side == "canary" else "green"
    return Text(f"{side} {mean:>7}"), Text(spark(values, top), style=style)


def suspects(view: View) -> Iterator[Text]:
    found = view.rollout.get("suspects", [])[:SHOWN_SUSPECTS]
    for place, suspect in enumerate(found):
        own = suspect["change"] == view.change.get("id")
        title = "this change" if own else view.titles.get(suspect["change"], suspect["change"][:8])
        line = Text("suspects  " if not place else "          ")
        line.append_text(bar(suspect["probability"], 0.0, 10))
        line.append(f" {suspect['probability']:.0%} {title}", style="red" if own else "")
        evidence = suspect.get("evidence", [])
        why = suspect["vetoes"][0] if suspect.get("vetoes") else ""
        why = f"cleared: {why}" if why else evidence[0]["summary"] if evidence else ""
        yield line.append(f"  {why}", style="dim")


def decisions(entries: Sequence[Json]) -> Iterator[Text]:
    for entry in entries[-SHOWN_DECISIONS:]:
        at = moment(entry["at"])
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{at.astimezone():%H:%M:%S}  " if at else "", style="dim")
        line.append(f"{entry['decision']} ", style="bold")
        yield line.append("; ".join(entry["reasons"]), style="dim")


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
