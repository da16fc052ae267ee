"""Code of others is what it was when it was reviewed, and the pages refuse anything else."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

VENDOR = Path(settings.BASE_DIR) / "static" / "vendor"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
LINES = [
    line.split()
    for line in (VENDOR / "VERSIONS").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
TAG = re.compile(r"vendor/([\w.]+)' %}\" integrity=\"(sha384-[^\"]+)\"")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[3])
def test_vendored_file__hashed__is_the_pinned_one(line):
    _name, _version, _licence, file, expected = line
    assert hashlib.sha256((VENDOR / file).read_bytes()).hexdigest() == expected


def test_versions__compared_with_the_folder__name_every_file():
    code = {p.name for p in VENDOR.iterdir() if p.suffix in {".js", ".css"}}
    assert {line[3] for line in LINES} == code


def test_templates__load_vendored_files__with_their_integrity():
    text = "".join(p.read_text(encoding="utf-8") for p in TEMPLATES.rglob("*.html"))
    pinned = dict(TAG.findall(text))
    assert set(pinned) == {line[3] for line in LINES}
    for file, integrity in pinned.items():
        digest = hashlib.sha384((VENDOR / file).read_bytes()).digest()
        assert integrity == "sha384-" + base64.b64encode(digest).decode()


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda p: p.name)
def test_template__read__has_nothing_that_the_policy_forbids(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son\w+=|hx-on|hx-vals=.js|https?://(?!www\.w3)", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
