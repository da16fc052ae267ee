"""What Graygate tells of an incident afterwards: by REST, and on the page that a person opens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from typing import Any

import requests

from demo.api import Api
from demo.outcome import Check
from demo.played import Played

TIMEOUT_S = 15
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
HEADLINE = re.compile(r'<p class="headline"[^>]*>(.*?)</p>', re.DOTALL)
SUSPECT = re.compile(r'<li id="s-([0-9a-z-]+)">')


@dataclass(frozen=True)
class Pages:
    """The web UI, as a person who has logged in."""

    url: str
    user: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def anomaly(self, anomaly: str) -> str:
        answer = self.session.get(f"{self.url}/anomalies/{anomaly}/", timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.text if "/login/" not in answer.url else self._logged_in(answer)

    def _logged_in(self, form: requests.Response) -> str:
        found = TOKEN.search(form.text)
        told = {"username": self.user, "password": self.password}
        told["csrfmiddlewaretoken"] = found.group(1) if found else ""
        # Back to what was asked for: the address of the form says it.
        answer = self.session.post(
            form.url, data=told, headers={"Referer": form.url}, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
        return answer.text


def telling(api: Api, pages: Pages, culprit: Played, since: float) -> Iterator[Check]:
    """Of the culprit; `since` in seconds: when the round began."""
    recovered = [d for d in culprit.rollout.get("decisions", []) if d["decision"] == "recovered"]
    why = "; ".join(reason for d in recovered for reason in d["reasons"])
    yield Check(f"{culprit.title}: recovery is on record", bool(recovered), why or "it is not")
    found = anomalies_since(api, since)
    yield Check("an anomaly was noticed", bool(found), f"{len(found)} in all")
    for anomaly in found:
        yield rest_names(api, anomaly, culprit)
        yield page_names(pages, anomaly, culprit)


def anomalies_since(api: Api, since: float) -> list[dict[str, Any]]:
    """Oldest first."""
    begun = datetime.fromtimestamp(since, UTC)
    found: list[dict[str, Any]] = api.get("anomalies?limit=200")["results"]
    return [a for a in reversed(found) if _moment(a["detected_at"]) >= begun]


def may_have_done(culprit: Played, anomaly: dict[str, Any]) -> bool:
    """Not what was noticed after the culprit was taken back and everything was well again."""
    well_at = culprit.rollout.get("recovered_at")
    return not well_at or _moment(anomaly["detected_at"]) <= _moment(well_at)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _name(anomaly: dict[str, Any]) -> str:
    return f"{anomaly['metric'] or anomaly['origin']} on {anomaly['service']}"


def rest_names(api: Api, anomaly: dict[str, Any], culprit: Played) -> Check:
    whole = api.get(f"anomalies/{anomaly['id']}")
    suspects = (whole["finding"] or {}).get("suspects", [])
    first = suspects[0] if suspects else {"change": "nobody", "probability": 0.0}
    who = culprit.title if first["change"] == culprit.change else first["change"]
    what = f"{_name(anomaly)}: REST names {culprit.title} first"
    return Check(what, who == culprit.title, f"{who}, {first['probability']:.2f}")


def page_names(pages: Pages, anomaly: dict[str, Any], culprit: Played) -> Check:
    """Its headline is for people, its list of suspects has the changes themselves."""
    text = pages.anomaly(anomaly["id"])
    suspects, headline = SUSPECT.findall(text), HEADLINE.search(text)
    said = unescape(re.sub(r"\s+", " ", headline.group(1)).strip()) if headline else "no headline"
    holds = suspects[:1] == [culprit.change] and culprit.title in said
    return Check(f"{_name(anomaly)}: the page says so", holds, said)
