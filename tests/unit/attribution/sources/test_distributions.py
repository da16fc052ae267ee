from attribution.sources.answers import BUCKET, Found
from attribution.sources.distributions import distribution


def bucket(le: str, increase: float, **labels: str) -> tuple[Found, float]:
    return Found(tuple(sorted({"le": le, **labels}.items())), 0.0), increase


def native(lower: float, upper: float, increase: float) -> tuple[Found, float]:
    return Found(((BUCKET, f"{lower}|{upper}"),), 0.0), increase


def test_distribution__cumulative_buckets__become_counts_between_bounds():
    found = distribution([bucket("1", 3), bucket("+Inf", 10), bucket("0.5", 1)])
    assert found == {"bounds": [0.5, 1.0], "counts": [1, 2, 7]}


def test_distribution__instances_with_other_bounds__have_those_of_all():
    a = [bucket("0.5", 1, i="a"), bucket("1.0", 3, i="a"), bucket("+Inf", 4, i="a")]
    b = [bucket("1", 5, i="b"), bucket("2", 6, i="b"), bucket("+Inf", 6, i="b")]
    assert distribution([*a, *b]) == {"bounds": [1.0], "counts": [8, 2]}


def test_distribution__no_histogram_or_an_impossible_one__is_not_known():
    assert distribution([]) is None
    assert distribution([(Found((), 0.0), 3.0)]) is None
    assert distribution([bucket("1", 3)]) is None
    assert distribution([bucket("1", 3), bucket("+Inf", 2)]) is None
    assert distribution([bucket("1", float("nan")), bucket("+Inf", 2)]) is None


def test_distribution__native_buckets__keep_their_bounds():
    found = distribution([native(0, 0, 0), native(1, 2, 3), native(4, 8, 1), native(1, 2, 2)])
    assert found == {"bounds": [1, 2, 4, 8], "counts": [0, 5, 0, 1, 0]}


def test_distribution__native_of_two_resolutions__keep_the_bounds_that_no_bucket_spans():
    found = distribution([native(1, 2, 3), native(2, 4, 1), native(1, 4, 5)])
    assert found == {"bounds": [1, 4], "counts": [0, 9, 0]}
