"""Fits as text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any


def fit_report(result: Any, least: float = 0.1) -> str:
    """Parameters with errors, how good the fit is, and correlations of at least `least`."""
    lines = [f"Model: {_named(result.model)}", "", "Parameters"]
    lines += [f"  {line}" for line in estimates(result.params)]
    lines += ["", "Fit", *(f"  {name:<18}  {value}" for name, value in _statistics(result))]
    pairs = [(a, b, r) for a, b, r in correlations(result) if abs(r) >= least]
    if pairs:
        width = max(len(f"{a}, {b}") for a, b, _ in pairs)
        lines += ["", f"Correlations of {least:g} and more"]
        lines += [f"  {f'{a}, {b}':<{width}}  {r:+.4f}" for a, b, r in pairs]
    return "\n".join(lines)


def _named(model: Any) -> str:
    """A model's name, and its formula if it has one of another name."""
    text = getattr(getattr(model, "f", None), "text", model.name)
    return model.name if text == model.name else f"{model.name}, {text}"


def estimates(params: Any) -> Iterator[str]:
    """A line for each parameter."""
    width = max(map(len, params))
    for name, p in params.items():
        error = math.nan if p.stderr is None else p.stderr
        percent = f"  ({error / abs(p.value):.2%})" if p.value and 0 < error < math.inf else ""
        yield f"{name:<{width}}  {measured(p.value, error)}{percent}{_note(p)}"


def measured(value: float, error: float) -> str:
    """`3.002 ± 0.004`: as many digits of a value as its error leaves."""
    if not (math.isfinite(error) and error > 0):
        return f"{value:.7g}"
    last = _exponent(float(f"{error:.1e}")) - 1  # the power of ten of the error's second digit
    rounded = round(value, -last)
    digits = _exponent(rounded) - last + 1
    if rounded and digits > 1:
        value, digits = rounded, min(digits, 15)
    return f"{value:#.{max(digits, 2)}g}".rstrip(".") + f" ± {error:#.2g}".rstrip(".")


def _exponent(value: float) -> int:
    """The power of ten of a number's first digit."""
    return math.floor(math.log10(abs(value))) if value else 0


def _note(p: Any) -> str:
    """What keeps a parameter where it is."""
    if p.expr:
        return f"  = {p.expr}"
    if not p.vary:
        return " (fixed)"
    ends = [end for end, value in (("minimum", p.min), ("maximum", p.max)) if value == p.value]
    return f"  at its {ends[0]}" if ends else ""


def _statistics(result: Any) -> Iterator[tuple[str, str]]:
    """How good the fit is, and how it was come to."""
    plain = result.loss == "linear"
    reduced = f", reduced {result.redchi:.6g}" if result.nfree > 0 else ""
    yield "chi-square" if plain else f"sum of {result.loss}", f"{result.chisqr:.6g}{reduced}"
    counts = f"{result.ndata} points, {result.nvarys} free parameters"
    yield "degrees of freedom", f"{result.nfree}: {counts}"
    if plain:
        yield "AIC, BIC", f"{result.aic:.6g}, {result.bic:.6g}"
        yield "R-squared", f"{result.rsquared:.8g}"
    if result.covar is None:
        yield "standard errors", f"unknown: {_unknown(result)}"
    begin = ", ".join(f"{n} = {result.init_params[n].value:g}" for n in result.var_names)
    how = f"{result.nfev} evaluations from {begin}"
    yield ("converged", how) if result.success else ("NOT converged", f"{_why(result)}; {how}")


def _why(result: Any) -> str:
    return " ".join(result.message.split()).rstrip(".")


def _unknown(result: Any) -> str:
    """Why there are no standard errors."""
    if result.nfree < 1:
        return "there are as many parameters as points"
    idle = result.idle()
    if idle:
        return f"{', '.join(idle)} does not change the model here; fix it"
    return "the data do not determine all parameters; fix one"


def correlations(result: Any) -> list[tuple[str, str, float]]:
    """Those of every two free parameters, as far as they are known, the strongest first."""
    names = result.var_names
    pairs = [
        (a, b, result.params[a].correl[b])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if b in result.params[a].correl
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[2]))


def ci_report(found: dict[str, list[tuple[float, float]]]) -> str:
    """Profile intervals, each limit as the way from the estimate."""
    width = max(map(len, found), default=0)
    lines: list[str] = []
    for name, pairs in found.items():
        best = next(value for probability, value in pairs if probability == 0)
        if not lines:
            lines.append(" " * width + "".join(f"  {p or 0:>11.2%}" for p, _ in pairs))
        cells = (f"{v:>13.6g}" if p == 0 else f"{v - best:>+13.6g}" for p, v in pairs)
        lines.append(f"{name:<{width}}" + "".join(cells))
    return "\n".join(lines)
