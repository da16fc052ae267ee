import pytest

from controlplane.risk.classify import classify


def signals_of(artefact, before=None):
    found = classify({"kind": "deploy", "artefact": artefact, "before": before})
    return {signal["id"]: signal["severity"] for signal in found["signals"]}


CASES = [
    ("shop/cart:1.4.1", "shop/cart:1.4.0", {}),
    ("1.4.1", "1.4.0", {}),
    ("9f3c2ab41d", "771ab04c9e", {}),
    ("shop/cart", "shop/cart:1.4.0", {"image_tag_missing": "high"}),
    ("shop/cart:latest", "shop/cart:1.4.0", {"image_tag_moving": "high"}),
    ("shop/cart:latest@sha256:ab", "shop/cart:1.4.0", {}),
    ("shop/cart:1.4.1", None, {"no_previous_version": "medium"}),
    ("shop/cart:1.4.0", "shop/cart:1.4.0", {"same_version": "medium"}),
    ("shop/cart:1@sha256:ab", "shop/cart:1@sha256:cd", {"version_overwritten": "high"}),
    ("shop/cart:1.3.9", "shop/cart:1.4.0", {"downgrade": "medium"}),
    ("shop/cart:2.0.0", "shop/cart:1.4.0", {"major_bump": "medium"}),
    ("shop/cart:1.5.0-rc1", "shop/cart:1.4.0", {"pre_release": "medium"}),
    ("other/cart:1.4.1", "shop/cart:1.4.0", {"image_replaced": "medium"}),
    ("registry:5000/shop/cart:1.4.1", "registry:5000/shop/cart:1.4.0", {}),
]


@pytest.mark.parametrize(("artefact", "before", "expected"), CASES)
def test_deploy__image_as_text_or_object__gives_the_same_signals(artefact, before, expected):
    field = "image" if "/" in artefact else "version"
    assert signals_of(artefact, before) == expected
    assert signals_of({field: artefact}, before and {field: before}) == expected


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"diff": {"files": 3, "lines_added": 40}}, {}),
        (
            {"diff": {"files": 3, "lines_added": 400, "lines_deleted": 100}},
            {"large_diff": "medium"},
        ),
        ({"diff": {"lines_added": 5000}}, {"large_diff": "high"}),
        ({"diff": {"files": 60}}, {"large_diff": "medium"}),
        ({"diff": {"files": ["app/migrations/0002_x.py"]}}, {"touches_migrations": "medium"}),
        ({"diff": "+++ b/db/migrate/1.rb\n+x\n"}, {"touches_migrations": "medium"}),
        ({"migrations": ["0002_x"]}, {"touches_migrations": "medium"}),
        ({"diff": 7}, {"diff_unreadable": "low"}),
        (
            {"dependencies": [{"name": "http", "from": "1.2.0", "to": "2.0.0"}]},
            {"dependency_major_bump": "low"},
        ),
        ({"dependencies": {"http": {"from": "1.2.0", "to": "1.3.0"}}}, {}),
    ],
)
def test_deploy__what_it_brings__is_graded(detail, expected):
    assert signals_of({"version": "1.4.1", **detail}, {"version": "1.4.0"}) == expected


def test_deploy__with_migrations__is_costly_to_undo():
    case = {"kind": "deploy", "artefact": {"version": "2", "migrations": ["1"]}, "before": "1"}
    assert classify(case)["reversibility"] == "costly"


@pytest.mark.parametrize("artefact", ["please deploy", {"image": 7}, {"replicas": 3}, [], {}])
def test_deploy__no_release_named__is_unparsed(artefact):
    assert signals_of(artefact, "1.4.0") == {"unparsed": "high"}
