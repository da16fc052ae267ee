"""`python -m demo`: a whole Graygate, a fleet to release on, and the story."""

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from demo.api import Api
from demo.brokers import KINDS, Broker
from demo.cast import Round, cast
from demo.choice import ANSWERS, choose
from demo.folder import ROOT, FolderError
from demo.launcher import Options, Running, export_cases, running
from demo.outcome import Check, checks, first_rollback
from demo.parts import PartLostError
from demo.played import Played, culprit_of, section_of
from demo.production import Production
from demo.programs import MissingPartError
from demo.screen import Screen
from demo.setting import register
from demo.story import Story
from demo.told import Pages, anomalies_since, may_have_done, telling

# Of which a third, 20 a second, meets the canary of a first stage.
DEFAULT_RATE = 60.0
# Told at length, and only when asked for.
FIVE_AT_ONCE = 4


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the story; exit 0 if told")
    parser.add_argument("--seed", type=int, help="who is bad, how, in which order")
    parser.add_argument("--rounds", default="1,2,3", help="which rounds to play; 4: five at once")
    parser.add_argument(
        "--real",
        choices=ANSWERS,
        default="auto",
        help="through HAProxy, Prometheus and Alertmanager; auto: if all of them are here",
    )
    parser.add_argument(
        "--broker", choices=KINDS, default="files", help="of the demo's own; files: no server"
    )
    parser.add_argument("--processes", type=int, default=1, help="of web and of worker, each")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE, help="visitors a second")
    parser.add_argument("--var", type=Path, default=ROOT / "var" / "demo", help="its own folder")
    parser.add_argument("--cases", type=Path, help="file for what attribution saw, with the answer")
    given = parser.parse_args()
    if not set(given.rounds.split(",")) <= {"1", "2", "3", "4"}:
        parser.error("--rounds is a list such as 1,3 or 4")
    if given.processes < 1:
        parser.error("--processes is 1 or more")
    if given.seed is None:
        given.seed = secrets.randbelow(100_000)
    return given


def end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    given = arguments()
    # Ended by a supervisor or by Ctrl-C: in both cases everything is taken down in order.
    signal.signal(signal.SIGTERM, end)
    screen = Screen()
    screen.note(f"seed {given.seed}")
    worker = os.environ.get("GRAYGATE_DEMO_WORKER", "controlplane.celery")
    try:
        chosen = choose(given.real, screen.note)
        options = Options(
            seed=given.seed,
            var=given.var.resolve(),
            rate=given.rate,
            infrastructure=chosen,
            broker=Broker(given.broker),
            processes=given.processes,
            worker_app=worker,
        )
        with running(options, screen.note) as graygate:
            told = tell(given, graygate, screen)
            if not given.once:
                stay(graygate, screen.note)
    except KeyboardInterrupt:
        screen.note("ended by hand")
        return 130
    except (FolderError, MissingPartError, PartLostError, OSError, RuntimeError) as error:
        screen.note(f"the demo could not go on: {error}")
        return 1
    return 0 if told else 1


def tell(given: argparse.Namespace, graygate: Running, screen: Screen) -> bool:
    chosen = graygate.infrastructure
    admin = graygate.users["admin"]
    screen.note(f"{graygate.url}  login {admin['user']}  password {admin['password']}")
    api = Api(graygate.url, {role: user["token"] for role, user in graygate.users.items()})
    world = chosen.world(Production(graygate.fleet, graygate.secret))
    register(api, graygate.fleet, chosen)
    story = Story(api, world, screen, graygate.parts, chosen)
    pages = Pages(graygate.url, admin["user"], admin["password"])
    found: list[Check] = []
    for scene in cast(given.seed):
        if str(scene.number) in given.rounds.split(","):
            up_at = None if found else graygate.up_at
            found += play(scene, story, pages, up_at, answers=bool(given.cases))
    if given.cases:
        export_cases(graygate, given.cases.resolve())
    held = sum(check.holds for check in found)
    screen.note(f"seed {given.seed}: {held} of {len(found)} expectations held")
    return held == len(found)


def play(
    scene: Round, story: Story, pages: Pages, up_at: float | None, *, answers: bool
) -> list[Check]:
    """One round. `up_at`: of the first one, when the services were up."""
    story.screen.open(scene)
    played = story.play(scene)
    seen = list(checks(scene, played, story.world))
    first = first_rollback(played, story.world, up_at) if up_at else None
    seen += [first] if first else []
    seen += read_back(scene, played, story, pages)
    story.screen.table(f"Round {scene.number}", seen)
    if answers:
        say_what_it_was(scene, played, story)
    story.settle(played)
    return seen


def read_back(
    scene: Round, played: Sequence[Played], story: Story, pages: Pages
) -> Iterator[Check]:
    """What Graygate itself tells of it, where the round is about that."""
    culprit = culprit_of(played)
    if scene.number == FIVE_AT_ONCE and culprit:
        yield from telling(story.api, pages, culprit, began_at(scene, story))


def say_what_it_was(scene: Round, played: Sequence[Played], story: Story) -> None:
    """The story knows, and says so as an SRE would: what is exported then has true answers."""
    culprit = culprit_of(played)
    for anomaly in anomalies_since(story.api, began_at(scene, story)):
        guilty = culprit if culprit and may_have_done(culprit, anomaly) else None
        body = {"change": guilty.change if guilty else None, "note": "the story made it so"}
        story.api.post(f"anomalies/{anomaly['id']}/feedback", body, "operator")


def began_at(scene: Round, story: Story) -> float:
    return float(story.world.production.report(section_of(scene))["started_at"])


def stay(graygate: Running, tell_line: Callable[[str], None]) -> None:
    tell_line(f"{graygate.url} stays up until Ctrl-C")
    while True:
        graygate.parts.check()
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
