"""The last line of the seeds is counted from the stories' tables."""

from collections import Counter

from bench.story_seeds import Told, counted, summary

GOOD = """\
Round 4
   expected                                                 read back
✔  payment 1.0.1: API says completed                        completed
✔  payment 1.0.1: never rolled back                         no such decision
✔  stock 1.0.1: API says rolled back                        rolled_back
✔  stock 1.0.1: on-call was paged, and it resolved          halted, rolled_back, recovered
✔  catalog: new banner: never rolled back                   halt
✔  stock 1.0.1: recovery is on record                       the alerts that led here have ended
 135.6 s  seed 1: 31 of 31 expectations held
""".splitlines()


def edited(old, new):
    return [line.replace(old, new) for line in GOOD]


def test_counted__told_to_the_end__is_the_culprit_alone_and_recovered():
    assert counted(GOOD) == Counter(
        culprits=1, alone=1, harmless=2, harmed=0, halted=1, recovered=1
    )


def test_counted__a_harmless_one_rolled_back__is_not_alone():
    lines = edited("✔  payment 1.0.1: never rolled back", "✖  payment 1.0.1: never rolled back")
    found = counted(lines)
    assert (found["alone"], found["harmed"], found["recovered"]) == (0, 1, 1)


def test_counted__culprit_left_out_there__is_not_alone():
    found = counted(edited("✔  stock 1.0.1: API says", "✖  stock 1.0.1: API says"))
    assert (found["alone"], found["harmed"]) == (0, 0)


def test_counted__recovery_not_on_record__is_not_recovered():
    assert counted(edited("✔  stock 1.0.1: recovery", "✖  stock 1.0.1: recovery"))["recovered"] == 0


def test_counted__two_rounds__are_counted_apart():
    found = counted([*GOOD, *edited("✔  payment 1.0.1: never", "✖  payment 1.0.1: never")])
    assert (found["culprits"], found["alone"]) == (2, 1)


def test_counted__round_without_a_culprit__recovers_from_nothing():
    lines = [line for line in GOOD if "stock" not in line]
    assert counted(lines) == Counter(
        culprits=0, alone=0, harmless=2, harmed=0, halted=1, recovered=0
    )


def test_summary__of_two_seeds__adds_up():
    told = [Told(0, counted(GOOD)), Told(1, counted(edited("✔  stock", "✖  stock")))]
    assert summary(told) == (
        "1 of 2 told; culprit alone rolled back: 1 of 2; harmless changes rolled back: 0 of 4, "
        "halted for a while: 2; "
        "recovery confirmed: 1 of 2"
    )
