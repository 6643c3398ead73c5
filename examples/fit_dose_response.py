"""A dose-response curve, with intervals that are not symmetric.

Few doses reach the top, so the data say more of how low it can be than of how high. A standard
error cannot say so; the profile of the likelihood does. Run with `--plot` for a picture, dose.png.
"""

import sys

import numpy as np

from microgrest.fit import ready


def main():
    dose = np.repeat([0.1, 0.3, 1.0, 3.0, 10.0], 3)
    model = ready("hill")
    true = {"bottom": 0.1, "top": 1.0, "ec50": 2.5, "n": 1.3}
    response = model.eval(x=dose, **true) + np.random.default_rng(5).normal(0, 0.03, dose.size)

    result = model.fit(response, model.guess(response, dose), x=dose)
    for name, limits in result.conf_interval(sigmas=[0.95]).items():
        (_, low), (_, best), (_, high) = limits
        error = result.params[name].stderr
        print(f"{name:>6} = {best:.2f}, 95 %: {low:.2f} to {high:.2f}, error {error:.2f}")

    if "--plot" in sys.argv:
        figure = result.plot()
        figure.axes[0].set_xscale("log")
        figure.savefig("dose.png")


if __name__ == "__main__":
    main()
