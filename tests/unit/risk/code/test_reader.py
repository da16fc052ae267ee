import time

import pytest

from controlplane.risk.classify import classify
from tests.unit.risk.code.diffs import diff_of

TEST = ("tests/test_a.py", ["assert total() == 3"])


def signals_of(artefact, **context):
    found = classify({"kind": "code_diff", "artefact": artefact, "context": context})
    return {signal["id"]: signal["severity"] for signal in found["signals"]}


def of_lines(*added, path="shop/a.py", deleted=()):
    return signals_of(diff_of((path, list(added), list(deleted)), TEST))


def test_code_diff__small_tested_change__raises_nothing():
    assert of_lines("total = 3") == {}


DANGERS = [
    ("<<<<<<< HEAD", "conflict_marker", "high"),
    ("requests.get(url, verify=False)", "certificate_check_off", "high"),
    ("tls.Config{InsecureSkipVerify: true}", "certificate_check_off", "high"),
    ("subprocess.run(command, shell=True)", "command_injection", "high"),
    ("os.system('rm ' + name)", "command_injection", "high"),
    ("result = eval(text)", "code_from_data", "medium"),
    ("yaml.load(text)", "code_from_data", "medium"),
    ("cursor.execute(f\"select * from t where a = '{a}'\")", "sql_from_text", "medium"),
    ("try { go(); } catch (Exception e) {}", "error_swallowed", "medium"),
    ("    breakpoint()", "debugger_left", "medium"),
    ("@pytest.mark.skip(reason='flaky')", "test_disabled", "medium"),
    ("if admin: \u202e", "hidden_direction", "high"),
    ('api_token = "k9J2mQ8x7Lw3"', "secret_in_code", "high"),
    ("key = AKIAABCDEFGHIJKLMNOP", "secret_in_code", "high"),
]


@pytest.mark.parametrize(("line", "name", "severity"), DANGERS)
def test_code_diff__dangerous_line__is_named_where_it_is_brought_in(line, name, severity):
    assert of_lines(line) == {name: severity}


@pytest.mark.parametrize(("line", "name", "_severity"), DANGERS)
def test_code_diff__dangerous_line_taken_out_or_moved__raises_nothing(line, name, _severity):
    assert name not in of_lines("pass", deleted=[line])
    assert name not in of_lines(line, deleted=["  " + line])


@pytest.mark.parametrize(
    "line",
    [
        "requests.get(url, verify=True)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "model.eval()",
        "os.system('ls')",
        "# never use shell=True here",
        'cursor.execute("select a from t where b = %s", (b,))',
        'password = "example"',
        'token_url = "https://id.shop/oauth2/token"',
        "except ValueError:",
        "=======",
        '@pytest.mark.skipif(sys.platform == "win32", reason="")',
    ],
)
def test_code_diff__harmless_neighbour_of_a_danger__raises_nothing(line):
    assert of_lines(line) == {}


def test_code_diff__exception_swallowed_over_two_lines__is_found():
    assert of_lines("    except Exception:", "        pass") == {"error_swallowed": "medium"}
    assert of_lines("    except KeyError:", "        pass") == {}


def test_code_diff__secret__is_never_repeated():
    found = classify(
        {"kind": "code_diff", "artefact": diff_of(("a.py", ['api_token = "k9J2mQ8x7Lw3"']))}
    )
    assert "k9J2mQ8x7Lw3" not in str(found)


def test_code_diff__line_of_a_finding__is_told():
    text = diff_of(("a.py", ["x", "eval(y)"]), TEST)
    found = classify({"kind": "code_diff", "artefact": text})
    assert found["signals"][0]["where"] == "line 6"
    assert text.splitlines()[5] == "+eval(y)"
    assert found["signals"][0]["summary"].startswith("a.py:2 ")
    within = classify({"kind": "code_diff", "artefact": {"diff": text}})
    assert within["signals"][0]["where"] == "/diff"
    assert "bandit:B307" in found["signals"][0]["aliases"]


@pytest.mark.parametrize(("lines", "severity"), [(5, None), (20, "low"), (150, "medium")])
def test_code_diff__code_without_tests__counts_by_its_size(lines, severity):
    code = ("shop/a.py", [f"x{n} = {n}" for n in range(lines)])
    assert signals_of(diff_of(code)).get("tests_missing") == severity
    assert "tests_missing" not in signals_of(diff_of(code, TEST))


def test_code_diff__test_deleted__is_flagged_unless_its_code_goes_too():
    head = "diff --git a/{0} b/{0}\ndeleted file mode 100644\n--- a/{0}\n+++ /dev/null\n"
    gone = head + "@@ -1 +0,0 @@\n-x\n"
    tests, code = gone.format("tests/test_a.py"), gone.format("shop/a.py")
    assert signals_of(tests) == {"tests_removed": "medium"}
    assert signals_of(tests + code) == {}


NEW = "diff --git a/{0} b/{0}\nnew file mode {1}\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+{2}\n"
BINARY = "diff --git a/{0} b/{0}\nBinary files a/{0} and b/{0} differ\n"


@pytest.mark.parametrize(
    ("artefact", "expected"),
    [
        (NEW.format("app/migrations/0002_x.py", 100644, "x"), {"touches_migrations": "medium"}),
        (diff_of(("app/migrations/0001_x.py", ["x"])), {"migration_rewritten": "medium"}),
        (diff_of((".github/workflows/ci.yml", ["x"])), {"checks_changed": "medium"}),
        (diff_of(("docs/CODEOWNERS", ["x"])), {"checks_changed": "medium"}),
        (diff_of(("yarn.lock", ["x"])), {"locked_versions_moved": "low"}),
        (diff_of(("yarn.lock", ["x"]), ("package.json", ["x"])), {}),
        (BINARY.format("lib/tool.jar"), {"binary_changed": "medium"}),
        (BINARY.format("static/logo.png"), {}),
        (NEW.format("lib/dep", 160000, "Subproject commit 1f2e"), {"submodule_moved": "medium"}),
        (diff_of(("README.md", ["x"] * 50)), {}),
    ],
)
def test_code_diff__touched_file__is_known_by_its_path(artefact, expected):
    assert signals_of(artefact) == expected


QUIET = {"ns": 1, "nd": 1, "nf": 1, "entropy": 0, "la": 1, "ld": 1, "lt": 400, "fix": 0,
         "ndev": 3, "age": 90, "nuc": 8, "exp": 900, "rexp": 80, "sexp": 300}  # fmt: skip


@pytest.mark.parametrize(
    ("features", "name", "severity"),
    [
        ({"la": 400, "ld": 200}, "large_diff", "medium"),
        ({"la": 4000}, "large_diff", "high"),
        ({"nf": 25}, "wide_diff", "medium"),
        ({"ns": 5}, "wide_diff", "medium"),
        ({"la": 30, "exp": 0, "sexp": 0}, "author_new", "medium"),
        ({"la": 30, "sexp": 1}, "author_new_to_files", "medium"),
        ({"nuc": 400, "ndev": 40}, "busy_files", "low"),
        ({"nuc": 400, "age": 1, "sexp": 1}, "busy_files", "medium"),
        ({"nd": "many"}, "feature_unusable", "medium"),
    ],
)
def test_code_diff__features__raise_what_a_reviewer_can_act_on(features, name, severity):
    assert signals_of(QUIET) == {}
    assert signals_of(QUIET | features)[name] == severity


def test_code_diff__unknown_history__is_no_newcomer():
    features = {name: QUIET[name] for name in ("ns", "nd", "nf", "entropy", "ld")} | {"la": 30}
    assert signals_of(features).keys().isdisjoint({"author_new", "author_new_to_files"})


def test_code_diff__broken_off__is_high():
    assert signals_of(diff_of(("a.py", ["x", "y"])).removesuffix("+y\n")) == {"diff_cut": "high"}


@pytest.mark.parametrize("artefact", ["not a diff", {"title": "x"}, [], {"diff": 7}, "\0" * 100])
def test_code_diff__unreadable__is_unparsed_and_high(artefact):
    if artefact:
        assert signals_of(artefact) == {"unparsed": "high"}


def hostile():
    line = "+" + "eval(" * 2000
    yield diff_of(("a.py", [line[1:]] * 400))
    yield "diff --git " + "a/ b/" * 900_000
    yield "--- a\n+++ b\n" + "@@ -1 +1 @@\n+x\n" * 300_000
    yield "--- a\n+++ b\n@@ -1,9 +1,999999999 @@\n" + "+select 'a\n" * 400_000
    yield diff_of(("a.py", ["execute('select " + "a" * 900 for _ in range(4000)]))
    yield "+" * 10_000_000


@pytest.mark.parametrize("number", range(6))
def test_code_diff__hostile_megabytes__are_answered_in_seconds(number):
    artefact = list(hostile())[number]
    start = time.process_time()
    assert classify({"kind": "code_diff", "artefact": artefact})["level"]
    # Quadratic work on this takes hours; what is linear takes seconds, on a busy machine too.
    assert time.process_time() - start < 300
