"""detect(case): where does this series leave its own past? PURE, thin: a trailing robust z.

Each score uses points up to its own only: |x_t − median| / (1.4826·MAD + floor) of the WINDOW
points before it, with its sign turned so that the harmful direction counts. A level shift stops
scoring once the window has filled up with the new level.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from attribution.errors import CaseError
from attribution.fields import choice, items, mapping, number, readings
from attribution.stats.lines import Flags, Floats
from attribution.stats.shifts import MAD

WINDOW = 120
LEAST = 10  # points before the first score above 0
THRESHOLD = 6.0
FLOOR = 0.01
JOINED = 3  # anomalous points at most so many apart are one anomaly
DIRECTIONS = ("increase", "decrease", "either")


def detect(case: Mapping[str, Any]) -> dict[str, Any]:
    """{"id", "anomalies": [{"start", "end", "score"}], "scores": one a point}. Raises CaseError.

    Points are taken in the order given: real series repeat an hour when clocks go back.
    """
    source = mapping(case, "")
    direction = choice(source, "direction", "", DIRECTIONS, "either")
    t = [number(at, f"/t/{place}") for place, at in enumerate(items(source, "t", ""))]
    v = readings(items(source, "v", ""), "/v")
    if len(t) != len(v):
        raise CaseError("unequal lengths", f"{len(t)} times, {len(v)} values", "/v")
    scores = trailing_scores(np.asarray(v, dtype=np.float64), direction)
    spans = _spans(scores >= THRESHOLD)
    return {
        "id": source.get("id"),
        "anomalies": [
            {
                "start": t[first],
                "end": t[last],
                "score": round(float(scores[first : last + 1].max()), 6),
            }
            for first, last in spans
        ],
        "scores": [round(float(score), 6) for score in scores],
    }


def trailing_scores(values: Floats, direction: str) -> Floats:
    """Robust z of each point against the WINDOW points before it, shape (T,); 0 when unknown."""
    if values.size == 0:
        return values
    padded = np.concatenate((np.full(WINDOW, np.nan), values[:-1]))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    known = np.isfinite(windows).sum(axis=1) >= LEAST
    scores = np.zeros(values.size)
    if known.any():
        past = windows[known]
        middle = np.nanmedian(past, axis=1)
        spread = MAD * np.nanmedian(np.abs(past - middle[:, None]), axis=1)
        # A series that stands still gets its scale from its level and its own extremes.
        reach = np.nanmax(np.abs(past - middle[:, None]), axis=1)
        scale = spread + FLOOR * np.abs(middle) + 0.1 * reach + 1e-12
        scores[known] = (values[known] - middle) / scale
    turned = {"increase": scores, "decrease": -scores}.get(direction, np.abs(scores))
    return np.asarray(np.clip(np.nan_to_num(turned), 0.0, 1e6), dtype=np.float64)


def _spans(anomalous: Flags) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for index in np.flatnonzero(anomalous):
        if spans and index - spans[-1][1] <= JOINED:
            spans[-1] = (spans[-1][0], int(index))
        else:
            spans.append((int(index), int(index)))
    return spans
