"""The lifetime in every pixel of a stack of images: 16,384 fits of an exponential, by `fit_many`.

python examples/pixels.py --plot pixels.png
"""

import argparse

import numpy as np

from microgrest.fit import fit_many

SIZE = 128
LIFETIMES = {"cell": 2.5, "around": 4.0}  # ns


def decay(t, brightness, rate, background):
    return brightness * np.exp(-rate * t) + background


def measured(random):
    """Times (24,), photons counted (24, SIZE, SIZE), and where the cell is."""
    t = np.linspace(0, 12, 24)
    rows, columns = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    cell = rows**2 + 1.5 * columns**2 < 0.1
    brightness = 400 + 300 * np.cos(5 * rows) * np.cos(7 * columns)
    rate = np.where(cell, 1 / LIFETIMES["cell"], 1 / LIFETIMES["around"])
    return t, random.poisson(decay(t[:, None, None], brightness, rate, 10.0)), cell


def fit(t, stack):
    """A fit for each pixel, begun from what its first and last images show."""
    curves = stack.reshape(t.size, -1).T.astype(float)
    first, last = curves[:, 0], curves[:, -1]
    start = np.stack([np.maximum(first - last, 1), np.full(first.size, 0.3), last], 1)
    # Counts n scatter by sqrt(n); of few, n + 1 is the better guess of what was to be expected.
    return fit_many(decay, t, curves, start, sigma=np.sqrt(curves + 1), absolute_sigma=True)


def draw(path, stack, lifetimes, errors):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = (
        ("photons, first image", stack[0], None),
        ("lifetime, ns", lifetimes, (2, 5)),
        ("its standard error, ns", errors, None),
    )
    for axes, (title, image, limits) in zip(figure.subplots(1, 3), panels, strict=True):
        figure.colorbar(axes.imshow(image, clim=limits), ax=axes)
        axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(path)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--plot", metavar="FILE", nargs="?", const="pixels.png")
    path = options.parse_args().plot
    t, stack, cell = measured(np.random.default_rng(0))
    found = fit(t, stack)
    rates, errors = (part[:, 1].reshape(cell.shape) for part in (found.popt, found.perr))
    print(f"{len(found)} pixels, {found.success.mean():.0%} converged")
    for name, where in (("cell", cell), ("around", ~cell)):
        weights = errors[where] ** -2
        rate = np.average(rates[where], weights=weights)
        print(f"{name}: lifetime {1 / rate:.2f} ns (true: {LIFETIMES[name]})")
    true = np.where(cell, 1 / LIFETIMES["cell"], 1 / LIFETIMES["around"])
    apart = np.abs(rates - true) / errors
    print(f"within one standard error: {np.mean(apart < 1):.0%}, two: {np.mean(apart < 2):.0%}")
    if path:
        draw(path, stack, 1 / rates, errors / rates**2)


if __name__ == "__main__":
    main()
