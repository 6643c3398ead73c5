"""What happens to a random training besides the usual: within a step, and between two calls."""

from __future__ import annotations

from random_programs import Draft


class Events(Draft):
    """A draft that knows the parameters and models so far.

    `params` are pairs of an expression and the names of its extents.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.params: list[tuple[str, tuple[str, ...]]] = []
        self.models: list[str] = []
        self.drops: list[str] = []
        self.rules: dict[str, str] = {}
        self.inputs: list[str] = []
        self.rests: list[str] = []  # statements that change what the step's own text reads
        self.late: list[str] = []  # statements of the setup after optimizers are there

    def parameter(self, name: str, *extents: str) -> None:
        """A new parameter."""
        self.params.append((name, extents))

    def alike(self) -> tuple[str, str] | None:
        """Two parameters of one shape, if there are."""
        shapes = {w: [self.extents.get(e, 1) for e in names] for w, names in self.params}
        pairs = [(a, b) for a in shapes for b in shapes if a != b and shapes[a] == shapes[b]]
        return self.pick(pairs) if pairs else None

    # Within a step

    def constants(self) -> None:
        """Numbers that the step reads where guards have to look."""
        if self.odds(0.75):
            return
        config, w = "config = SimpleNamespace()", self.params[0][0]
        where, used, setup = self.pick(
            [
                ("config.scale", "loss * config.scale", config),
                ("config.scale", 'loss * getattr(config, "scale")', config),
                ("config.scale", 'loss * vars(config)["scale"]', config),
                ("helper.scale", "helper(loss)", "helper = lambda t: t * helper.scale"),
                ("helper.scale", "loss * helper.scale", "helper = lambda t: t"),
                ("optimizer.scale", "loss * optimizer.scale", ""),
                ("step.scale", "loss * step.scale", ""),
                (f"{w}.scale", f"loss * {w}.scale", ""),
                ("scale", "loss * scale", ""),
            ]
        )
        self.setup += [setup] if setup else []
        if where == "step.scale":
            self.event("step.scale = 0.5", 0)
        else:
            self.late.append(f"{where} = 0.5")
        self.body.append(f"loss = {used}")
        self.rests.append(f"{where} = {{number}}")

    def aftermath(self) -> None:
        """What is done to memory once parameters are new."""
        for k in range(self.pick([0, 0, 1, 1, 2, 3])):
            w, extents = self.pick(self.params)
            if len(extents) == 2:
                self.of_matrix(w, extents, k)
            else:
                self.of_any(w, extents, k)

    def of_any(self, w: str, extents: tuple[str, ...], k: int) -> None:
        """Averages and counters."""
        shape = ", ".join(extents)
        kind = self.pick(["average", "count", "turn", "write", "target"])
        if kind == "average":
            self.setup.append(f"mean{k} = mg.zeros({shape})")
            self.body.append(f"mean{k}.mul_(0.9).add_({w}.detach(), alpha=0.1)")
        elif kind == "count":
            self.setup.append(f"count{k} = mg.zeros((), dtype=mg.int64)")
            self.body.append(f"count{k}.add_(1)")
        elif kind == "turn":
            self.setup.append(f"turn{k} = SimpleNamespace(k=0)")
            self.body.append(f"turn{k}.k = (turn{k}.k + 1) % 2")
        elif kind == "write":
            self.body.append(f"with mg.no_grad(): {w}.mul_(0.98).add_(0.01)")
        else:
            self.setup.append(f"copy{k} = {w}.detach().clone()")
            self.body.append(f"copy{k}.lerp_({w}.detach(), 0.3)")

    def of_matrix(self, w: str, extents: tuple[str, ...], k: int) -> None:
        """Reads and writes through views, turned and strided."""
        rows, columns = extents
        write = self.pick(
            [
                f"{w}[0].mul_(0.9)",
                f"{w}.t()[0].mul_(0.9)",
                f"{w}.t().add_(0.01)",
                f"{w}[:, -1].copy_({w}[:, 0] * 0.9)",
                f"{w}[0] = {w}[-1] * 0.8",
                f"{w}.div_({w}.norm() + 1.0)",
                f"{w}.sub_({w}.mean(0))",
                f"{w}.mul_(0.9).sub_({w}.mean(1, keepdim=True), alpha=0.1)",
            ]
        )
        turned = f"{w}.detach().t()"
        kind = self.pick(["write", "turned", "swap", "chain", "any", "both"])
        if kind == "any":
            self.of_any(w, extents, k)
            return
        if kind in ("write", "both"):
            self.body.append(f"with mg.no_grad(): {write}")
        if kind in ("turned", "both"):
            self.setup.append(f"t{k} = mg.zeros({columns}, {rows})")
            self.body.append(f"t{k}.copy_({turned} + 0.5)")
        elif kind == "swap":
            self.setup += [
                f"s{k} = mg.rand({columns}, {rows})",
                f"r{k} = mg.rand({rows}, {columns})",
            ]
            self.body.append(f"one, two = s{k}.t() * 0.5, r{k}.t() + {turned}")
            self.body.append(f"r{k}.copy_(one); s{k}.copy_(two * 0.5)")
        elif kind == "chain":
            self.setup += [
                f"c{k} = mg.rand({columns}, {rows})",
                f"d{k} = mg.zeros({columns}, {rows})",
            ]
            self.body.append(f"d{k}.copy_(c{k} + {turned}); c{k}.mul_(0.5).add_({turned})")
            self.body.append(f"with mg.no_grad(): {w}.add_(d{k}.t(), alpha=0.01)")

    # Between calls

    def happening(self) -> None:
        """One event."""
        if self.rests and self.odds(0.4):
            number = self.number(0.2, 1.5)
            self.event(self.pick(self.rests).format(number=number))
            return
        kinds = [self.of_options] * 4 + [self.of_memory] * 4 + [self.of_parameters] * 3
        kinds += [self.of_gradients] * 3 + [self.of_modes] * 2 + [self.of_sharing]
        self.pick(kinds)()

    def of_options(self) -> None:
        """An optimizer's options, groups and state."""
        name = self.pick(list(self.rules))
        rule = self.rules[name]
        group = f"{name}.param_groups[0]"
        changes = [f'{group}["lr"] = {self.number(0.001, 0.03)}'] * 3
        changes += [f'{group}["lr"] = 0.0']
        if rule != "Rprop":
            changes += [f'{group}["weight_decay"] = {self.pick([0, 0.1, 0.02])}']
        if rule in ("SGD", "RMSprop"):
            changes += [f'{group}["momentum"] = {self.pick([0, 0.5, 0.8])}'] * 2
        if rule in ("Adam", "AdamW", "RAdam", "Adamax"):
            changes += [f'{group}["betas"] = ({self.number(0.3, 0.9)}, {self.number(0.6, 0.99)})']
        changes += [f'{group}["maximize"] = not {group}["maximize"]']
        changes += [f"{name}.load_state_dict(copy.deepcopy({name}.state_dict()))"]
        changes += [f"{name}.state.clear()"]
        self.event(self.pick(changes))

    def of_memory(self) -> None:
        """Values written from outside, and draws."""
        w = self.pick(self.params)[0]
        changes = [
            f"with mg.no_grad(): {w}.mul_(0.5)",
            f"with mg.no_grad(): {w}[0] = 0.25",
            f"{w}.data = {w}.data * 0.5",
            f"{w}.data = {w}.data.clone()",
            "mg.manual_seed(7)",
            "mg.rand(3)",
        ]
        changes += [f"{x}.copy_(mg.rand_like({x}))" for x in self.inputs[-1:]]
        changes += [f"{x} = mg.rand_like({x})" for x in self.inputs]
        self.event(self.pick(changes))

    def of_parameters(self) -> None:
        """Frozen and thawed, added, replaced."""
        w, extents = self.pick(self.params)
        shape = ", ".join(extents)
        call = self.chance.randint(3, 7)
        kind = self.pick(["freeze", "freeze", "replace", "add"])
        if kind == "freeze" and len(self.params) > 1:
            self.event(f"{w}.requires_grad_(False)", call)
            if self.odds(0.6):
                self.event(f"{w}.requires_grad_(True)", call + self.chance.randint(1, 4))
        elif kind == "replace":
            new = f"nn.Parameter(mg.rand({shape}) - 0.5)"
            text = f"{w} = {new}"
            if self.odds(0.5):
                rule = self.pick(list(self.rules))
                text += f'; {rule}.param_groups[0]["params"][0] = {w}'
            self.event(text, call)
        elif kind == "add":
            self.setup.append("extra = mg.ones(1, requires_grad=True)")
            self.body.insert(self.body.index("loss.backward()"), "loss = loss + extra.sin().sum()")
            rule = self.pick(list(self.rules))
            self.event(f'{rule}.add_param_group({{"params": [extra], "lr": 0.05}})', call)

    def of_gradients(self) -> None:
        """Gradients dropped, made and shared by hand."""
        w = self.pick(self.params)[0]
        changes = [
            f"{w}.grad = None",
            f"{w}.grad = mg.ones_like({w}).detach()",
            f"{w}.grad = {w}.detach().clone()",
            f"{w}.grad = {w}.detach()",
            f"if {w}.grad is not None: {w}.grad.mul_(0.5)",
        ]
        two = self.alike()
        if two:
            a, b = two
            changes += [
                f"{a}.grad = {b}.grad = mg.zeros_like({a}).detach()",
                f"{a}.grad = {b}.grad",
            ]
        self.event(self.pick(changes))

    def of_modes(self) -> None:
        """Train and eval, and dropout's share."""
        changes = [f"{m}.{mode}()" for m in self.models for mode in ("eval", "train", "eval")]
        changes += [f"{d}.p = {self.number(0.0, 0.6)}" for d in self.drops] * 2
        if changes:
            self.event(self.pick(changes))
        else:
            self.of_memory()

    def of_sharing(self) -> None:
        """Parameters tied by their memory or as objects, and untied."""
        two = self.alike()
        if not two:
            self.of_parameters()
            return
        a, b = two
        call = self.chance.randint(3, 7)
        self.event(self.pick([f"{a}.data = {b}.data", f"{a} = {b}"]), call)
        if self.odds(0.5):
            self.event(f"{a}.data = {a}.data.clone()", call + self.chance.randint(1, 4))
