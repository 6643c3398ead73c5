"""Random trainings: nets of linear layers, every optimizer with every option, and what people do.

Layers have few units, often one, batches few samples, and matrices are often square; gradients
are kept, added up, clipped and dropped; parameters are frozen, tied, replaced and written to.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from random_events import Events

# By optimizer, options that may be there: a range for a number, or values to pick from.
RATE = (0.002, 0.05)
DECAY = (0.01, 0.3)
BETAS = ["(0.9, 0.99)", "(0.7, 0.8)", "(0.5, 0.9)"]
SMALL = ["1e-3", "0.1", "1e-6"]
HINTS: dict[str, Any] = {"foreach": ["True", "False"]}  # which choose nothing here
LATER: dict[str, Any] = HINTS | {"capturable": ["True", "False"]}
ADAM: dict[str, Any] = {
    "lr": RATE,
    "betas": BETAS,
    "eps": SMALL,
    "weight_decay": DECAY,
    "amsgrad": ["True"],
    "maximize": ["True"],
}
RULES: dict[str, dict[str, Any]] = {
    "SGD": {
        **HINTS,
        "lr": (0.005, 0.1),
        "momentum": (0.5, 0.95),
        "dampening": (0.1, 0.5),
        "weight_decay": DECAY,
        "nesterov": ["True"],
        "maximize": ["True"],
    },
    "Adam": {**ADAM, **LATER, "decoupled_weight_decay": ["True"]},
    "AdamW": {**ADAM, **LATER},
    "Adagrad": {
        **HINTS,
        "lr": (0.01, 0.2),
        "lr_decay": (0.05, 0.3),
        "weight_decay": DECAY,
        "initial_accumulator_value": (0.1, 0.5),
        "eps": SMALL,
        "maximize": ["True"],
    },
    "RMSprop": {
        **LATER,
        "lr": (0.001, 0.02),
        "alpha": (0.6, 0.99),
        "eps": SMALL,
        "weight_decay": DECAY,
        "momentum": (0.3, 0.9),
        "centered": ["True"],
        "maximize": ["True"],
    },
    "Adadelta": {
        **LATER,
        "lr": (0.3, 1.0),
        "rho": (0.5, 0.95),
        "eps": ["1e-3", "1e-4", "1e-6"],
        "weight_decay": DECAY,
        "maximize": ["True"],
    },
    "RAdam": {
        **LATER,
        "lr": RATE,
        "betas": BETAS,
        "eps": SMALL,
        "weight_decay": DECAY,
        "decoupled_weight_decay": ["True"],
        "maximize": ["True"],
    },
    "Adamax": {key: values for key, values in {**ADAM, **LATER}.items() if key != "amsgrad"},
    "NAdam": {
        "lr": RATE,
        "betas": BETAS,
        "eps": SMALL,
        "weight_decay": DECAY,
        "momentum_decay": ["0.0", "0.2"],
        "decoupled_weight_decay": ["True"],
        "maximize": ["True"],
    },
    "ASGD": {
        "lr": RATE,
        "lambd": SMALL,
        "alpha": ["0.5"],
        "t0": ["0", "3"],
        "weight_decay": DECAY,
        "maximize": ["True"],
    },
    "Rprop": {
        **LATER,
        "lr": (0.005, 0.05),
        "etas": ["(0.3, 1.5)", "(0.5, 1.1)"],
        "step_sizes": ["(0.005, 0.02)", "(1e-4, 0.1)"],
        "maximize": ["True"],
    },
}
SCHEDULES = [
    "StepLR({}, 3, 0.5)",
    "MultiStepLR({}, [2, 5, 5, 9], 0.7)",
    "ExponentialLR({}, 0.9)",
    "CosineAnnealingLR({}, 6, 1e-3)",
    "LambdaLR({}, lambda step: 1 / (1 + step))",
    "LinearLR({}, 0.1, 0.8, 7)",
    "OneCycleLR({}, 0.1, 40, cycle_momentum=False)",
    "CyclicLR({}, 0.01, 0.1, 2, 3, cycle_momentum=False)",
    "CosineAnnealingWarmRestarts({}, 4, 2)",
    "PolynomialLR({}, 12, 2.0)",
]
BENT = ["mg.tanh", "mg.sigmoid", "F.relu", "F.softplus", "mg.sin", "F.gelu", "F.silu", "mg.atan"]
MODULES = ["nn.Tanh()", "nn.ReLU()", "nn.Sigmoid()", "nn.SiLU()"]
LOSSES = [
    "(h - y).pow(2).mean()",
    "(h - y).pow(2).mean(0).sum()",
    "(h - y).square().sum()",
    "F.mse_loss(h, y)",
    "(1 + (h - y).square()).sqrt().mean()",
    "(h - y).abs().mean()",
    "(h * y).sin().sum() + h.square().mean()",
    "h.exp().sum(1).log().mean() - (h * y).mean()",
    "F.softplus(-h * y).sum()",
]


class Training(Events):
    """A training as it is drawn."""

    def draw(self) -> None:
        """The whole program."""
        self.sizes()
        if self.odds(0.12):
            self.game()
        else:
            self.fit()
        if self.odds(0.75):
            for _ in range(self.chance.randint(1, 4)):
                self.happening()
        self.setup += self.late

    def sizes(self) -> None:
        """Samples, features, hidden units, outputs."""
        for name in "BDHO":
            self.extent(name)

    # Data

    def data(self) -> None:
        """Samples with a global name, or batches that are arguments."""
        if self.odds(0.65):
            self.setup.append(f"x, y = {self.samples('B', 'D')}, mg.rand(B, O) - 0.3")
            self.inputs = ["x", "y"]
            return
        self.extent("C")
        for k, rows in enumerate("BC"):
            self.setup.append(f"batch{k} = {self.samples(rows, 'D')}, mg.rand({rows}, O) - 0.3")
        order = ", ".join(f"batch{self.pick([0, 0, 1])}" for _ in range(self.pick([1, 2, 3, 5])))
        self.setup.append(f"inputs = [{order}, batch1]")
        self.takes = "x, y"

    def samples(self, rows: str, columns: str) -> str:
        """A matrix of one of a few layouts."""
        layouts = [f"mg.rand({rows}, {columns}) - 0.5"] * 5
        layouts += [f"(mg.rand({columns}, {rows}) - 0.5).t()"]
        layouts += [f"(mg.rand({rows}, 2 * {columns}) - 0.5)[:, ::2]"]
        layouts += [f"(mg.rand({columns}) - 0.5).expand({rows}, {columns})"]
        return str(self.pick(layouts))

    # Layers

    def layers(self) -> None:
        """Statements that make `h` of `x`, and what they need."""
        widths = ["D", *self.pick([[], [], ["H"], ["H"], ["H"], ["H", "D"]]), "O"]
        pairs = list(pairwise(widths))
        if self.odds(0.3):
            self.sequential(pairs)
        else:
            self.body.append("h = x")
            for k, (a, b) in enumerate(pairs):
                self.layer(f"l{k}", a, b)
                if k < len(pairs) - 1:
                    self.between(k)

    def sequential(self, pairs: list[tuple[str, str]]) -> None:
        """All layers in one module."""
        members: list[str] = []
        for a, b in pairs:
            bias = self.odds(0.6)
            self.parameter(f"model[{len(members)}].weight", b, a)
            if bias:
                self.parameter(f"model[{len(members)}].bias", b)
            members.append(f"nn.Linear({a}, {b}{'' if bias else ', bias=False'})")
            members += [self.pick(MODULES)] * self.odds(0.5)
            if self.odds(0.2):
                self.drops.append(f"model[{len(members)}]")
                members.append("nn.Dropout(0.4)")
        self.setup.append(f"model = nn.Sequential({', '.join(members)})")
        self.models.append("model")
        self.body.append("h = model(x)")

    def layer(self, name: str, a: str, b: str) -> None:
        """A linear layer, as a module, by a weight alone, or by the weight of another, turned."""
        turned = [w for w, shape in self.params if shape == (a, b) and self.odds(0.4)]
        if turned:
            self.body.append(f"h = h @ {turned[0]}")
        elif self.odds(0.6):
            bias = self.odds(0.6)
            self.setup.append(f"{name} = nn.Linear({a}, {b}{'' if bias else ', bias=False'})")
            self.models.append(name)
            self.parameter(f"{name}.weight", b, a)
            if bias:
                self.parameter(f"{name}.bias", b)
            self.body.append(f"h = {name}(h)")
        else:
            self.setup.append(f"{name} = {self.weight(b, a)}")
            self.parameter(name, b, a)
            self.body.append(self.pick([f"h = F.linear(h, {name})", f"h = h @ {name}.t()"]))

    def weight(self, rows: str, columns: str) -> str:
        """A parameter by itself, contiguous or not."""
        return str(
            self.pick(
                [
                    f"(mg.rand({rows}, {columns}) - 0.5).requires_grad_()",
                    f"(mg.rand({columns}, {rows}) - 0.5).t().detach().requires_grad_()",
                    f"(mg.rand({rows}, 2 * {columns}) - 0.5)[:, ::2].detach().requires_grad_()",
                    f"(mg.rand({rows} + 1, {columns}) - 0.5)[1:].detach().requires_grad_()",
                ]
            )
        )

    def between(self, k: int) -> None:
        """What comes after a hidden layer."""
        if self.odds(0.75):
            self.body.append(f"h = {self.pick(BENT)}(h)")
        if self.odds(0.12):
            self.setup.append(f"drop{k} = nn.Dropout(0.3)")
            self.models.append(f"drop{k}")
            self.drops.append(f"drop{k}")
            self.body.append(f"h = drop{k}(h)")
        if self.odds(0.08):
            noise = self.pick(["mg.randn_like(h)", "mg.rand_like(h)", "mg.rand(h.shape[1])"])
            self.body.append(f"h = h + 0.1 * {noise}")
        if self.odds(0.12):
            self.setup.append(f"gain{k} = mg.ones(1, requires_grad=True)")
            self.parameter(f"gain{k}", "1")
            self.body.append(f"h = h * gain{k}")
        if self.odds(0.12):
            self.buffer(f"bag{k}")

    def buffer(self, name: str) -> None:
        """The running mean of a hidden layer, subtracted or not."""
        self.setup += [f"{name} = nn.Module()", f'{name}.register_buffer("mean", mg.zeros(()))']
        update = self.pick(
            [
                f"with mg.no_grad(): {name}.mean.mul_(0.9).add_(h.mean(), alpha=0.1)",
                f"{name}.mean = {name}.mean * 0.9 + h.detach().mean() * 0.1",
            ]
        )
        self.body += [update, *[f"h = h - {name}.mean"] * self.odds(0.5)]

    # Steps

    def fit(self) -> None:
        """The usual step, with what may be before, between and after."""
        self.data()
        self.layers()
        zero = self.zero()
        self.body.append(f"loss = {self.pick(LOSSES)}")
        if self.odds(0.3):
            self.penalty()
        self.constants()
        backward = self.pick([["loss.backward()"]] * 5 + [["loss.backward(retain_graph=True)"] * 2])
        self.body += [*backward[:-1], "loss.backward()"]
        if self.odds(0.1):
            self.body.append(f"({self.pick(self.params)[0]}.square().mean() * 0.1).backward()")
        self.optimizers()
        first = not self.odds(0.2)
        if zero and first:
            self.body.insert(0, zero)
        self.clip()
        for name in self.rules:
            self.body.append(f"{name}.step()")
        self.scheduled()
        self.aftermath()
        if zero and not first:
            self.body.append(zero)
        self.returned()

    def zero(self) -> str:
        """How gradients are forgotten, if they are."""
        each = "; ".join(f"{w}.grad = None" for w, _ in self.params)
        rule = "optimizer.zero_grad()"
        kinds = [rule, rule, rule, "optimizer.zero_grad(set_to_none=False)", each, ""]
        return str(self.pick(kinds + [f"{m}.zero_grad()" for m in self.models[:1]]))

    def penalty(self) -> None:
        """A term of the weights alone."""
        w = self.pick(self.params)[0]
        term = self.pick(["0.1 * {}.square().sum()", "0.1 * {}.abs().sum()", "{}.sin().mean()"])
        self.body.append(f"loss = loss + {term.format(w)}")

    def optimizers(self) -> None:
        """One for all parameters, or one for each half of them."""
        names = [w for w, _ in self.params]
        self.chance.shuffle(names)
        half = self.chance.randint(1, len(names) - 1) if len(names) > 1 else 0
        if half and self.odds(0.2):
            self.optimizer("optimizer", names[:half])
            self.optimizer("other", names[half:])
        elif self.odds(0.1):
            self.optimizer("optimizer", names)
            self.optimizer("other", names[: half + 1])
        else:
            self.optimizer("optimizer", names)

    def optimizer(self, name: str, params: list[str]) -> None:
        """An optimizer of these parameters, in one group or two."""
        rule = self.pick(list(RULES))
        given = f"[{', '.join(params)}]"
        if len(params) > 1 and self.odds(0.25):
            rate = self.number(*RULES[rule]["lr"])
            rest = ", ".join(params[1:])
            given = f'[{{"params": [{params[0]}], "lr": {rate}}}, {{"params": [{rest}]}}]'
        options = "".join(f", {key}={value}" for key, value in self.options(rule).items())
        self.setup.append(f"{name} = optim.{rule}({given}{options})")
        self.rules[name] = rule

    def options(self, rule: str) -> dict[str, Any]:
        """Some of the options that a rule has; a rate always."""
        found: dict[str, Any] = {}
        for key, values in RULES[rule].items():
            seldom = key in ("maximize", *LATER)
            if key == "lr" or self.odds(0.2 if seldom else 0.5):
                pick = self.pick if isinstance(values, list) else lambda given: self.number(*given)
                found[key] = pick(values)
        if self.odds(0.05):
            found["lr"] = f"mg.tensor({found['lr']})"
        if "nesterov" in found:
            found.setdefault("momentum", 0.9)
            found.pop("dampening", None)
        return found

    def clip(self) -> None:
        """What is done to gradients before they are used."""
        if self.odds(0.7):
            return
        names = ", ".join(w for w, _ in self.params)
        first = self.pick(self.params)[0]
        self.body.append(
            self.pick(
                [
                    f"norm = nn.utils.clip_grad_norm_([{names}], {self.number(0.1, 2)})",
                    f"nn.utils.clip_grad_norm_([{names}], {self.number(0.1, 2)}, 1.0)",
                    f"nn.utils.clip_grad_value_([{names}], {self.number(0.05, 0.5)})",
                    f"if {first}.grad is not None: {first}.grad.mul_(0.5)",
                    f"if {first}.grad is not None: {first}.grad = {first}.grad.tanh()",
                ]
            )
        )

    def scheduled(self) -> None:
        """A scheduler in the step, or one that is stepped between calls."""
        if self.odds(0.7):
            return
        name = self.pick(list(self.rules))
        schedule = self.pick(SCHEDULES).format(name)
        self.setup.append(f"scheduler = lr_scheduler.{schedule}")
        if self.odds(0.7):
            self.body.append("scheduler.step()")
        else:
            for call in range(2, 12, 3):
                self.event("scheduler.step()", call)

    def returned(self) -> None:
        """What the step returns."""
        others = ["h", "h.sum()", self.pick(self.params)[0] + ".sum()", self.pick(self.params)[0]]
        self.body.append(f"return loss{', ' + self.pick(others) if self.odds(0.3) else ''}")

    def game(self) -> None:
        """Two nets against each other, each with an optimizer of its own."""
        self.setup.append("x = mg.rand(B, O) - 0.5")
        self.inputs = ["x"]
        for name, a, b in (("maker", "D", "O"), ("judge", "O", "H")):
            self.setup.append(f"{name} = nn.Linear({a}, {b})")
            self.models.append(name)
            self.parameter(f"{name}.weight", b, a)
            self.parameter(f"{name}.bias", b)
        fresh = self.odds(0.5)
        if not fresh:
            self.setup.append("z = mg.rand(B, D)")
        self.optimizer("optimizer", ["judge.weight", "judge.bias"])
        self.optimizer("other", ["maker.weight", "maker.bias"])
        bent = self.pick(BENT)
        self.body += ["z = mg.rand(B, D)"] * fresh
        self.body += [
            f"made = {bent}(maker(z))",
            "optimizer.zero_grad()",
            "loss = F.softplus(-judge(x)).mean() + F.softplus(judge(made.detach())).mean()",
            "loss.backward()",
            "optimizer.step()",
            "other.zero_grad()",
            "worse = F.softplus(-judge(made)).mean()",
            "worse.backward()",
            "other.step()",
        ]
        self.aftermath()
        self.body.append("return loss, worse")
