"""What the names in a policy promise: words of the trade, never of one platform."""

from collections.abc import Iterable

from controlplane.risk import names
from controlplane.risk.names import vocabulary

MINORS = vocabulary(
    "minor minors child children kid kids teen teens underage csam csae grooming minorsafety "
    "minorprotection minage minimumage agegate agelimit ageverification"
)
HARM = MINORS | vocabulary(
    "abuse abusive spam hate hateful harassment bully bullying violence violent gore graphic "
    "selfharm suicide nsfw nudity sexual porn adult terror terrorism extremism extremist "
    "misinformation disinformation scam fraud phishing malware toxic toxicity threat threats "
    "exploitation harm harmful"
)
SAFETY = HARM | vocabulary("safety safe integrity moderation safeguard protection protected")
WEIGHT = vocabulary(
    "weight weights boost boosts coefficient coefficients multiplier multipliers penalty penalties"
)
THRESHOLD = vocabulary(
    "threshold thresholds cutoff score min minimum max maximum limit limits sensitivity "
    "strictness tolerance confidence age"
)
# Of these less is looser; of a score of harm more is.
LESS_IS_LOOSER = vocabulary(
    "sensitivity strictness age minage minimumage minsafety minimumsafety minsafe mintrust "
    "minintegrity"
)
SHARE = vocabulary(
    "audience rollout exposure share traffic percent percentage pct population treatment"
)
PERCENT = vocabulary("percent percentage pct")
EVERYBODY = vocabulary("all everyone everybody global public any")
ENABLED = vocabulary("enabled enable active on enforce enforced")
DISABLED = vocabulary("disabled disable paused muted dryrun shadow")
ACTION = vocabulary("action actions mode enforcement decision verdict outcome treatment")
BLOCKED = vocabulary(
    "block blocked blocklist blacklist banned denied deny denylist terms keywords prohibited"
)
REPORTS = vocabulary("report reports reported reporting complaint complaints appeal appeals flag")
REACH = vocabulary("creator creators author authors publisher publishers reach distribution")

# From what keeps nobody from seeing it to what takes it away.
STRENGTH = {
    **dict.fromkeys(("none", "allow", "log", "monitor", "shadow", "off", "ignore", "pass"), 0),
    **dict.fromkeys(("warn", "label", "flag", "review", "notify"), 1),
    **dict.fromkeys(
        ("limit", "demote", "downrank", "hide", "blur", "restrict", "age_gate", "quarantine"), 2
    ),
    **dict.fromkeys(
        ("remove", "block", "delete", "reject", "ban", "deny", "suspend", "enforce"), 3
    ),
}


def all_words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(names.words(text) for text in texts))
