"""What is broken on purpose when a schedule has ended, to see that the check of it notices."""

from collections.abc import Callable
from dataclasses import replace

from django.db import connection

from controlplane.models import Change
from rollout.models import Delivery, OutboxMessage, Placement, Stage
from tests.chaos import checks, rows
from tests.chaos.balancer import Seen
from tests.chaos.findings import Findings
from tests.chaos.mail import Mail
from tests.chaos.schedule import Part, Schedule


def rolled_back(schedule: Schedule) -> Part:
    return next(part for part in schedule.parts if part.phase == "rolled_back")


def weight_by_hand(schedule: Schedule) -> None:
    service = rolled_back(schedule).actor.service
    schedule.production.balancer.set_share(service, 40)


def delivery_dropped(_schedule: Schedule) -> None:
    Delivery.objects.filter(message__type="rollout.rolled_back").delete()


def message_dropped(_schedule: Schedule) -> None:
    OutboxMessage.objects.filter(type="rollout.rolled_back").delete()


def answer_forgotten(schedule: Schedule) -> None:
    """As if the receiver had never seen what counts as delivered."""
    schedule.production.receiver.log.clear()


def sent_again(schedule: Schedule) -> None:
    log = schedule.production.receiver.log
    log += [one for one in log if one.code == 204]
    schedule.struck.clear()


def entry_altered(_schedule: Schedule) -> None:
    """Behind the trigger, as only a superuser can."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rollout_decision DISABLE TRIGGER USER")
        cursor.execute("UPDATE rollout_decision SET actor = 'nobody' WHERE decision = 'open'")
        cursor.execute("ALTER TABLE rollout_decision ENABLE TRIGGER USER")


def generation_open(_schedule: Schedule) -> None:
    Placement.objects.update(confirmed_generation=0)


def passed_by_itself(schedule: Schedule) -> None:
    """A stage that was stopped counts as passed, behind the trigger."""
    rollout = rows.rollout_of(rolled_back(schedule).title)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rollout_stage DISABLE TRIGGER USER")
        Stage.objects.filter(rollout=rollout, index=1).update(state="passed")
        cursor.execute("ALTER TABLE rollout_stage ENABLE TRIGGER USER")


def there_twice(schedule: Schedule) -> None:
    change = Change.objects.get(title=schedule.wishes[0])
    change.pk = None
    change.id = type(change)().id
    change.save(force_insert=True)


def seen_above(schedule: Schedule) -> None:
    service = schedule.parts[0].actor.service
    schedule.production.balancer.seen.append(Seen(schedule.began + 0.001, service, 0.9))


# Name: how; and the check that has to notice, with words of what it says.
BREAKS: dict[str, tuple[Callable[[Schedule], None], str, str]] = {
    "seen_above": (seen_above, "never above", "was ordered"),
    "sent_again": (sent_again, "doubles", "sent again"),
    "answer_forgotten": (answer_forgotten, "alerts", "never took it"),
    "delivery_dropped": (delivery_dropped, "alerts", "never delivered"),
    "message_dropped": (message_dropped, "news", "in no message"),
    "entry_altered": (entry_altered, "chain", "was altered"),
    "generation_open": (generation_open, "confirmed", "generation"),
    "passed_by_itself": (passed_by_itself, "stages", "no decision"),
    "there_twice": (there_twice, "once", "2 times"),
    # The last: Graygate sees it too, and takes it back.
    "weight_by_hand": (weight_by_hand, "zero", "HAProxy at"),
}


def biting(schedule: Schedule, tell: Callable[[str], None]) -> int:
    """0: each break is noticed by its check, which says so for the first time."""
    known, missed = texts(schedule), []
    for name, (do, check_name, words) in BREAKS.items():
        do(schedule)
        found = texts(schedule)
        new = [t for t in found - known if t.startswith(f"{check_name}: ") and words in t]
        known |= found
        tell(f"noticed {name}: {new[0]}" if new else f"NOT NOTICED: {name}")
        missed += [] if new else [name]
    return 1 if missed else 0


def texts(schedule: Schedule) -> set[str]:
    """What all the checks say of it now."""
    findings = Findings()
    checks.check(replace(schedule, findings=findings))
    for title in schedule.wishes:
        findings.look("once", schedule.plan.seed, checks.there_once(title))
    mail = Mail(schedule.production, findings, struck=list(schedule.struck), patience_s=1.0)
    mail.end(schedule.plan.seed)
    return {text for _, text in findings.violations}
