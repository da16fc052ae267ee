"""Label, tone and sign of every state, hold, level and decision: in one place, so that a colour
never stands alone and never means two things.
"""

import re
from dataclasses import dataclass

from rollout.machine import ChangeState, HoldKind, Phase, StageState


@dataclass(frozen=True)
class Word:
    label: str
    # "good" | "bad" | "warn" | "live" | "quiet": the only things a colour may say.
    tone: str = "quiet"
    sign: str = "○"
    # One sentence for the person who meets the word for the first time.
    meaning: str = ""


STATES: dict[str, Word] = {
    ChangeState.SUBMITTED: Word("Submitted", "quiet", "○", "Waits to be assessed."),
    ChangeState.ASSESSING: Word("Assessing", "live", "◐", "Its risk is being worked out."),
    ChangeState.PENDING_APPROVAL: Word("Needs approval", "warn", "?", "Waits for a person."),
    ChangeState.REJECTED: Word("Rejected", "bad", "✕", "It was never carried out."),
    ChangeState.APPROVED: Word("Approved", "live", "✓", "Allowed; about to be handed over."),
    ChangeState.SCHEDULED: Word("Scheduled", "quiet", "◷", "Waits for its window."),
    ChangeState.EXECUTING: Word("Executing", "live", "▶", "Being carried out."),
    ChangeState.EXTERNAL: Word("External", "live", "↗", "Carried out elsewhere; observed here."),
    ChangeState.SUCCEEDED: Word("Succeeded", "good", "✓", "Carried out elsewhere, and well."),
    ChangeState.FAILED: Word("Failed", "bad", "✕", "Carried out elsewhere, and badly."),
    ChangeState.UNKNOWN: Word("Unknown", "warn", "?", "Nobody said how it ended."),
    ChangeState.EXPIRED: Word("Expired", "quiet", "–", "Nobody approved it in time."),
    ChangeState.CANCELED: Word("Canceled", "quiet", "–", "Taken back before it began."),
    Phase.PENDING: Word("Waiting to start", "quiet", "○", "Handed over; no exposure yet."),
    Phase.RUNNING: Word("Running", "live", "▶", "Exposure grows stage by stage."),
    Phase.WATCHING: Word(
        "Watching", "live", "◉", "All stages passed; the old version is still kept."
    ),
    Phase.ROLLING_BACK: Word("Rolling back", "bad", "↩", "Exposure is going to zero."),
    Phase.ROLLED_BACK: Word("Rolled back", "bad", "↩", "Exposure was observed at zero."),
    Phase.ROLLBACK_FAILED: Word(
        "Rollback failed", "bad", "!", "Exposure did not reach zero. A person has to act."
    ),
    Phase.WRITTEN_OFF: Word("Written off", "warn", "–", "Two people took the failed rollback."),
    Phase.COMPLETED: Word("Completed", "good", "✓", "Fully exposed and watched to the end."),
    HoldKind.HALTED: Word("Halted", "bad", "■", "Evidence or a serious suspicion stopped it."),
    HoldKind.PAUSED: Word("Paused", "warn", "‖", "A person stopped it."),
}

HOLDS: dict[str, Word] = {
    HoldKind.PAUSED: STATES[HoldKind.PAUSED],
    HoldKind.HALTED: STATES[HoldKind.HALTED],
    HoldKind.SUSPECTED: Word(
        "Suspected", "warn", "■", "Attribution suspects it: it ends by itself when it is cleared."
    ),
    HoldKind.TELLING_APART: Word(
        "Telling apart", "warn", "⇄", "Two suspects are told apart: it ends by itself."
    ),
    HoldKind.FROZEN: Word("Frozen", "warn", "*", "A freeze is in force."),
    HoldKind.COMMON_CAUSE: Word(
        "Held with others", "warn", "☍", "Others fail together: a person lets it go on."
    ),
    HoldKind.SOURCE_LOST: Word(
        "Metrics lost", "warn", "?", "The metric source does not answer: nothing grows blindly."
    ),
    HoldKind.DRIFT: Word("Drift", "warn", "≠", "Somebody cut the exposure by hand."),
    HoldKind.UNKNOWN_OUTCOME: Word("Outcome unknown", "bad", "?", "A call may have landed or not."),
}

STAGES: dict[str, Word] = {
    StageState.PENDING: Word("to come", "quiet", "○"),
    StageState.PRE_CHECK: Word("checking gates", "live", "◔"),
    StageState.APPLYING: Word("applying", "live", "◑"),
    StageState.BAKING: Word("baking", "live", "◕"),
    StageState.PASSED: Word("passed", "good", "✓"),
    StageState.FAILED: Word("failed", "bad", "✕"),
    StageState.WAIVED: Word("waived by a person", "warn", "✓"),
    StageState.SKIPPED: Word("skipped", "warn", "»"),
    StageState.STOPPED: Word("stopped", "quiet", "–"),
}

LEVELS: dict[str, Word] = {
    "low": Word("low risk", "good", "◔"),
    "medium": Word("medium risk", "quiet", "◑"),
    "high": Word("high risk", "warn", "◕"),
    "critical": Word("critical risk", "bad", "●"),
}

CONTROL_LEVELS: dict[str, Word] = {
    "L0": Word("observe", meaning="Graygate watches and does nothing."),
    "L1": Word("gate", meaning="Graygate allows or rejects; others carry it out."),
    "L2": Word("staged by hand", meaning="A person promotes each stage."),
    "L3": Word("automatic halt and rollback", meaning="Stages, halt and rollback by evidence."),
    "L4": Word("unattended", meaning="Nobody has to look."),
}

VERDICTS: dict[str, Word] = {
    "pass": Word("pass", "good", "✓"),
    "fail": Word("fail", "bad", "✕"),
    "inconclusive": Word("inconclusive", "quiet", "…"),
}

REASONS: dict[str, str] = {
    "harm_shown": "harm is shown",
    "harm_excluded": "harm is excluded",
    "harm_suspected": "harm is suspected, not shown",
    "not_excluded": "harm is not excluded yet",
    "settling": "still settling",
    "unsteady": "harm was seen at 100% and did not last: not held against the change",
    "unconfirmed": "harm has only just begun, and the control may not have been read since: "
    "it counts if the next interval does not clear it",
    "no_data": "no data yet",
    "silent_canary": "the canary is silent while the control reports",
    "low_samples": "too few samples yet",
    "source_error": "the metric source failed",
    "silenced": "the guardrail is silenced: it neither passes nor fails",
    "no_base": "nobody has had any yet, and no multiple of nothing can be excluded: "
    "a margin_abs on the guardrail would let it pass",
    "not_foretold": "no time is told: only of ratios, and of harm in one direction",
    "not_observable": "no guardrail watches it",
    "not_exposed": "not exposed yet",
}

TOKEN = re.compile(rf"\b({'|'.join(REASONS)})\b")

DECISIONS: dict[str, Word] = {
    "create": Word("Created", "quiet", "○"),
    "start": Word("Started", "live", "▶"),
    "open": Word("Stage opened", "live", "◑"),
    "bake": Word("Baking", "live", "◕"),
    "promote": Word("Promoted", "good", "✓"),
    "watch": Word("All stages passed", "good", "◉"),
    "complete": Word("Completed", "good", "✓"),
    "hold": Word("Held", "warn", "‖"),
    "release": Word("Hold released", "live", "▶"),
    "reassert": Word("Set down again", "warn", "≠"),
    "halt": Word("Halted", "bad", "■"),
    "suspect": Word("Halted on suspicion", "warn", "■"),
    "clear": Word("Suspicion lifted", "good", "▶"),
    "rollback": Word("Rollback ordered", "bad", "↩"),
    "rolled_back": Word("Exposure is zero", "bad", "↩"),
    "rollback_failed": Word("Rollback failed", "bad", "!"),
    "reappeared": Word("Exposure came back", "bad", "!"),
    "recovered": Word("Metric recovered", "good", "✓"),
    "not_recovered": Word("Not recovered", "warn", "?"),
    "tell_apart": Word("Held, to tell apart", "warn", "⇄"),
    "step_down": Word("Stepped down, to tell apart", "warn", "⇄"),
    "pause": Word("Paused", "warn", "‖"),
    "resume": Word("Resumed", "live", "▶"),
    "abort": Word("Aborted", "bad", "↩"),
    "retry": Word("Retried", "live", "↻"),
    "accept": Word("Accepted", "warn", "–"),
    "undo": Word("Undone", "warn", "↩"),
    "cancel": Word("Canceled", "quiet", "–"),
    "superseded": Word("Superseded", "quiet", "»"),
    "watch_only": Word("Watched only", "quiet", "◌"),
    "seen": Word("Seen in production", "live", "▶"),
    "seen_full": Word("Seen everywhere", "live", "◕"),
    "unseen": Word("Never seen", "quiet", "–"),
    "watched": Word("Watched to the end", "good", "✓"),
    "taken_out": Word("Taken out by others", "warn", "↩"),
    "would_halt": Word("Would have halted", "bad", "◇"),
    "would_suspect": Word("Would have halted on suspicion", "warn", "◇"),
    "would_rollback": Word("Would have rolled back", "bad", "◇"),
}


def in_words(reason: str) -> str:
    """The judge's and the loop's tokens as words; figures and names stay as they are."""
    return TOKEN.sub(lambda found: REASONS.get(found[0], found[0]), reason)


def word_of(words: dict[str, Word], key: str) -> Word:
    """A word that is in no table is shown as it is: a new state must not break a page."""
    return words.get(key) or Word(key.replace("_", " "))
