"""Filters and pictures of the pages. A bar is SVG: the policy allows no style attribute."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.web import numbers, wording

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    return numbers.percent(share)


@register.filter
def chance(probability: float | None) -> str:
    return numbers.chance(probability)


@register.filter
def effect(value: float | None) -> str:
    return numbers.signed_percent(value)


@register.filter
def spaced(name: str) -> str:
    return name.replace("_", " ")


@register.filter
def in_words(reason: str) -> str:
    return wording.in_words(reason)


@register.filter
def duration(span: timedelta | float | None) -> str:
    return numbers.duration(span)


@register.filter
def count(amount: float) -> str:
    return numbers.count(amount)


@register.simple_tag
def when(at: datetime | None) -> SafeString | str:
    """Age, with the moment itself for machines and for the pointer."""
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        numbers.ago(at, timezone.now()),
    )


@register.simple_tag
def clock(at: datetime | None) -> SafeString | str:
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        numbers.clock(at),
    )


@register.simple_tag
def pill(word: wording.Word, extra: str = "") -> SafeString:
    return format_html(
        '<span class="pill tone-{}" title="{}"><span class="sign" aria-hidden="true">{}</span>'
        "{}{}</span>",
        word.tone,
        word.meaning,
        word.sign,
        word.label,
        f" {extra}" if extra else "",
    )


def _x(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.4g}%"


@register.simple_tag
def exposure_bar(observed: float, desired: float) -> SafeString:
    """Observed as a filled bar, desired as a mark on it."""
    return format_html(
        '<svg class="bar exposure" role="img" aria-label="observed exposure {}, desired {}">'
        '<rect class="track" width="100%" height="100%" rx="3"/>'
        '<rect class="fill" width="{}" height="100%" rx="3"/>'
        '<rect class="mark" x="{}" width="3" height="100%" transform="translate(-1.5)"/></svg>',
        numbers.percent(observed),
        numbers.percent(desired),
        _x(observed),
        _x(desired),
    )


@register.simple_tag
def share_bar(share: float, tone: str = "live", label: str = "") -> SafeString:
    return format_html(
        '<svg class="bar tone-{}" role="img" aria-label="{}">'
        '<rect class="track" width="100%" height="100%" rx="3"/>'
        '<rect class="fill" width="{}" height="100%" rx="3"/></svg>',
        tone,
        label or numbers.percent(share),
        _x(share),
    )


@register.simple_tag
def evidence_bar(row: Any) -> SafeString:
    """Log e on the way to two limits: halt, and rollback (the right end)."""
    return format_html(
        '<svg class="bar evidence tone-{}" role="img" aria-label="{}">'
        '<rect class="track" width="100%" height="100%" rx="3"/>'
        '<rect class="fill" width="{}" height="100%" rx="3"/>'
        '<rect class="mark" x="{}" width="2" height="100%"/></svg>',
        row.tone,
        row.evidence_label,
        _x(row.evidence),
        _x(row.halt_mark),
    )
