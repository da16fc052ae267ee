"""What the judge is measured on: every parameter, committed before the judge that is measured.

A scenario is a world without harm of its own (A/A); the bench adds harm on top of it: none, as much
as the margin allows, or the regressions of the delay table. Changing a number here means measuring
everything again: say why in the commit.
"""

from dataclasses import dataclass, replace

INTERVAL_S = 60.0
LOOKS = 60
METRICS = 8
RUNS = 2000
ALPHA, BETA = 0.02, 0.05
MARGIN, PASS_MARGIN = 0.1, 0.5


@dataclass(frozen=True)
class Scenario:
    """Per interval of a minute. Requests are Poisson; all standard deviations are of the log."""

    name: str
    kind: str = "ratio"  # ratio (errors), value (mean latency) or distribution (latency buckets)
    # Allocation: requests a minute on all units of a cohort together, and how many units they are.
    canary_requests: float = 200.0
    control_requests: float = 1800.0
    canary_units: int = 3
    control_units: int = 20
    # Intervals of the same units before the rollout; 0: none is known.
    history: int = 240
    base_errors: float = 0.005
    # Variance of the error counts of a unit, as a multiple of the binomial one.
    dispersion: float = 1.0
    latency_s: float = 0.1
    # Spread of single requests' latency (log-normal).
    request_sd: float = 0.6
    # Share of requests that miss a cache and take `slow_factor` times as long.
    slow_share: float = 0.0
    slow_factor: float = 10.0
    # Noise of a unit's interval: its own, and how much of it stays until the next one (AR(1)).
    noise_sd: float = 0.0
    noise_ar: float = 0.0
    # Degrees of freedom of that noise (Student's t); 0: normal.
    tail: float = 0.0
    # A lasting difference of each unit from its fellows.
    unit_sd: float = 0.0
    # The canary's units are new ones at the rollout: their past was that of other units.
    fresh: bool = False
    # Shocks that hit every unit and every metric alike: how often, how much, for how long.
    shock_rate: float = 0.0
    shock_sd: float = 0.0
    shock_intervals: int = 1
    # Daily swing of traffic and of the metric.
    season: float = 0.0
    # A cold canary is slower by this factor at first; half of that is gone after so many minutes.
    cold_factor: float = 1.0
    cold_half_life: float = 3.0
    settle_s: float = 0.0


_INDEPENDENT = Scenario("independent errors")
_LATENCY = Scenario("independent latency", kind="value")
_BUCKETS = Scenario("independent buckets", kind="distribution")

SCENARIOS: tuple[Scenario, ...] = (
    _INDEPENDENT,
    replace(_INDEPENDENT, name="errors, equal cohorts", control_requests=200.0, control_units=3),
    replace(_INDEPENDENT, name="errors, no history", history=0),
    replace(_INDEPENDENT, name="errors, over-dispersed ×3", dispersion=3.0),
    replace(_INDEPENDENT, name="errors, over-dispersed ×3, no history", dispersion=3.0, history=0),
    replace(_INDEPENDENT, name="errors, unit effect 20%", unit_sd=0.2),
    replace(_INDEPENDENT, name="errors, unit effect 20%, fresh canary", unit_sd=0.2, fresh=True),
    replace(_INDEPENDENT, name="errors, shared shocks", shock_rate=0.05, shock_sd=1.5),
    replace(_INDEPENDENT, name="errors, low traffic", canary_requests=20.0, control_requests=180.0),
    replace(_INDEPENDENT, name="errors, season", season=0.5),
    _LATENCY,
    replace(_LATENCY, name="latency, AR 0.6", noise_sd=0.05, noise_ar=0.6),
    replace(_LATENCY, name="latency, unit effect 5%", unit_sd=0.05),
    replace(_LATENCY, name="latency, unit effect 5%, fresh canary", unit_sd=0.05, fresh=True),
    replace(
        _LATENCY,
        name="latency, unit effect 5%, three control units",
        unit_sd=0.05,
        control_requests=200.0,
        control_units=3,
    ),
    replace(_LATENCY, name="latency, unit effect 5%, no history", unit_sd=0.05, history=0),
    replace(_LATENCY, name="latency, heavy tails", noise_sd=0.1, tail=2.5),
    replace(
        _LATENCY,
        name="latency, shared shocks",
        noise_sd=0.03,
        shock_rate=0.05,
        shock_sd=0.5,
        shock_intervals=3,
    ),
    replace(_LATENCY, name="latency, season", noise_sd=0.03, season=0.5),
    replace(_LATENCY, name="latency, low traffic", canary_requests=20.0, control_requests=180.0),
    replace(_LATENCY, name="latency, cold canary, settle 10 min", cold_factor=2.0, settle_s=600.0),
    replace(
        _LATENCY,
        name="latency, everything at once",
        noise_sd=0.05,
        noise_ar=0.6,
        unit_sd=0.05,
        shock_rate=0.03,
        shock_sd=0.5,
        shock_intervals=3,
        season=0.5,
    ),
    _BUCKETS,
    replace(_BUCKETS, name="buckets, bimodal", slow_share=0.1),
    replace(_BUCKETS, name="buckets, unit effect 5%", unit_sd=0.05),
    replace(_BUCKETS, name="buckets, AR 0.6", noise_sd=0.05, noise_ar=0.6),
)

# Regressions of the delay table: (kind, factor on errors or on latency).
HARMS: tuple[tuple[str, float], ...] = (
    ("ratio", 2.0),
    ("ratio", 3.0),
    ("ratio", 10.0),
    ("value", 1.2),
    ("value", 1.5),
)
# Requests a minute on the canary, and the control's traffic as a multiple of it.
TRAFFIC: tuple[float, ...] = (20.0, 200.0, 2000.0)
ALLOCATIONS: tuple[float, ...] = (1.0, 19.0)
# Seconds; the last bucket is open.
BOUNDS: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
