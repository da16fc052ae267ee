import pytest

from controlplane.risk.code.diff import UnreadableDiffError, parse
from controlplane.risk.code.features import FEATURES, INPUTS, features_of, inputs
from controlplane.risk.code.measured import entropy, measured, of_diff
from controlplane.risk.signals import Source
from tests.unit.risk.code.diffs import diff_of

FULL = dict.fromkeys(FEATURES, 2.0)


def change(artefact, **context):
    return measured(Source(artefact, None, "", context))


def test_of_diff__files_in_folders__gives_the_six_features_of_a_diff():
    text = diff_of(
        ("web/a/x.py", ["1", "2"], ["0"]),
        ("web/b/y.py", ["1", "2", "3"]),
        ("db/z.py", ["1"], ["2"]),
    )
    found = of_diff(parse(text))
    assert {name: found[name] for name in ("ns", "nd", "nf", "la", "ld")} == {
        "ns": 2, "nd": 3, "nf": 3, "la": 6, "ld": 2,
    }  # fmt: skip
    assert found["entropy"] == pytest.approx(entropy([3, 3, 2]))


def test_entropy__even_and_one_sided__are_the_extremes():
    assert entropy([5, 5, 5, 5]) == pytest.approx(2.0)
    assert entropy([7]) == entropy([]) == entropy([0, 0]) == 0.0


def test_of_diff__generated_and_locked_files__do_not_count_beside_written_ones():
    generated = [("package-lock.json", ["x"] * 900), ("vendor/lib/a.go", ["x"] * 500)]
    assert of_diff(parse(diff_of(("main.go", ["a"]), *generated)))["la"] == 1
    assert of_diff(parse(diff_of(*generated)))["la"] == 1400


def test_measured__diff_alone__leaves_the_history_unknown():
    features = change(diff_of(("a.py", ["x"]))).features
    assert not features.keys() & {"lt", "fix", "ndev", "age", "nuc", "exp", "rexp", "sexp"}


def test_measured__history_in_the_context__is_taken_and_what_is_sent_beats_what_is_counted():
    artefact = {"diff": diff_of(("a.py", ["x"])), "la": 40}
    features = change(artefact, history={"exp": 12, "age": 3.5, "sexp": None}).features
    assert (features["exp"], features["age"], features["la"]) == (12, 3.5, 40)
    assert "sexp" not in features


@pytest.mark.parametrize(
    ("message", "fix"),
    [("Fix crash on start", 1), ("bugfix: totals", 1), ("[PATCH] Add a prefix", 0), ("Add", 0)],
)
def test_measured__message__tells_a_repair(message, fix):
    assert change({"diff": diff_of(("a.py", ["x"])), "message": message}).features["fix"] == fix
    assert change(diff_of(("a.py", ["x"]), message=f"{message}\n\n")).features["fix"] == fix


@pytest.mark.parametrize(
    "artefact", [{}, {"diff": "no diff"}, {"fix": 1}, {"la": -1}, "", [], "la: 3"]
)
def test_measured__neither_diff_nor_features__is_refused(artefact):
    with pytest.raises(UnreadableDiffError):
        change(artefact)


def test_features_of__spellings_and_texts__are_read_and_nonsense_is_left_out():
    given = {
        "Entrophy": "0.5",
        "LA": 3,
        "fix": True,
        "nd": "many",
        "ld": -2,
        "nf": None,
        "other": 1,
    }
    assert features_of(given) == {"entropy": 0.5, "la": 3, "fix": 1}
    assert change(given).unusable == ("nd", "ld")


def test_inputs__complete_features__are_complete_and_finite():
    row = inputs(FULL)
    assert len(row) == len(INPUTS)
    assert None not in row


@pytest.mark.parametrize("missing", FEATURES)
def test_inputs__unknown_feature__makes_exactly_its_inputs_unknown(missing):
    row = inputs({name: value for name, value in FULL.items() if name != missing})
    unknown = {name for name, value in zip(INPUTS, row, strict=True) if value is None}
    assert unknown == {name for name, of in INPUTS.items() if missing in of}
