"""Fits as text."""

from __future__ import annotations

from typing import Any


def fit_report(result: Any, least: float = 0.1) -> str:
    """Statistics, parameters with errors, and correlations of at least `least`."""
    lines = [f"Model: {result.model.name}", "", *_statistics(result), "", "Parameters"]
    width = max(map(len, result.params))
    lines += [f"  {name:<{width}}  {_estimate(p)}" for name, p in result.params.items()]
    pairs = _correlations(result, least)
    if pairs:
        lines += ["", f"Correlations of {least:g} and more"]
        width = max(len(f"{a}, {b}") for a, b, _ in pairs)
        lines += [f"  {f'{a}, {b}':<{width}}  {r:+.4f}" for a, b, r in pairs]
    return "\n".join(lines)


def _statistics(result: Any) -> list[str]:
    how = "converged" if result.success else "NOT converged: " + " ".join(result.message.split())
    rows = [
        ("fit", f"{how}, {result.nfev} evaluations"),
        ("points", f"{result.ndata}, {result.nvarys} free parameters"),
        ("chi-square", f"{result.chisqr:.8g}"),
        ("reduced chi-square", f"{result.redchi:.8g}"),
        ("AIC, BIC", f"{result.aic:.6f}, {result.bic:.6f}"),
        ("R-squared", f"{result.rsquared:.8f}"),
    ]
    if result.covar is None:
        rows.append(("errors", "unknown: the parameters cannot be told apart by these data"))
    return [f"  {name:<18}  {value}" for name, value in rows]


def _estimate(p: Any) -> str:
    text = f"{p.value:< 14.8g}"
    if p.stderr is not None:
        share = f" ({abs(p.stderr / p.value):.2%})" if p.value else ""
        text += f" +/- {p.stderr:.3g}{share}"
    if p.expr:
        return f"{text}  = {p.expr}"
    if not p.vary:
        return f"{text} (fixed)"
    ends = [e for e, v in (("minimum", p.min), ("maximum", p.max)) if v == p.value]
    return f"{text}  at its {ends[0]}" if ends else text


def _correlations(result: Any, least: float) -> list[tuple[str, str, float]]:
    names = result.var_names
    pairs = [
        (a, b, result.params[a].correl[b])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if abs(result.params[a].correl.get(b, 0.0)) >= least
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
