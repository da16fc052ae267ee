"""Plays the rounds: hands changes in, lets production run, and watches what becomes of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo import submission
from demo.api import Api, ApiError
from demo.attendant import Attendant
from demo.cast import QUIRK, Round
from demo.fleet.layout import FIRST_VERSION, SERVICES
from demo.infrastructure import Alarm, Infrastructure, World
from demo.parts import Parts
from demo.played import Played, section_of
from demo.screen import Screen

LAST_LOOK_S = 15.0
LOOK_EVERY_S = 1.0
# Approvers in the order in which they are asked; the author is none of them.
APPROVERS = ("approver", "operator", "admin")


@dataclass
class Story:
    api: Api
    world: World
    screen: Screen
    parts: Parts
    infrastructure: Infrastructure
    versions: dict[str, str] = field(default_factory=lambda: dict.fromkeys(SERVICES, FIRST_VERSION))

    def play(self, scene: Round) -> list[Played]:
        with self.screen.live():
            return self._play(scene)

    def _play(self, scene: Round) -> list[Played]:
        self.world.production.mark(section_of(scene))
        culprit = scene.culprit
        if culprit and scene.fault:
            # The new version is broken before anybody meets it.
            self.world.production.inject(culprit.service, scene.fault)
        for actor in scene.actors:
            if actor.quirky:
                self.world.production.inject(actor.service, QUIRK)
        played = self._submit(scene)
        self._follow(scene, played)
        bad = next((p for p in played if p.actor is culprit), None)
        if bad and bad.decision.get("decision") == "rolled_back":
            self._await_resolution(bad)
            self._look(bad)
        return played

    def settle(self, played: Sequence[Played]) -> None:
        """What completed is the stable version from now on; every canary is clean again."""
        for each in played:
            if each.decision.get("decision") == "completed" and each.actor.kind == "deploy":
                self.versions[each.actor.service] = each.version
        for service in SERVICES:
            self.world.production.settle(service, self.versions[service])

    def _submit(self, scene: Round) -> list[Played]:
        played = []
        for actor, pause in zip(scene.actors, scene.pauses, strict=True):
            time.sleep(pause)
            version = self.versions[actor.service]
            following = submission.next_version(version)
            self.world.edge.prepare(actor.service, following if actor.kind == "deploy" else version)
            chosen = self.infrastructure
            body = submission.body(actor, version, chosen.pace, chosen.source)
            change = self.api.post("changes", body, "submitter")
            each = Played(actor, change["change"], body["title"], following)
            self._approve(each)
            self.screen.submitted(each)
            played.append(each)
        return played

    def _approve(self, each: Played) -> None:
        for approver in APPROVERS:
            self._look(each)
            if each.decision["decision"] != "needs_approval":
                return
            body = {"reason": "the story goes on"}
            self.api.post(f"changes/{each.change}/approve", body, approver)

    def _look(self, each: Played) -> None:
        each.decision = self.api.get(f"changes/{each.change}/decision")
        if rollout := each.decision.get("rollout"):
            each.rollout = self.api.get(f"rollouts/{rollout}")
            if self.screen.is_live:
                each.shown = each.shown or self.api.get(f"changes/{each.change}")
                each.series = self.api.get(f"rollouts/{rollout}/series")

    def _follow(self, scene: Round, played: list[Played]) -> None:
        alarm, attendant = self._alarm(scene), Attendant(self.api, self.infrastructure.pace)
        until = time.monotonic() + self.infrastructure.pace.round_patience_s * scene.long
        while time.monotonic() < until:
            self.parts.check()
            self._look_at_all(played)
            self.screen.show(played)
            self._look_at_alerts(alarm)
            if all(each.ended for each in played) and not (alarm and alarm.firing):
                return
            self._attend(attendant, played)
            if any(each.wronged(scene.forgiven) for each in played):
                # It cannot end well any more: see what becomes of the others, and say so.
                until = min(until, time.monotonic() + LAST_LOOK_S)
            time.sleep(LOOK_EVERY_S)

    def _look_at_all(self, played: list[Played]) -> None:
        try:
            for each in played:
                self._look(each)
        except (ApiError, OSError) as error:
            # A worker or the web may be on its way up again; the deadline ends it.
            self.screen.note(f"the API does not answer: {error}")

    def _attend(self, attendant: Attendant, played: list[Played]) -> None:
        try:
            for told in attendant.look(played):
                self.screen.note(told)
        except (ApiError, OSError) as error:
            # What moved meanwhile is refused; the next look sees it as it is.
            self.screen.note(f"not promoted: {error}")

    def _alarm(self, scene: Round) -> Alarm | None:
        if not scene.alerting:
            return None
        return self.infrastructure.alarm(self.world.production, self.api, scene.alerting)

    def _look_at_alerts(self, alarm: Alarm | None) -> None:
        for each in self.world.on_call:
            each.look()
        if alarm and (told := alarm.look()):
            self.screen.note(told)

    def _await_resolution(self, culprit: Played) -> None:
        """The page of a rollback resolves when the metric has recovered: that takes a while."""
        until = time.monotonic() + self.infrastructure.pace.page_patience_s
        while time.monotonic() < until:
            self._look_at_alerts(None)
            if all(each.resolved(culprit.change) for each in self.world.on_call):
                return
            self.parts.check()
            time.sleep(LOOK_EVERY_S)
