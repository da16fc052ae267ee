"""Plain values → YAML text: the same bytes for the same values, and read back the same. PURE."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from controlplane.configuration.texts import NUMBER


class _Dumper(yaml.SafeDumper):
    """Quotes what is no text to YAML 1.1 readers, and what is none to our own (`1e5`)."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^{NUMBER.pattern}$"), None)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """Several lines as a block; what does not print (other line breaks, too) escaped."""
    if text.isprintable():
        return None
    lines = text.split("\n")
    plain = all(line == line.rstrip() and line.isprintable() for line in lines)
    return "|" if plain and lines[0] and not text[0].isspace() else '"'


_Dumper.add_representer(str, _text)


def text_of(documents: Iterable[Mapping[str, Any]]) -> str:
    """Keys in the order given; documents apart by `---`."""
    return "---\n".join(
        yaml.dump(
            dict(document),
            Dumper=_Dumper,
            sort_keys=False,
            default_flow_style=False,
            allow_unicode=True,
            width=100_000,
        )
        for document in documents
    )
