"""Rows for the pages: a production in which every state that a page knows is there at once.

Times are relative to now; figures are drawn from a fixed seed. The judge's cases are made by the
loop's own code from the samples, so that the pages show what they would show.
"""

import math
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from attribution.clock import database_now
from attribution.models import Anomaly, Exposure, Finding, Guardrail, Sample, Service
from controlplane.access import Role, give_role
from controlplane.models import Approval, Assessment, Change, Signal
from rollout import evidence, ledger
from rollout.machine import Phase, StageState
from rollout.models import Freeze, Hold, Placement, Rollout, Stage
from rollout.spec import RolloutSpec, StageSpec, TargetSpec
from tests.shadowing import Production

PASSWORD = "correct horse battery staple"
INTERVAL_S = 5
UNITS = tuple(f"bucket-{n:02d}" for n in range(20))
SHARES = (0.05, 0.25, 0.5, 1.0)
ERRORS = {
    "name": "errors",
    "source": "scrape",
    "kind": "ratio",
    "events": 'http_requests_total{$cohort,code=~"5.."}',
    "total": "http_requests_total{$cohort}",
    "direction": "increase",
    "margin": 0.1,
    "pass_margin": 0.5,
    "margin_abs": 0.002,
    "weight": 1.0,
    "critical": True,
    "min_samples": 0,
    "settle_s": 0,
}
SLOW = {**ERRORS, "name": "slow_requests", "critical": False}
S = StageState
WHY = "harm_shown; errors: canary 5.11% of 2013 against control 0.20% of 21874"
REASONS = {
    S.PASSED: "stage passed after 85 s: harm_excluded",
    S.FAILED: WHY,
    S.WAIVED: "waived by olga",
}


def people() -> dict[str, User]:
    made = {}
    for name, role in (
        ("vera", Role.VIEWER),
        ("sam", Role.SUBMITTER),
        ("anna", Role.APPROVER),
        ("olga", Role.OPERATOR),
        ("ada", Role.ADMIN),
    ):
        made[name] = User.objects.create_user(name, password=PASSWORD)
        give_role(made[name], role)
    return made


def services() -> None:
    for name, tier in (("checkout", 0), ("payments", 0), ("catalog", 1), ("search", 2)):
        service = Service.objects.create(
            name=name, team="shop", tier=tier, units=list(UNITS), control_level="L4"
        )
        for spec in (ERRORS, SLOW):
            Guardrail.objects.create(name=spec["name"], service=service, spec=spec)
    Service.objects.get(name="checkout").calls.add(Service.objects.get(name="payments"))


class Scene:
    """One change with its rollout, told from its start to a moment."""

    def __init__(
        self, title: str, service: str, started: timedelta, *, level: str = "medium", **spec: Any
    ) -> None:
        self.now = database_now()
        self.start = self.now - started
        self.service = service
        self.change = _change(title, service, self.start - timedelta(minutes=4), level)
        self.spec = _spec(self.change, level, **spec)
        self.rollout = Rollout.objects.create(
            change_id=self.change.pk,
            artefact=f"{service}/deploy/{uuid.uuid4().hex[:6]}",
            environment="production",
            spec=self.spec.to_json(),
            phase=spec.get("phase", Phase.RUNNING),
            version=7,
            created_at=self.start,
            started_at=self.start,
            progressed_at=self.now,
        )
        self.change.rollout_id = self.rollout.pk
        self.change.save()
        self.decide("create", 0)
        self.decide("start", 1, "approved; no freeze, no conflict")

    def at(self, seconds: float) -> datetime:
        return self.start + timedelta(seconds=seconds)

    def decide(
        self, what: str, at: float, *reasons: str, actor: str = ledger.SYSTEM, case: Any = None
    ) -> None:
        inputs = {"case": case, "now": self.at(at).timestamp()} if case else {}
        ledger.append(self.rollout, what, reasons, actor, inputs, self.at(at))

    def judged(self, at: float) -> dict[str, Any] | None:
        fresh = Rollout.objects.prefetch_related("stages").get(pk=self.rollout.pk)
        return evidence.judged(fresh, self.at(at)).case

    def stages(self, *states: tuple[str, float | None, float | None]) -> None:
        """(state, baking since, ended) of the first stages, in seconds; the others are pending."""
        padded = [*states, *[(S.PENDING, None, None)] * (len(SHARES) - len(states))]
        for index, (state, since, ended) in enumerate(padded):
            Stage.objects.create(
                rollout=self.rollout,
                reason=REASONS.get(state, ""),
                index=index,
                share=SHARES[index],
                state=state,
                verdict={S.PASSED: "pass", S.FAILED: "fail"}.get(state, "inconclusive"),
                baking_since=None if since is None else self.at(since),
                ended_at=None if ended is None else self.at(ended),
            )

    def placement(self, observed: float, desired: float, **more: Any) -> None:
        count = round(observed * len(UNITS))
        Placement.objects.create(
            rollout=self.rollout,
            target=f"router-{self.service}",
            service=self.service,
            executor="http",
            desired=desired,
            observed=observed,
            observed_units=list(UNITS[:count]),
            observed_at=self.now,
            generation=5,
            confirmed_generation=more.pop("confirmed", 5),
            due_at=self.now,
            **more,
        )

    def exposed(self, *steps: tuple[float, float]) -> None:
        service = Service.objects.get(name=self.service)
        for at, share in steps:
            Exposure.objects.create(
                change_id=self.change.pk,
                service=service,
                at=self.at(at),
                share=share,
                kind="deploy",
            )

    def measured(self, until: float, bad: float = 0.0, bad_until: float = math.inf) -> None:
        """Samples each interval: `bad` is the canary's error share while it is exposed."""
        draw = random.Random(self.service)  # noqa: S311 - figures of a picture, no secret
        service = Service.objects.get(name=self.service)
        rows = []
        for step in range(-30, int(until / INTERVAL_S)):
            at = step * INTERVAL_S
            live = 20 <= at < bad_until
            share = _share_at(self, at)
            control = _count(draw, 900 * (1 - share), 0.002)
            canary = _count(draw, 900 * share, bad or 0.002) if live and share else None
            slow = {"canary": canary and [canary[1] * 0.03, canary[1]], "control": control}
            everyone = [sum(p) for p in zip(control, canary or [0, 0], strict=True)]
            values = {
                "errors": {"canary": canary, "control": control, "all": everyone},
                "slow_requests": {**slow, "control": [control[1] * 0.03, control[1]]},
            }
            rows.append(Sample(service=service, at=self.at(at), values=values))
        Sample.objects.bulk_create(rows)

    def hold(self, kind: str, reason: str, since: float, actor: str = ledger.SYSTEM) -> None:
        Hold.objects.create(
            rollout=self.rollout, kind=kind, actor=actor, reason=reason, since=self.at(since)
        )

    def moments(self, **at: float) -> None:
        Rollout.objects.filter(pk=self.rollout.pk).update(
            **{name: self.at(seconds) for name, seconds in at.items()}
        )


def _share_at(scene: Scene, at: float) -> float:
    exposures = Exposure.objects.filter(change_id=scene.change.pk, at__lte=scene.at(at))
    last = exposures.order_by("-at").first()
    return last.share if last else 0.0


def _count(draw: random.Random, total: float, share: float) -> list[float]:
    amount = max(0, round(total + draw.gauss(0, 12)))
    events = sum(draw.random() < share for _ in range(amount))
    return [events, amount]


def _change(title: str, service: str, at: datetime, level: str) -> Change:
    change = Change.objects.create(
        title=title,
        kind="deploy",
        targets=[{"service": service}],
        author="sam",
        state="executing",
        source={"repository": "shop/" + service, "revision": "4f2a9c1"},
    )
    Change.objects.filter(pk=change.pk).update(created_at=at)
    change.refresh_from_db()
    _assess(change, level, at)
    return change


def _assess(change: Change, level: str, at: datetime) -> None:
    needed = {"low": 0, "medium": 1}.get(level, 2)
    assessment = Assessment.objects.create(
        change=change,
        version="1",
        at=at,
        level=level,
        score={"low": 18, "medium": 43, "high": 61}.get(level, 88),
        reach=0.64,
        hazard=0.3,
        likelihood=0.22,
        reversibility="reversible",
        policy={
            "source": f"default-1/{level}",
            "reject": False,
            "control_level": "L3",
            "approvals": needed,
            "approvers": [],
            "stages": [{"share": s, "min_s": 60, "gates": []} for s in SHARES],
            "on_inconclusive": "hold",
        },
        case={},
    )
    Signal.objects.create(
        assessment=assessment,
        signal_id="deploy:large-diff",
        severity="medium",
        summary="1,240 lines in 31 files are more than a reviewer reads with care",
        where="/diff/lines_added",
        why="The share of changes that fail grows with their size.",
        remedy="Split it: each part is judged by itself.",
    )
    if needed and change.state != "pending_approval":
        Approval.objects.create(change=change, actor="anna", answer="approve", at=at)


def _spec(change: Change, level: str, **more: Any) -> RolloutSpec:
    service = change.targets[0]["service"]
    return RolloutSpec(
        change_id=str(change.pk),
        title=change.title,
        kind="deploy",
        artefact=f"{service}/deploy/{service}",
        environment="production",
        team="shop",
        level=level,
        control_level=more.get("control_level", "L3"),
        stages=tuple(StageSpec(share, min_s=60) for share in SHARES),
        targets=(TargetSpec(service, "http", {"target": f"router-{service}"}, UNITS),),
        guardrails={service: [ERRORS, SLOW]},
        version="v2.8.0",
        previous_version="v2.7.4",
        interval_s=INTERVAL_S,
    )


# --- the scenes ------------------------------------------------------------------------------


def rolled_back() -> Scene:
    """Stage two failed; the loop took it back and the metric recovered."""
    it = Scene("checkout v2.8.0: new basket", "checkout", timedelta(minutes=9), phase="rolled_back")
    it.exposed((15, 0.05), (110, 0.25), (164, 0.0))
    it.stages((S.PASSED, 20, 105), (S.FAILED, 115, 150))
    it.measured(500, bad=0.052, bad_until=164)
    case = it.judged(150)
    it.decide("open", 10, "stage 1 of 4: every gate is open")
    it.decide("bake", 20, "5% observed on every placement")
    it.decide("promote", 105, "stage 1 passed after 85 s: harm_excluded")
    it.decide("open", 106, "stage 2 of 4: every gate is open")
    it.decide("bake", 115, "25% observed on every placement")
    it.decide("halt", 150, WHY, case=case)
    it.decide("rollback", 160, WHY, case=case)
    it.decide("rolled_back", 164, "observed exposure is zero on every placement")
    it.decide("recovered", 215, "errors: 0.21% after the rollback, 0.20% before")
    it.placement(0.0, 0.0)
    it.moments(halted_at=150, rolling_back_since=160, ended_at=164, recovered_at=215)
    finding(it, 0.93)
    return it


def finding(it: Scene, probability: float, origin: str = "judge") -> None:
    other = Change.objects.exclude(pk=it.change.pk).first()
    anomaly = Anomaly.objects.create(
        service=Service.objects.get(name=it.service),
        metric="errors",
        origin=origin,
        key=str(it.change.pk),
        started_at=it.at(120),
        detected_at=it.at(150),
        ended_at=it.at(215),
    )
    suspects = [
        {
            "change": str(it.change.pk),
            "probability": probability,
            "evidence": [
                {"kind": "canary", "summary": "canary errors 5.1% against 0.2%", "weight": 0.7},
                {"kind": "time", "summary": "exposed 5 s before the onset", "weight": 0.2},
            ],
            "vetoes": [],
        }
    ]
    if other is not None:
        suspects.append(
            {
                "change": str(other.pk),
                "probability": round(0.97 - probability, 2),
                "evidence": [],
                "vetoes": ["its own canary equals its control"],
            }
        )
    Finding.objects.create(
        anomaly=anomaly,
        at=it.at(155),
        case={},
        suspects=suspects,
        none_of_them=0.03,
        localized=[{"service": it.service, "metric": "errors", "score": 9.1}],
    )


def running(service: str = "catalog", title: str = "catalog v1.19.2: price cache") -> Scene:
    it = Scene(title, service, timedelta(minutes=3), level="low")
    it.exposed((15, 0.05), (90, 0.25))
    it.stages((S.PASSED, 20, 85), (S.BAKING, 95, None))
    it.measured(180)
    it.decide("bake", 20, "5% observed on every placement")
    it.decide("promote", 85, "stage 1 passed after 65 s: harm_excluded", case=it.judged(85))
    it.decide("bake", 95, "25% observed on every placement")
    it.placement(0.25, 0.25)
    Stage.objects.filter(rollout=it.rollout, index=1).update(
        reason="inconclusive: low_samples; errors: canary 0.20% of 3825 against control 0.20%"
    )
    return it


def halted() -> Scene:
    it = Scene("payments v5.1.0: retry on 502", "payments", timedelta(minutes=2), level="high")
    it.exposed((15, 0.05))
    it.stages((S.FAILED, 20, 110))
    it.measured(120, bad=0.03)
    it.decide("bake", 20, "5% observed on every placement")
    why = "harm_shown; errors: canary 3.02% of 810 against control 0.20% of 15390"
    it.decide("halt", 110, why, case=it.judged(110))
    it.hold("halted", why, 110)
    it.moments(halted_at=110)
    it.placement(0.05, 0.05)
    return it


def paused() -> Scene:
    it = Scene("search: rank by stock", "search", timedelta(minutes=14), level="medium")
    it.exposed((15, 0.05))
    it.stages((S.BAKING, 20, None))
    it.measured(120)
    it.decide("bake", 20, "5% observed on every placement")
    it.decide("pause", 60, "waiting for the data team", actor="olga")
    it.hold("paused", "waiting for the data team", 60, actor="olga")
    it.hold("source_lost", "no good read of search for 41 s: connection refused", 100)
    it.placement(0.05, 0.05)
    return it


def rollback_failed() -> Scene:
    it = Scene("search v9: new index", "search", timedelta(minutes=21), phase="rollback_failed")
    it.exposed((15, 0.05), (110, 0.25))
    it.stages((S.PASSED, 20, 105), (S.FAILED, 115, 150))
    why = "harm_shown; slow_requests: canary 9.30% of 1200 against control 3.00% of 3600"
    it.decide("halt", 150, why)
    it.decide("rollback", 160, why)
    it.decide("rollback_failed", 460, "not at zero after 300 s: router-search")
    it.placement(0.25, 0.0, confirmed=4, failures=11, last_error="HTTP 503 from the target")
    it.moments(halted_at=150, rolling_back_since=160)
    return it


def completed() -> Scene:
    it = Scene("catalog v1.19.1", "catalog", timedelta(minutes=55), level="low", phase="completed")
    it.exposed((15, 0.05), (90, 0.25), (160, 0.5), (230, 1.0))
    it.stages((S.PASSED, 20, 85), (S.PASSED, 95, 155), (S.WAIVED, 165, 225), (S.PASSED, 235, 300))
    it.decide("promote", 85, "stage 1 passed after 65 s: harm_excluded")
    it.decide("promote", 225, "the bake is long enough for me", actor="olga")
    it.decide("complete", 900, "watched to the end: nothing came up")
    it.placement(1.0, 1.0)
    it.moments(ended_at=900)
    return it


def needs_approval() -> Change:
    at = database_now() - timedelta(minutes=6)
    change = Change(
        title="payments: raise pool to 400 connections",
        kind="config",
        targets=[{"service": "payments"}],
        author="sam",
        state="pending_approval",
        reasons=["policy default-1/high asks for 2 approvals", "high: ×10 on a limit"],
    )
    change.save()
    _assess(change, "high", at)
    return change


def freeze() -> Freeze:
    now = database_now()
    return Freeze.objects.create(
        name="quarter-end",
        scope={"team": "finance"},
        reason="books are being closed",
        actor="ada",
        starts_at=now - timedelta(hours=5),
        ends_at=now + timedelta(hours=9),
    )


def everything() -> dict[str, Any]:
    people()
    services()
    made: dict[str, Any] = {"completed": completed(), "rollback_failed": rollback_failed()}
    made["rolled_back"] = rolled_back()
    made |= {"running": running(), "halted": halted(), "paused": paused()}
    made |= {"needs_approval": needs_approval(), "freeze": freeze()}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


def shadow() -> uuid.UUID:
    """Others deployed it; Graygate would have rolled it back."""
    service = Service.objects.create(name="invoices", team="shop", tier=2)
    Guardrail.objects.create(name="errors", service=service, spec=ERRORS)
    production = Production(service)
    production.submit(
        {
            "title": "invoices 3.1.0",
            "kind": "deploy",
            "environment": "production",
            "targets": [{"service": "invoices"}],
            "artefact": {"image": "shop/invoices:3.1.0"},
            "before": {"image": "shop/invoices:3.0.9"},
        }
    )
    production.run(3)
    production.run(30, canary=(10, 50))
    return production.change.pk
