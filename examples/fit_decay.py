"""Radioactive decay: counts with errors of their own, two half-lives, and what is known of them.

Silver that neutrons have activated is counted every five seconds: two isotopes decay over a
constant background. Run with `--plot` for a picture, decay.png.
"""

import sys

import numpy as np

from microgrest.fit import Model


def activity(t, a1, half1, a2, half2, background):
    return a1 * 2 ** (-t / half1) + a2 * 2 ** (-t / half2) + background


def main():
    t = np.arange(2.5, 900, 5.0)
    true = (900.0, 24.6, 250.0, 142.9, 20.0)
    counts = np.random.default_rng(4).poisson(activity(t, *true)).astype(float)

    # Counts have the error sqrt(counts), known beforehand: so weights are taken at their word.
    weights = 1 / np.sqrt(np.maximum(counts, 1))
    start = {"a1": 500.0, "half1": 10.0, "a2": 100.0, "half2": 200.0, "background": 10.0}
    result = Model(activity).fit(counts, t=t, weights=weights, scale_covar=False, **start)
    for name, p in result.params.items():
        print(f"{name:>10} = {p.value:7.1f} +/- {p.stderr:.1f}")
    print(f"reduced chi-square {result.redchi:.2f}")

    if "--plot" in sys.argv:
        result.plot().savefig("decay.png")


if __name__ == "__main__":
    main()
