"""Anomalies that `detect` finds in noise without a cause: `python bench/detect_noise.py`."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from attribution.detect import detect

POINTS, RUNS = 10_000, 20


def autocorrelated(rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(0, 1, POINTS)
    for place in range(1, POINTS):
        noise[place] += 0.6 * noise[place - 1]
    return noise


def seasonal(rng: np.random.Generator) -> np.ndarray:
    day = np.sin(np.arange(POINTS) * 2 * np.pi / 1440)
    return 100 + 80 * day + rng.normal(0, 3, POINTS)


NOISES = {
    "normal": lambda rng: rng.normal(0, 1, POINTS),
    "autocorrelated, 0.6": autocorrelated,
    "daily season and normal": seasonal,
    "Poisson, mean 5": lambda rng: rng.poisson(5, POINTS),
    "Student's t, 3 degrees": lambda rng: rng.standard_t(3, POINTS),
    "lognormal, sigma 1": lambda rng: rng.lognormal(0, 1, POINTS),
}


def main() -> None:
    t = [60.0 * place for place in range(POINTS)]
    for name, make in NOISES.items():
        found = 0
        for seed in range(RUNS):
            v = [float(value) for value in make(np.random.default_rng(seed))]
            found += len(detect({"id": name, "direction": "either", "t": t, "v": v})["anomalies"])
        print(f"{name:24} {found / RUNS:.1f} anomalies per {POINTS} points")


if __name__ == "__main__":
    main()
