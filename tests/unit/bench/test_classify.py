import json

import classify as bench
import pytest
from classify_sizes import SQL_CHARACTERS, sql_of_size


def config_case(expect, before=80, after=81, name="made:1"):
    artefact = {"kind": "config", "artefact": {"port": after}, "before": {"port": before}}
    return artefact | {"id": name, "expect": expect, "context": {"dialect": "postgres"}}


def judged(expect, after):
    kind = bench.Kind(bench.unsafe_or_safe)
    return bench.judged(config_case(expect, after=after), kind)


def test_row__hit_miss_and_false_alarm__are_counted_apart():
    found = [judged({"unsafe": wanted}, after) for wanted, after in
             ((True, 90_000), (True, 81), (False, 90_000), (False, 81))]  # fmt: skip
    assert bench.row("config", found).split("|")[2:7] == [
        " 4 ",
        " 0.500 ",
        " 0.500 ",
        " 0.500 ",
        " 0 ",
    ]


def test_judged__level_out_of_bounds__says_which_bound():
    assert judged({"max_level": "low"}, 90_000).wrong_level.endswith("above low")
    assert judged({"min_level": "critical"}, 81).wrong_level.endswith("below critical")


def test_judged__case_without_an_answer__is_counted_and_does_not_end_the_table():
    case = config_case({"unsafe": True}) | {"context": "no object"}
    assert bench.judged(case, bench.Kind(bench.unsafe_or_safe)).wrong_level.startswith("no answer")


def test_cases_of__a_kind_without_a_file__has_none(tmp_path):
    (tmp_path / "config.jsonl").write_text(json.dumps(config_case({})) + "\n")
    assert len(bench.cases_of(tmp_path, "config")) == 1
    assert bench.cases_of(tmp_path, "iam_policy") == []


def test_report__misses_asked_for__names_them(tmp_path, capsys):
    lines = [config_case({"unsafe": True}, after=81, name="made:quiet")]
    (tmp_path / "config.jsonl").write_text("\n".join(map(json.dumps, lines)))
    given = bench.argparse.Namespace(misses=True, sources=True, reviewer=None)
    bench.report(tmp_path, ["config"], given)
    shown = capsys.readouterr().out
    assert "made:quiet: missed: unsafe" in shown
    assert "– made" in shown


def test_sql_of_size__short_cases__fill_what_was_promised():
    large = sql_of_size([config_case({}) | {"artefact": "SELECT 1;"}])
    assert SQL_CHARACTERS <= len(large["artefact"]) < SQL_CHARACTERS + 20


def test_main__no_cases__says_what_is_missing(monkeypatch):
    monkeypatch.delenv("GRAYGATE_CASES", raising=False)
    monkeypatch.setattr("sys.argv", ["classify.py"])
    with pytest.raises(SystemExit, match="GRAYGATE_CASES"):
        bench.main()


class Suspicious:
    """A reviewer that answers every second question, and then finds fault with the port."""

    def __init__(self):
        self.asked = 0

    def review(self, case):
        self.asked += 1
        if self.asked % 2:
            return {"unavailable": "busy"}
        finding = {"id": "odd_port", "severity": "high", "path": "", "why": "It is odd."}
        return {"signals": [finding | {"quote": f"port: {case['artefact']['port']}"}]}


def test_reviewed__same_cases__counts_what_the_reviewer_adds_and_left_unanswered():
    cases = [config_case({"unsafe": True}), config_case({"unsafe": True})]
    kind = bench.Kind(bench.unsafe_or_safe)
    found, unanswered = bench.reviewed(cases, kind, Suspicious())
    assert unanswered == 1
    assert bench.row("config", found).split("|")[4] == " 0.500 "
    assert bench.row("config", [bench.judged(each, kind) for each in cases]).split("|")[4] == (
        " 0.000 "
    )


def test_reviewer_of__no_url__is_none():
    assert bench.reviewer_of(bench.argparse.Namespace(reviewer=None)) is None
