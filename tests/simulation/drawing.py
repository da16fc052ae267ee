"""What is rolled out: plans, targets and levels, drawn from the seed."""

import uuid
from random import Random

from rollout.spec import RolloutSpec, StageSpec, TargetSpec

UNITS = tuple(f"u{n}" for n in range(12))
SERVICES = ("s0", "s1")


def draw_spec(rng: Random, n: int) -> RolloutSpec:
    used = rng.choice((SERVICES[:1], SERVICES[1:], SERVICES))
    kind = rng.choice(("sim", "sim", "sim_loose", "sim_shared"))
    # Some are at their end before the faults are.
    min_s = rng.choice((0, 5))
    own_eyes = rng.random() < 0.1
    units = UNITS if kind != "sim_shared" and rng.random() < 0.7 else ()
    return RolloutSpec(
        change_id=str(uuid.uuid4()),
        title=f"change {n}",
        kind="deploy",
        artefact=f"{used[0]}/deploy/a{n}",
        environment="production",
        team="shop",
        level="low",
        control_level="L2" if own_eyes else rng.choice(("L4", "L4", "L3", "L2")),
        stages=(
            StageSpec(0.25, min_s=min_s, max_s=40, min_samples=10),
            StageSpec(1.0, min_s=min_s, max_s=40, min_samples=10),
        )[rng.choice((0, 0, 1)) :],
        targets=tuple(TargetSpec(s, kind, {"target": f"{s}-{kind}"}, units) for s in used),
        guardrails={s: [{"name": "errors"}] for s in used},
        version="v2",
        previous_version="v1",
        on_inconclusive=rng.choice(("hold", "rollback")),
        reversible=rng.random() < 0.85,
        own_eyes=own_eyes,
        interval_s=20.0,
        undo_s=rng.choice((20.0, 20.0, 120.0)),
        halt_patience_s=60.0,
        rollback_timeout_s=60.0,
    )
