"""Linear algebra, as PyTorch's torch.linalg: factorizations, solutions, norms, products.

The host does it by NumPy's LAPACK, for tensors on a GPU too, on copies. What calls LAPACK, or has
to look whether it went well, is no part of compiled steps, and refused there by name.
"""

from __future__ import annotations

from ..functions.outputs import into as _into
from . import (
    elder as _elder,
    factors as _factors,
    norms as _norms,
    products as _products,
    solving as _solving,
)
from .checks import LinAlgError as LinAlgError
from .factors import eig as eig, eigvals as eigvals
from .products import diagonal as diagonal, vander as vander
from .solving import lstsq as lstsq

cholesky = _into(_factors.cholesky, same=True)
cholesky_ex = _into(_factors.cholesky_ex, same=True)
qr = _into(_factors.qr, same=True)
svd = _into(_factors.svd, same=True)
svdvals = _into(_factors.svdvals, same=True)
eigh = _into(_factors.eigh, same=True)
eigvalsh = _into(_factors.eigvalsh, same=True)
lu = _into(_factors.lu, same=True)
lu_factor = _into(_factors.lu_factor, same=True)
lu_factor_ex = _into(_factors.lu_factor_ex, same=True)
lu_solve = _into(_elder.solve_by_lu, same=True)

solve = _into(_solving.solve, same=True)
solve_ex = _into(_solving.solve_ex, same=True)
solve_triangular = _into(_solving.solve_triangular, same=True)
inv = _into(_solving.inv, same=True)
inv_ex = _into(_solving.inv_ex, same=True)
pinv = _into(_solving.pinv, same=True)
matrix_rank = _into(_solving.matrix_rank, same=True)
det = _into(_solving.det, same=True)
slogdet = _into(_solving.slogdet, same=True)

norm = _into(_norms.norm, same=True)
vector_norm = _into(_norms.vector_norm, same=True)
matrix_norm = _into(_norms.matrix_norm, same=True)
cond = _into(_norms.cond, same=True)

matmul = _into(_products.matmul, same=True)
multi_dot = _into(_products.multi_dot, same=True)
matrix_power = _into(_products.matrix_power, same=True)
matrix_exp = _products.matrix_exp
cross = _into(_products.cross, same=True)
vecdot = _into(_products.vecdot, same=True)
householder_product = _into(_products.householder_product, same=True)
tensorinv = _into(_products.tensorinv, same=True)
tensorsolve = _into(_products.tensorsolve, same=True)
