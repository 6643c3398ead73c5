"""A spectrum of peaks: models that are added, a tie between two of them, and a background.

Three lines, of which two are a doublet: one width for both, and 6 apart. Run with `--plot` for a
picture, peaks.png.
"""

import sys

import numpy as np

from microgrest.fit import ready


def main():
    model = ready("gaussian", prefix="a_") + ready("gaussian", prefix="b_")
    model = model + ready("lorentzian", prefix="c_") + ready("line")
    x = np.linspace(0, 60, 400)
    true = {"a_amplitude": 60.0, "a_center": 18.0, "a_sigma": 1.5, "b_amplitude": 30.0}
    true |= {"b_center": 24.0, "b_sigma": 1.5, "c_amplitude": 80.0, "c_center": 42.0}
    true |= {"c_sigma": 2.0, "slope": -0.02, "intercept": 4.0}
    y = model.eval(x=x, **true) + np.random.default_rng(2).normal(0, 0.3, x.size)

    params = model.make_params(a_amplitude=40.0, a_center=17.0, a_sigma=2.0, b_amplitude=40.0)
    params["b_center"].set(expr="a_center + 6")
    params["b_sigma"].set(expr="a_sigma")
    start = {"c_amplitude": 50.0, "c_center": 43.0, "c_sigma": 1.0, "slope": 0.0, "intercept": 3.0}
    result = model.fit(y, params, x=x, **start)
    for name, p in result.params.items():
        tie = f"  = {p.expr}" if p.expr else ""
        print(f"{name:>11} = {p.value:6.2f} +/- {p.stderr:.2f}{tie}")

    if "--plot" in sys.argv:
        result.plot().savefig("peaks.png")


if __name__ == "__main__":
    main()
