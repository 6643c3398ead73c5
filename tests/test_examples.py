"""The programs under examples/ run whole, and come to the numbers they are known for."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import microgrest as torch

pytestmark = [pytest.mark.devices, pytest.mark.large]

EXAMPLES = Path(__file__).parent.parent / "examples"
START = [0.1, 0.2, 0.3, 0.4]
ENDS = [0.0014754686, 0.8453529433, -0.0002545429, -0.0917105595]
LOSS = 8.9563475874

# Where 2000 steps of size 1e-6 lead, whatever computes the gradients.
DESCENTS = ["cubic_by_hand", "cubic_autograd", "cubic_sequential", "cubic_module"]


def run(name, run_name="example"):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name=run_name)


@pytest.mark.parametrize("name", DESCENTS)
def test_descent_in_float64(name):
    *coefficients, loss = run(name)["fit"](START, torch.float64)
    assert coefficients == pytest.approx(ENDS, abs=1e-10, rel=0)
    assert loss == pytest.approx(LOSS, abs=1e-9, rel=0)


@pytest.mark.parametrize("name", DESCENTS)
def test_descent_in_float32(name):
    *coefficients, loss = run(name)["fit"](START, torch.float32)
    assert coefficients == pytest.approx(ENDS, abs=1e-5, rel=0)
    assert loss == pytest.approx(LOSS, rel=1e-5)


def rmsprop_in_numpy(steps):
    """The coefficients at every step of the fit, from START."""
    x = np.linspace(-np.pi, np.pi, 2000)
    powers, target = np.stack([x**0, x, x**2, x**3]), np.sin(x)
    p, square, path = np.array(START), np.zeros(4), []
    for _ in range(steps):
        g = 2 * powers @ (p @ powers - target)
        square = 0.99 * square + 0.01 * g**2
        p = p - 1e-3 * g / (np.sqrt(square) + 1e-8)
        path.append(p)
    return path


def test_rmsprop_follows_its_trajectory():
    path, fit = rmsprop_in_numpy(500), run("cubic_rmsprop")["fit"]
    for steps in (1, 2, 10, 100, 500):
        *coefficients, _ = fit(START, torch.float64, steps)
        assert coefficients == pytest.approx(path[steps - 1], abs=1e-9, rel=0)


@pytest.mark.parametrize("name", [*DESCENTS, "cubic_rmsprop"])
def test_main_program_fits_and_prints(name, capsys):
    run(name, "__main__")
    *log, result = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in log] == list(range(99, 2000, 100))
    losses = [float(line.split()[1]) for line in log]
    assert losses[-1] < losses[0]
    assert result.startswith("Result: y = ") and result.endswith(" x^3")


OUTPUTS = {
    "gradients": """\
tensor(120., dtype=microgrest.float64, grad_fn=<AddBackward0>)
dy/dx = tensor(20., dtype=microgrest.float64)
tensor([10., 20., 30., 40.], dtype=microgrest.float64, requires_grad=True)
tensor(770., dtype=microgrest.float64, grad_fn=<MeanBackward0>)
dy/dx = tensor([ 5., 10., 15., 20.], dtype=microgrest.float64)
tensor(700., dtype=microgrest.float64, grad_fn=<AddBackward0>)
dy/dx1 = tensor(40., dtype=microgrest.float64) dy/dx2 = tensor(50., dtype=microgrest.float64)
tensor(2050., dtype=microgrest.float64, grad_fn=<MeanBackward0>)
dy/dx1 = tensor([25., 40.], dtype=microgrest.float64) \
dy/dx2 = tensor([35., 50.], dtype=microgrest.float64)
""",
    "grad_modes": """\
in no_grad: False
in enable_grad within it: True
back in no_grad: False
outside: True
no_grad as a decorator: False
enable_grad as a decorator: True
after set_grad_enabled(False): False False
after set_grad_enabled(True): True True
set_grad_enabled(True) as a context: True
set_grad_enabled(False) as a context: False
in inference_mode: False True
another thread while this one is in no_grad: True
""",
    "accumulation": """\
accumulated: tensor(20.)
accumulated: tensor(40.)
accumulated: tensor(60.)
after grad.zero_(): tensor(0.) then tensor(20.)
after grad.data.zero_(): tensor(0.) then tensor(20.)
after grad = None: None then tensor(20.)
""",
    "gradient_descent": """\
step    1: x = 9.9800000000
step   10: x = 9.8017904335
step  100: x = 8.1856680469
step 1000: x = 1.3506452245
step 5000: x = 0.0004494759
refused: RuntimeError
x = -0.0005505241
""",
    "detach_and_numpy": """\
RuntimeError: Can't call numpy() on Tensor that requires grad. \
Use tensor.detach().numpy() instead.
tensor([1., 2., 3.]) False
x sees the write: tensor([10.,  2.,  3.], requires_grad=True)
x sees this one too: tensor([10., 20.,  3.], requires_grad=True)
from_numpy shares: tensor([ 1.,  2., 30.], dtype=microgrest.float64)
in both directions: [-1.  2. 30.]
x1: tensor([1., 2., 3.], requires_grad=True)
x2: tensor([7., 8., 9.])
""",
    "vector_outputs": """\
refused: RuntimeError
weighted: tensor([2.0000, 0.4000, 0.0600], dtype=microgrest.float64)
the same by a sum: tensor([2.0000, 0.4000, 0.0600], dtype=microgrest.float64)
""",
    "own_ops": """\
height, center, width, share: 3.00, 0.50, 0.80, 0.30 (true: 3.0, 0.5, 0.8, 0.3)
lifetime behind the response: 2.50 (true: 2.5)
derivatives of the area by the width: 133.915, -13.663
""",
    "fit_decay": """\
        a1 =   964.4 +/- 22.8
     half1 =    24.9 +/- 1.0
        a2 =   229.7 +/- 13.7
     half2 =   159.7 +/- 9.9
background =    16.6 +/- 1.7
reduced chi-square 1.01
""",
    "fit_peaks": """\
a_amplitude =  60.04 +/- 0.35
   a_center =  18.00 +/- 0.01
    a_sigma =   1.50 +/- 0.01
b_amplitude =  29.78 +/- 0.31
   b_center =  24.00 +/- 0.01  = a_center + 6
    b_sigma =   1.50 +/- 0.01  = a_sigma
c_amplitude =  78.66 +/- 0.82
    c_sigma =   1.97 +/- 0.02
   c_center =  42.01 +/- 0.01
      slope =  -0.02 +/- 0.00
  intercept =   4.00 +/- 0.03
""",
    "fit_dose_response": """\
bottom = 0.08, 95 %: -0.01 to 0.13, error 0.03
   top = 1.04, 95 %: 0.92 to 1.53, error 0.08
     n = 1.19, 95 %: 0.69 to 1.68, error 0.20
  ec50 = 2.59, 95 %: 1.97 to 6.30, error 0.43
""",
    "pixels": """\
16384 pixels, 100% converged
cell: lifetime 2.50 ns (true: 2.5)
around: lifetime 4.00 ns (true: 4.0)
within one standard error: 68%, two: 95%
""",
}
PICTURES = ["pixels"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_printed(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [name])
    run(name, "__main__")
    printed = capsys.readouterr().out
    # On a machine with a GPU the last part of `gradients` runs there, and says so.
    assert printed.replace(", device='cuda:0'", "") == OUTPUTS[name]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    path = tmp_path / "picture.png"
    monkeypatch.setattr(sys, "argv", [name, "--plot", str(path)])
    run(name, "__main__")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_memory_model(capsys, monkeypatch, tmp_path):
    if torch.ones(1).device.type != "cpu":
        pytest.skip("replicas run on the CPU")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["memory_model.py", "--plot"])
    run("memory_model")["main"](12)
    printed = capsys.readouterr().out
    before, after, *sides = map(float, re.findall(r"(?<![\d.])0\.\d{4}", printed))
    common, fitted, true = sides
    assert after < before and true < fitted < common
    assert (tmp_path / "memory_model.png").stat().st_size > 1000


def test_every_example_is_run_here():
    tested = {*DESCENTS, "cubic_rmsprop", *OUTPUTS, "memory_model"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested
