"""L-BFGS: quasi-Newton steps from the last differences of parameters and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...functions.joining.stacking import cat
from ...graph.modes import enable_grad, no_grad
from ...tensor import Tensor
from ..groups import check_nonnegative
from ..optimizer import Optimizer
from .line_search import Point, strong_wolfe


class LBFGS(Optimizer):
    """L-BFGS (Liu and Nocedal 1989): `step(closure)` takes up to `max_iter` steps.

    The closure computes the loss and its gradients, and returns the loss; it is called as often as
    the method asks for it, up to `max_eval` times, 1.25 `max_iter` unless given. Steps have length
    `lr`, or what `line_search_fn="strong_wolfe"` finds from there. It ends where the largest
    gradient is at most `tolerance_grad`, or a step or the loss changes by less than
    `tolerance_change`. There is one group of parameters.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_nonnegative(lr=lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups): there are "
                f"{len(self.param_groups)}"
            )

    def _rehearse(self, group: Any) -> None:
        """It has no kernel of its own."""

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Minimize what `closure` computes for a while; the loss at the beginning is returned."""
        self.stepped = True
        with no_grad():
            return self._minimize(closure)

    def _minimize(self, closure: Callable[[], Any]) -> Any:
        group, first = self.param_groups[0], self.param_groups[0]["params"][0]
        state, change = self.state[first], group["tolerance_change"]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        began, grad = self._evaluated(closure)
        loss, evaluated = float(began), 1
        state["func_evals"] += 1
        if float(grad.abs().max()) <= group["tolerance_grad"]:
            return began
        for k in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(grad)
            before, loss_before = grad, loss
            state["prev_flat_grad"], state["prev_loss"] = grad.clone(), loss
            start = min(1.0, 1.0 / float(grad.abs().sum())) if state["n_iter"] == 1 else 1.0
            slope = float(before.dot(direction))
            state["d"], state["t"] = direction, start * float(group["lr"])
            if slope > -change:
                break
            calls = 0
            if group["line_search_fn"] is not None:
                loss, grad, state["t"], calls = self._searched(
                    closure, Point(0.0, loss, grad, slope), direction, evaluated
                )
            else:
                self._move(state["t"], direction)
                if k < group["max_iter"]:
                    found, grad = self._evaluated(closure)
                    loss, calls = float(found), 1
            evaluated += calls
            state["func_evals"] += calls
            small = float((direction * state["t"]).abs().max()) <= change
            flat = float(grad.abs().max()) <= group["tolerance_grad"]
            if evaluated >= group["max_eval"] or flat or small or abs(loss - loss_before) < change:
                break
        return began

    def _direction(self, grad: Tensor) -> Tensor:
        """Where to go: minus the gradient by the inverse Hessian that the differences describe."""
        state, size = (
            self.state[self.param_groups[0]["params"][0]],
            self.param_groups[0]["history_size"],
        )
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -grad
        y, s = grad - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = float(y.dot(s))
        if curvature > 1e-10:
            for name, new in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / curvature)):
                state[name] = [*state[name], new][-size:]
            state["H_diag"] = curvature / float(y.dot(y))
        pairs = list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True))
        q: Tensor = -grad
        shares: list[float] = []
        for y, s, ro in reversed(pairs):
            shares.append(float(s.dot(q)) * ro)
            q = q.add(y, alpha=-shares[-1])
        r: Tensor = q * state["H_diag"]
        for (y, s, ro), share in zip(pairs, reversed(shares), strict=True):
            r = r.add(s, alpha=share - float(y.dot(r)) * ro)
        return r

    def _searched(
        self, closure: Callable[[], Any], begin: Point, direction: Tensor, evaluated: int
    ) -> tuple[float, Tensor, float, int]:
        """The loss, the gradient and the length that the line search finds, and its evaluations."""
        group = self.param_groups[0]
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        params = group["params"]
        origin = [p.clone() for p in params]

        def at(t: float) -> Point:
            self._move(t, direction)
            loss, grad = self._evaluated(closure)
            for p, x in zip(params, origin, strict=True):
                p.copy_(x)
            return Point(t, float(loss), grad, float(grad.dot(direction)))

        length = self.state[params[0]]["t"]
        reach = float(direction.abs().max())
        most = group["max_eval"] - evaluated
        found, calls = strong_wolfe(at, begin, length, reach, group["tolerance_change"], most)
        self._move(found.t, direction)
        return found.loss, found.grad, found.t, calls

    def _evaluated(self, closure: Callable[[], Any]) -> tuple[Any, Tensor]:
        """The loss, and all gradients in one vector."""
        with enable_grad():
            loss = closure()
        return loss, cat(
            [
                p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1)
                for p in self.param_groups[0]["params"]
            ]
        )

    def _move(self, t: float, direction: Tensor) -> None:
        """Add t times the direction to the parameters."""
        at = 0
        for p in self.param_groups[0]["params"]:
            n = p.numel()
            p.add_(direction[at : at + n].reshape(p.shape), alpha=t)
            at += n
