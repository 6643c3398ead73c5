"""`fused`: an expression over tensors and numbers as one kernel that writes in place."""

from __future__ import annotations

import numpy as np
import pytest

import microgrest as torch
from microgrest.ops.pointwise.elementwise import sqrt
from microgrest.optim.fused import forget_kernels, fused

pytestmark = pytest.mark.devices


@fused
def blend(x, y, z, *, rate, shift, swap, roots):
    """x and z move toward each other; y is read only."""
    x_new = x + rate * (y - x)
    if z is None:
        return x_new, None, None
    z_new = sqrt(z * z) if roots else z + shift * x
    return (z_new, None, x_new) if swap else (x_new, None, z_new)


def arrays(n=3, shape=(3, 4)):
    return np.random.default_rng(0).uniform(0.5, 2.0, (n, *shape))


def expected(x, y, z, rate, shift, swap=False, roots=False):
    x_new, z_new = x + rate * (y - x), np.abs(z) if roots else z + shift * x
    return (z_new, x_new) if swap else (x_new, z_new)


PLAIN = (False, False)


@pytest.mark.parametrize("flags", [PLAIN, (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("shift", [2.0, 0.25])
def test_writes_new_values_computed_from_the_old_ones(flags, shift):
    x, y, z = map(torch.tensor, arrays())
    blend((x, y, z), (0.5, shift), flags)
    want = expected(*arrays(), 0.5, shift, *flags)
    np.testing.assert_allclose(x.cpu().numpy(), want[0], rtol=1e-15)
    np.testing.assert_allclose(z.cpu().numpy(), want[1], rtol=1e-15)
    assert y.tolist() == arrays()[1].tolist()


def test_an_absent_tensor_is_none_in_the_expression():
    x, y, _ = map(torch.tensor, arrays())
    blend((x, y, None), (1.0, 0.0), PLAIN)
    np.testing.assert_allclose(x.cpu().numpy(), y.cpu().numpy(), rtol=1e-15)


def test_numbers_are_inputs_and_only_structure_is_traced():
    x, y, z = map(torch.tensor, arrays())
    blend.updates.clear()
    for rate in (0.1, 0.2, 1.0, np.float64(0.5)):
        blend((x, y, z), (rate, rate), PLAIN)
    assert len(blend.updates) == 1
    blend((x, y, None), (0.1, 0.1), PLAIN)
    blend((x, y, z), (0.1, 0.1), (False, True))
    assert len(blend.updates) == 3


@pytest.mark.parametrize(
    "view", [lambda t: t.t(), lambda t: t[:, ::2], lambda t: t[1:], lambda t: t[1]]
)
def test_any_layout(view):
    base, (_, y, z) = torch.tensor(arrays()[0]), map(torch.tensor, arrays())
    blend((view(base), view(y), view(z).clone()), (0.5, 1.0), PLAIN)
    want, mask = arrays()[0], torch.zeros(arrays()[0].shape, dtype=torch.bool)
    view(mask).fill_(True)
    chosen = mask.cpu().numpy()
    want[chosen] = (0.5 * (want + arrays()[1]))[chosen]
    np.testing.assert_allclose(base.cpu().numpy(), want, rtol=1e-15)


def test_a_number_reaches_the_kernel_as_it_is_and_kernels_can_be_forgotten():
    class Known(float):
        """A float that somebody recognizes."""

    x, y, z = map(torch.tensor, arrays())
    blend((x, y, z), (0.5, 1.0), PLAIN)
    seen = []
    for update in blend.updates.values():
        update.kernel = lambda *operands: seen.extend(operands[-2:])
    rate = Known(0.5)
    blend((x, y, z), (rate, 1.0), PLAIN)
    assert seen[0] is rate
    forget_kernels()
    before = x.tolist()
    blend((x, y, z), (rate, 1.0), PLAIN)
    assert len(seen) == 2 and x.tolist() != before


def test_each_tensor_keeps_its_dtype():
    x, y, z = (torch.tensor(a, dtype=torch.float32) for a in arrays())
    z = z.double()
    blend((x, y, z), (0.5, 1.0), PLAIN)
    assert x.dtype is torch.float32 and z.dtype is torch.float64
    want = expected(*arrays(), 0.5, 1.0)
    np.testing.assert_allclose(x.cpu().numpy(), want[0], rtol=1e-6)
    np.testing.assert_allclose(z.cpu().numpy(), want[1], rtol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 70_000])
def test_any_size(n):
    x, y, z = map(torch.tensor, arrays(shape=(n,)))
    blend((x, y, z), (0.25, 1.0), PLAIN)
    want = expected(*arrays(shape=(n,)), 0.25, 1.0)
    np.testing.assert_allclose(x.cpu().numpy(), want[0], rtol=1e-15)


def test_writes_are_counted():
    x, y, z = map(torch.tensor, arrays())
    blend((x, y, z), (0.25, 1.0), PLAIN)
    assert (x._version, y._version, z._version) == (1, 0, 1)


def test_shapes_must_match():
    x, y, z = map(torch.tensor, arrays())
    with pytest.raises(RuntimeError, match=r"blend: tensors of shapes .* do not match"):
        blend((x, y, z[0]), (0.25, 1.0), PLAIN)


def test_memory_shared_by_elements_is_refused():
    x, y, z = map(torch.tensor, arrays())
    with pytest.raises(RuntimeError, match="single memory location"):
        blend((x[:1].expand(3, 4), y, z), (0.25, 1.0), PLAIN)
