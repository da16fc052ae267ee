"""What tests start from. Lifecycles are executable: a change in some state has gone there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import factory
from django.contrib.auth.models import User

from attribution.clock import database_now
from attribution.models import Guardrail, Service
from controlplane import intake
from controlplane.access import Role, give_role, scopes_of
from controlplane.models import Change
from controlplane.tokens import issue
from rollout import services
from rollout.evidence import Gathered
from rollout.executors.base import executor
from rollout.models import Rollout
from rollout.reconcile import World, reconcile_due
from rollout.snapshot import Evidence

GOOD = Evidence(verdict="pass", reason="passed", samples=10_000, fresh=True)
BAD = Evidence(verdict="fail", reason="errors", log_e=9.0, log_e_max=9.0, samples=10_000)
PASSWORD = "a long enough password"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user-{n}")

    @factory.post_generation
    def role(self, _create, given, **_more):
        self.set_password(PASSWORD)
        self.save()
        give_role(self, given or Role.VIEWER)


def token_of(role: str, name: str | None = None, scopes: Iterable[str] | None = None) -> str:
    """A token of a (new, or so named) user with that role; all its scopes unless told."""
    user = User.objects.filter(username=name).first() if name else None
    user = user or UserFactory(role=Role(role), **({"username": name} if name else {}))
    return issue(user, scopes_of(user) if scopes is None else scopes, "a test's")[1]


class ServiceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Service

    name = factory.Sequence(lambda n: f"service-{n}")
    team = "shop"
    units = factory.LazyFunction(lambda: [f"u{n}" for n in range(20)])
    cohorts = factory.LazyFunction(lambda: {"canary": 'track="canary"', "control": 'track="old"'})
    executor = factory.LazyFunction(lambda: {"name": "dryrun", "config": {}})
    # Nothing is held back for want of trust, unless a test says so.
    control_level = "L4"


def guardrail_spec(**given) -> dict:
    return {
        "name": "errors",
        "kind": "ratio",
        "events": 'requests_total{code=~"5..",$cohort}',
        "total": "requests_total{$cohort}",
        "direction": "increase",
    } | given


class GuardrailFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Guardrail

    name = "errors"
    service = factory.SubFactory(ServiceFactory)
    spec = factory.LazyAttribute(lambda row: guardrail_spec(name=row.name))


def submission(service: str, **given) -> dict:
    """A deployment that is as harmless as one can be: same image, next patch version."""
    image = f"registry.example/{service}"
    return {
        "title": f"{service} 1.0.1",
        "kind": "deploy",
        "environment": "production",
        "targets": [{"service": service}],
        "artefact": {"image": f"{image}:1.0.1@sha256:{'b' * 64}"},
        "before": {"image": f"{image}:1.0.0@sha256:{'a' * 64}"},
        "plan": {"stages": [{"share": 0.25, "min_s": 5}, {"share": 1.0, "min_s": 5}]},
    } | given


def risky(service: str, **given) -> dict:
    """A tag that moves is high risk, and asks for approvals."""
    artefact = {"image": f"registry.example/{service}:latest"}
    return submission(service, artefact=artefact, plan={}) | given


@dataclass
class Journey:
    """One change on its way. Rows, locks, triggers and the executor are the real ones; the
    clock of the loop is turned by hand and its evidence is said by the test.
    """

    author: str = "ann"
    service: Service = field(default_factory=ServiceFactory)
    evidence: Evidence = GOOD
    offset: timedelta = timedelta()
    change: Change | None = None

    @property
    def rollout(self) -> Rollout:
        self.change.refresh_from_db()
        return Rollout.objects.get(pk=self.change.rollout_id)

    def guard(self) -> None:
        GuardrailFactory(service=self.service)

    def submit(self) -> None:
        self.change = intake.submit(submission(self.service.name), self.author)

    def submit_risky(self) -> None:
        self.change = intake.submit(risky(self.service.name), self.author)

    def reject(self) -> None:
        intake.decide_change(self.change.pk, "rex", "reject", "too late in the day")

    def approve(self) -> None:
        for name in ("ben", "cleo"):
            intake.decide_change(self.change.pk, name, "approve")

    def cancel(self) -> None:
        intake.cancel(self.change.pk, self.author)

    def hand_over(self) -> None:
        intake.advance_changes()

    def tick(self, seconds: float = 0, times: int = 1) -> None:
        for _ in range(times):
            self.offset += timedelta(seconds=seconds)
            reconcile_due(World(executor, self._gather, self._now, lambda _name: None, lease_s=20))

    def wait(self) -> None:
        self.tick(seconds=15, times=4)

    def wait_long(self) -> None:
        self.tick(seconds=700, times=2)
        self.hand_over()

    def go_bad(self) -> None:
        self.evidence = BAD

    def pause(self) -> None:
        services.pause(self.rollout.pk, "olga", "lunch")

    def _gather(self, _rollout, _now) -> Gathered:
        return Gathered(self.evidence)

    def _now(self):
        return database_now() + self.offset


Step = Callable[[Journey], None]
APPROVED: tuple[Step, ...] = (Journey.guard, Journey.submit)
PENDING_APPROVAL: tuple[Step, ...] = (Journey.guard, Journey.submit_risky)
HANDED_OVER = (*APPROVED, Journey.hand_over)
RUNNING = (*HANDED_OVER, Journey.tick)
HALTED = (*HANDED_OVER, Journey.go_bad, Journey.tick)

LIFECYCLES: dict[str, tuple[Step, ...]] = {
    "approved": APPROVED,
    "pending_approval": PENDING_APPROVAL,
    "rejected": (*PENDING_APPROVAL, Journey.reject),
    "canceled": (*PENDING_APPROVAL, Journey.cancel),
    "handed_over": HANDED_OVER,
    "paused": (*HANDED_OVER, Journey.pause),
    "running": RUNNING,
    "rolled_back": (*HALTED, Journey.wait),
    "completed": (*RUNNING, Journey.wait, Journey.wait_long),
}


def journey(lifecycle: str, **given) -> Journey:
    """A journey that has walked all steps of that lifecycle."""
    found = Journey(**given)
    for step in LIFECYCLES[lifecycle]:
        step(found)
    return found
