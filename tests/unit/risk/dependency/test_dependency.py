"""Lock files of a small shop; each test changes one thing of `base`."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.risk.classify import classify
from controlplane.risk.dependency.lookalikes import Names, one_edit


def raised(before, after, path=""):
    case = {"kind": "dependency", "before": before, "artefact": after, "path": path}
    return classify(case)["signals"]


def found(before, after, path=""):
    return {signal["id"]: signal["severity"] for signal in raised(before, after, path)}


def entry(version="1.2.3", host="registry.npmjs.org", **more):
    return {
        "version": version,
        "resolved": f"https://{host}/p/-/p-{version}.tgz",
        "integrity": f"sha512-{version}",
        **more,
    }


def npm(direct=("express",), **packages):
    installed = {f"node_modules/{name}": given for name, given in packages.items()}
    root = {"dependencies": dict.fromkeys(direct, "*")}
    return {"lockfileVersion": 3, "packages": {"": root, **installed}}


BASE = {"express": entry(), "lodash": entry()}
GIT = "git+ssh://git@github.com/shop/express.git"
NPM = [
    ({}, {}),
    ({"express": entry("1.3.0")}, {}),
    ({"express": entry("2.0.0")}, {"package_major_bump": "medium"}),
    ({"lodash": entry("2.0.0")}, {"package_major_bump": "low"}),
    ({"express": entry("1.2.2")}, {"package_downgraded": "medium"}),
    ({"express": entry("1.3.0-rc.1")}, {"package_pre_release": "medium"}),
    ({"left-pad": entry()}, {"packages_added": "low"}),
    ({"express": entry(integrity="sha512-other")}, {"integrity_changed": "high"}),
    ({"express": entry("1.3.0", integrity="")}, {"integrity_lost": "high"}),
    (
        {"left-pad": entry(integrity="")},
        {"packages_added": "low", "integrity_missing": "medium"},
    ),
    ({"express": entry(host="npm.example.org")}, {"registry_changed": "high"}),
    ({"express": entry(hasInstallScript=True)}, {"install_script": "high"}),
    (
        {"left-pad": entry(hasInstallScript=True)},
        {"packages_added": "low", "install_script": "medium"},
    ),
    ({"expres": entry()}, {"packages_added": "low", "name_lookalike": "high"}),
    (
        {"express": {"version": "1.2.3", "resolved": f"{GIT}#{'a' * 40}"}},
        {"source_not_registry": "medium"},
    ),
    ({"express": {"version": "1.2.3", "resolved": f"{GIT}#main"}}, {"source_not_fixed": "high"}),
    (
        {"express": {"version": "1.2.3", "resolved": "file:../express"}},
        {"source_not_registry": "medium"},
    ),
    (
        {"express": entry(resolved="https://cdn.example.org/e.tgz")},
        {"source_not_registry": "medium"},
    ),
    ({"express": entry(resolved="http://cdn.example.org/e.tgz")}, {"source_not_fixed": "high"}),
    ({"own": {"link": True, "resolved": "packages/own"}}, {}),
]


@pytest.mark.parametrize(("changed", "expected"), NPM)
def test_npm__one_package_changed__raises_just_that(changed, expected):
    assert found(npm(**BASE), npm(**(BASE | changed)), "package-lock.json") == expected


@pytest.mark.parametrize(
    "wrong", [given for given, expected in NPM if {"medium", "high"} & set(expected.values())]
)
def test_npm__stood_there_already__is_not_brought_in(wrong):
    standing = npm(**(BASE | wrong))
    assert found(standing, json.loads(json.dumps(standing))) == {}


def test_npm__repair__raises_nothing():
    bad = npm(**(BASE | {"express": entry("1.2.3", integrity="", hasInstallScript=True)}))
    assert found(bad, npm(**BASE)) == {}


def test_npm__removed__is_graver_when_the_project_asked_for_it():
    assert found(npm(**BASE), npm(express=entry())) == {"packages_removed": "low"}
    assert found(npm(**BASE), npm(lodash=entry())) == {"package_removed": "medium"}
    assert found(npm(**BASE), npm())["lock_emptied"] == "high"


def test_npm__nested_copy_moves__leaves_the_project_s_own_alone():
    before = npm(**BASE, **{"express/node_modules/lodash": entry("9.0.0")})
    after = npm(**BASE, **{"express/node_modules/lodash": entry("3.0.0")})
    assert found(before, after) == {}


def test_npm__first_format__is_read_with_what_is_nested():
    before = {"lockfileVersion": 1, "dependencies": {"a-one": entry()}}
    inner = {"b-two": {**entry(), "version": f"{GIT}#main"}}
    after = {"lockfileVersion": 1, "dependencies": {"a-one": entry(dependencies=inner)}}
    signals = {signal["id"]: signal for signal in raised(before, after)}
    assert signals["source_not_fixed"]["where"] == "/dependencies/a-one/dependencies/b-two"


@pytest.mark.parametrize(
    "hidden", ["me:hunter2secret@example.org/x", "example.org/x?t=hunter2secret"]
)
def test_npm__secret_in_an_address__is_not_repeated(hidden):
    url = f"git+https://{hidden}#main"
    after = npm(**(BASE | {"express": {"version": "1.2.3", "resolved": url}}))
    signals = raised(npm(**BASE), after)
    assert [signal["id"] for signal in signals] == ["source_not_fixed"]
    assert "hunter2secret" not in json.dumps(signals)


PINNED = "flask==3.0.0 --hash=sha256:" + "a" * 64 + "\nrequests==2.31.0 --hash=sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("flask==3.0.0", "Flask==3.0.0", {}),
        ("flask==3.0.0", "flask==3.0.0 ; python_version < '4'", {}),
        ("flask==3.0.0", "flask==4.0.0", {"package_major_bump": "medium"}),
        ("flask==3.0.0", "flask>=3.0.0", {"unpinned": "medium"}),
        ("flask==3.0.0", "flask==3.*", {"unpinned": "medium"}),
        (" --hash=sha256:" + "a" * 64, "", {"integrity_lost": "high"}),
        ("a" * 64, "c" * 64, {"integrity_changed": "high"}),
        ("a" * 64, "a" * 64 + " \\\n  --hash=sha256:" + "d" * 64, {}),
        ("flask", "--extra-index-url https://pip.example.org/\nflask", {"index_added": "high"}),
        (
            "flask==3.0.0",
            "flask @ git+https://github.com/pallets/flask@main",
            {"source_not_fixed": "high"},
        ),
        ("flask==3.0.0", "flask==2024.1.0", {}),
    ],
)
def test_requirements__one_line_changed__raises_just_that(old, new, expected):
    assert found(PINNED, PINNED.replace(old, new), "requirements.txt") == expected


def test_requirements__editable_path__is_told_with_its_line():
    signals = raised("flask==3.0.0\n", "# own\nflask==3.0.0\n-e ./shop\n")
    assert ("source_not_registry", "line 3") in {(s["id"], s["where"]) for s in signals}


GO_MOD = "module shop\n\ngo 1.22\n\nrequire (\n\tgithub.com/a/chi v1.2.0\n{more})\n"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (GO_MOD.format(more="\tgithub.com/b/x v0.1.0 // indirect\n"), {"packages_added": "low"}),
        (GO_MOD.format(more="\tgithub.com/b/x v0.1.0\n"), {"package_added": "medium"}),
        (
            GO_MOD.format(more="").replace("chi v1.2.0", "chi/v2 v2.0.0"),
            {"package_major_bump": "medium"},
        ),
        (
            GO_MOD.format(more="") + "replace github.com/a/chi v1.2.0 => ../chi // ours\n",
            {"source_not_registry": "medium"},
        ),
        (
            GO_MOD.format(more="") + "replace github.com/a/chi => github.com/evil/chi v1.2.0\n",
            {"registry_changed": "high"},
        ),
        (GO_MOD.format(more="").replace("go 1.22", "go 1.23\ntoolchain go1.23.1"), {}),
    ],
)
def test_go_mod__one_thing_changed__raises_just_that(after, expected):
    assert found(GO_MOD.format(more=""), after, "go.mod") == expected


def test_go_sum__other_content_under_one_version__is_high():
    line = "github.com/a/chi v1.2.0 h1:{}=\ngithub.com/a/chi v1.2.0/go.mod h1:m=\n"
    assert found(line.format("x"), line.format("y")) == {"integrity_changed": "high"}


CARGO = """version = 3
[[package]]
name = "shop"
version = "0.1.0"
dependencies = ["serde", "tokio 1.2.3"]
[[package]]
name = "serde"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aa"
[[package]]
name = "tokio"
version = "1.2.3"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "bb"
"""
POETRY = """[[package]]
name = "flask"
version = "3.0.0"
optional = false
files = [{file = "flask.whl", hash = "sha256:aa"}]
[package.dependencies]
click = "*"
[[package]]
name = "click"
version = "8.0.0"
optional = false
files = [{file = "click.whl", hash = "sha256:bb"}]
"""
UV = """version = 1
[[package]]
name = "shop"
source = { virtual = "." }
dependencies = [{ name = "flask" }]
[[package]]
name = "flask"
version = "3.0.0"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.pythonhosted.org/flask.whl", hash = "sha256:aa" }]
"""


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (CARGO, '"1.2.3"', '"2.0.0"', {"package_major_bump": "medium"}),
        (CARGO, '"bb"', '"cc"', {"integrity_changed": "high"}),
        (CARGO, 'checksum = "bb"', "", {"integrity_lost": "high"}),
        (
            CARGO,
            'registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "bb"',
            'git+https://github.com/me/tokio?branch=main#1234567890abcdef"',
            {"source_not_registry": "medium"},
        ),
        (POETRY, '"3.0.0"', '"4.0.0"', {"package_major_bump": "medium"}),
        (POETRY, '"8.0.0"', '"9.0.0"', {"package_major_bump": "low"}),
        (POETRY, "sha256:aa", "sha256:dd", {"integrity_changed": "high"}),
        (UV, "https://pypi.org", "https://pip.example.org", {"registry_changed": "high"}),
        (UV, '"3.0.0"', '"2.9.0"', {"package_downgraded": "medium"}),
    ],
)
def test_toml__one_thing_changed__raises_just_that(text, old, new, expected):
    assert old in text
    assert found(text, text.replace(old, new)) == expected


def test_lock__nobody_said_what_is_there__tells_that_and_what_stands():
    assert found(None, "flask>=3", "requirements.txt") == {
        "no_before": "medium",
        "unpinned": "medium",
    }


def test_lock__forty_packages_move__is_told():
    old, new = ({f"package{chr(97 + i) * 3}": entry(v) for i in range(26)} for v in "12")
    old.update({f"x{name}": given for name, given in old.items()})
    new.update({f"x{name}": given for name, given in new.items()})
    assert found(npm(**old), npm(**new))["many_packages"] == "medium"


@pytest.mark.parametrize(
    ("known", "name", "expected"),
    [
        ("requests", "request", "requests"),
        ("requests", "reqeusts", "requests"),
        ("requests", "requezts", "requests"),
        ("requests", "requestss", "requests"),
        ("requests", "requests", None),
        ("requests", "rekwezts", None),
        ("hmac-sha1", "hmac-sha2", None),
        ("@shop/pages", "@shop/page", None),
        ("github.com/shop/chi", "github.com/shoq/chi", "github.com/shop/chi"),
        ("debug", "debgu", "debug"),
        ("ms", "mz", None),
    ],
)
def test_lookalikes__one_slip_away__is_found(known, name, expected):
    assert Names([known]).like(name) == expected


@given(st.text("abc", min_size=1, max_size=6), st.text("abc", min_size=1, max_size=6))
def test_one_edit__either_way_round__is_the_same(first, second):
    assert one_edit(first, second) == one_edit(second, first)


@pytest.mark.parametrize(
    "artefact",
    [
        [],
        {"other": 1},
        {"package": {"name": 1}},
        {"package": [1]},
        "\x00p\x00a",
        '{"packages": ' * 5000,
        "[[package]]\nname = ",
        "<html>",
        "# \n!!python/object:os.system",
    ],
)
def test_lock__unreadable__is_unparsed_and_high(artefact):
    assert found("", artefact) == {"unparsed": "high"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(anything, st.sampled_from(["version", "resolved", "integrity", "name", "source", "files"]))
def test_lock__anything_in_a_field__raises_nothing(value, key):
    raised(npm(**BASE), npm(express=entry() | {key: value}))
    raised({"package": []}, {"package": [{"name": "a", key: value, "dependencies": value}]})


def test_lock__names_made_alike_on_purpose__end_soon():
    old = npm(**{f"aaa{chr(1000 + i)}aaa": entry() for i in range(8_000)})
    new = npm(**{f"aaa{chr(9000 + i)}aaa": entry() for i in range(8_000)})
    start = time.process_time()
    assert found(old, new)
    assert time.process_time() - start < 60
