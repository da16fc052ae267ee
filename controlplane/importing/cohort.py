"""Which matchers of a query say "the canary": `$cohort` takes their place. PURE."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controlplane.importing.promql import PLACEHOLDER
from controlplane.importing.tree import Matcher, Node, Selector, mapped

# Labels by which versions of one service are told apart.
VERSION_LABELS = frozenset(
    {
        *("version", "app_version", "service_version", "destination_version", "source_version"),
        *("pod_template_hash", "rollouts_pod_template_hash", "label_rollouts_pod_template_hash"),
        *("revision", "destination_canonical_revision", "app_kubernetes_io_version", "track"),
        *("rollout_hash", "build_version", "image_tag", "canary"),
    }
)
# Placeholders that say where, not which version.
_SURROUNDINGS = re.compile(
    r"(name_?-?space|cluster|env(ironment)?|region|zone|location|project|job|host|domain|"
    r"ingress|port|path|route|interval|duration|step|account|tenant|data-?center)$",
    re.IGNORECASE,
)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]*")


@dataclass
class Cohorts:
    """`values`: what is known of placeholders, by the name within the braces. `canary`: names of
    placeholders that always mean the canary, known or not.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    canary: frozenset[str] = frozenset()
    remarks: list[str] = field(default_factory=list)

    def told(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)

    def put_in(self, tree: Node) -> Node:
        return mapped(tree, lambda node: self._one(node) if isinstance(node, Selector) else node)

    def _one(self, selector: Selector) -> Selector:
        filled = [self._filled(each) for each in selector.matchers]
        versions = [each for each in filled if each.label in VERSION_LABELS]
        canary = versions or [each for each in filled if self._is_canary(each)]
        kept = [each for each in filled if each not in canary]
        for each in [each for each in kept if PLACEHOLDER.search(each.quoted)]:
            kept.remove(each)
            self.told(
                f"the matcher {each} was left out: what stands for it is not known; "
                "give it as NAME=VALUE to keep it"
            )
        for each in canary:
            self.told(
                f"the matcher {each} became $cohort: the service's cohorts tell canary "
                f"from control by {each.label}{self._of_canary(each)}"
            )
        if not canary:
            self.told(
                "$cohort was added to a query that said nothing of versions: every series "
                "of it has to carry the labels of the service's cohorts"
            )
        return replace(
            selector,
            matchers=tuple(kept),
            cohort=True,
            window=self.filled_text(selector.window),
        )

    def _of_canary(self, matcher: Matcher) -> str:
        """What it says of the canary, where that is known."""
        filled = matcher._replace(quoted=self.filled_text(matcher.quoted))
        known = filled != matcher and not PLACEHOLDER.search(filled.quoted)
        return f"; of the canary it is {filled}" if known else ""

    def _filled(self, matcher: Matcher) -> Matcher:
        if any(name_of(hole) in self.canary for hole in PLACEHOLDER.findall(matcher.quoted)):
            return matcher
        return matcher._replace(quoted=self.filled_text(matcher.quoted))

    def filled_text(self, text: str) -> str:
        def known(hole: re.Match[str]) -> str:
            value = self.values.get(name_of(hole[0]))
            return hole[0] if value is None else value.replace("\\", "\\\\").replace('"', '\\"')

        return PLACEHOLDER.sub(known, text)

    def _is_canary(self, matcher: Matcher) -> bool:
        names = [name_of(hole) for hole in PLACEHOLDER.findall(matcher.quoted)]
        if any(name in self.canary for name in names):
            return True
        return any(not _SURROUNDINGS.search(name) for name in names)


def name_of(hole: str) -> str:
    """`{{ args.service-name }}` → service-name; `${scope}` → scope."""
    inner = hole.strip("${} -").strip()
    inner = inner.removeprefix("args.").removeprefix("inputs.").removeprefix(".")
    match = _NAME.match(inner)
    return match[0] if match else inner
