"""Expressions over ops, of which the nodes have PyTorch's names."""

from __future__ import annotations

from typing import Any

EXPRESSIONS = """
x+y | x+1 | 1+x | x-y | x-1 | 1-x | x*y | 2*x | x*2 | x/y | x/2 | 2/x | -x | x**2 | x**y | 2**x
x**2.5 | x@m | m@x | m@m | m@v | v@v | b@b | b@m | x%2 | x%y | torch.remainder(x,y)
torch.fmod(x,2) | torch.fmod(x,y) | x.abs() | abs(x) | x.sin() | x.cos() | x.tan() | x.asin()
x.acos() | x.atan() | x.sinh() | x.cosh() | x.tanh() | x.asinh() | (x+2).acosh() | x.atanh()
x.exp() | x.exp2() | x.expm1() | x.log() | x.log2() | x.log10() | x.log1p() | x.sqrt()
x.rsqrt() | x.reciprocal() | x.square() | x.sign() | x.sgn() | x.floor() | x.ceil() | x.round()
x.trunc() | x.frac() | x.round(decimals=1) | x.erf() | x.erfc() | x.erfinv() | x.sigmoid()
x.logit() | x.sinc() | torch.atan2(x,y) | torch.hypot(x,y) | torch.logaddexp(x,y)
torch.logaddexp2(x,y) | torch.copysign(x,y) | torch.copysign(x,1.) | torch.maximum(x,y)
torch.minimum(x,y) | torch.fmax(x,y) | torch.fmin(x,y) | x.clamp(0,1) | x.clamp(min=0)
x.clamp(max=1) | x.clamp_min(0) | x.clamp_max(1) | x.clamp(y,y+1) | x.clip(0,1) | x.nan_to_num()
x.deg2rad() | x.rad2deg() | torch.xlogy(x,y) | torch.lerp(x,y,0.5) | torch.lerp(x,y,y)
torch.addcmul(x,y,y) | torch.addcdiv(x,y,y) | torch.where(x>0.3,x,y) | torch.where(x>0.3,x,0.)
x.masked_fill(x>0.3,0.) | x.masked_fill(x>0.3,s) | torch.threshold(x,.3,0.)
torch.true_divide(x,y) | torch.divide(x,y) | torch.multiply(x,y) | torch.subtract(x,y)
torch.negative(x) | torch.absolute(x) | torch.rsub(x,y) | torch.rsub(x,1)
torch.add(x,y,alpha=2) | torch.sub(x,y,alpha=2) | torch.div(x,y,rounding_mode='floor')
torch.div(x,y,rounding_mode='trunc') | x.sum() | x.sum(0) | x.sum(0,keepdim=True) | x.sum((0,1))
x.mean() | x.mean(0) | x.mean((0,1)) | x.prod() | x.prod(0) | x.max() | x.min() | x.max(0)[0]
x.min(0)[0] | x.amax() | x.amax(0) | x.amin(0) | torch.aminmax(x)[0] | x.var() | x.var(0)
x.std() | x.std(0) | torch.var_mean(x)[0] | torch.std_mean(x,0)[1] | x.norm() | x.norm(p=1)
x.norm(dim=0) | x.norm(p=2,dim=0) | x.nansum() | x.nanmean() | x.cumsum(0) | x.cumprod(0)
x.logcumsumexp(0) | x.cummax(0)[0] | x.cummin(0)[0] | x.sort()[0] | torch.msort(x)
torch.dist(x,y) | x.t() | x.T | x.mT | x.transpose(0,1) | x.permute(1,0) | x.swapaxes(0,1)
x.movedim(0,1) | x.reshape(4) | x.view(4) | x.view(2,2) | x.t().reshape(4) | x.flatten()
x.ravel() | x.unflatten(0,(1,2)) | x.squeeze() | x[None].squeeze(0) | x.unsqueeze(0)
x.expand(3,2,2) | x.expand_as(x) | x.broadcast_to(3,2,2) | x.repeat(2,1) | x.tile(2)
x.repeat_interleave(2) | x[0] | x[0:1] | x[:,1] | x[...,0] | x[i2] | x[x>0] | x[None] | x[::2]
x[0,1] | x[:] | x[...] | x.select(0,0) | x.narrow(0,0,1) | x.diagonal() | v.diag() | x.tril()
x.triu() | x.flip(0) | x.fliplr() | x.roll(1) | x.rot90() | x.unbind()[0] | x.unbind()[1]
list(x)[0] | x.split(1)[0] | x.chunk(2)[1] | x.split([1,1])[0] | x.tensor_split(2)[0]
x.unfold(0,1,1) | x.as_strided((2,),(1,)) | torch.cat([x,y]) | torch.stack([x,y])
torch.hstack([x,y]) | torch.vstack([x,y]) | torch.dstack([x,y]) | torch.column_stack([x,y])
torch.diag_embed(v) | torch.diagflat(v) | torch.trace(x) | x.view_as(x) | x.reshape_as(x)
x.t().contiguous() | x.clone() | x.double() | x.half() | torch.atleast_3d(x)
torch.broadcast_tensors(x,b)[0] | torch.meshgrid(v,v,indexing='ij')[0] | x.gather(0,i)
x.take(i) | torch.take_along_dim(x,i,0) | x.index_select(0,i2) | x.masked_select(x>0)
torch.dot(v,v) | torch.inner(x,y) | torch.outer(v,v) | torch.ger(v,v) | torch.kron(x,y)
torch.tensordot(x,y) | torch.mm(m,m) | torch.mv(m,v) | torch.bmm(b,b) | torch.matmul(m,m)
torch.addmm(m,m,m) | torch.addmv(v,m,v) | torch.addr(m,v,v) | torch.baddbmm(b,b,b)
torch.vdot(v,v) | torch.cross(c,c,dim=0) | F.relu(x) | x.relu() | F.leaky_relu(x) | F.elu(x)
F.selu(x) | F.celu(x) | F.gelu(x) | F.gelu(x,approximate='tanh') | F.silu(x) | F.mish(x)
F.softplus(x) | F.softsign(x) | F.hardtanh(x) | F.relu6(x) | F.hardsigmoid(x) | F.hardswish(x)
F.hardshrink(x) | F.softshrink(x) | F.tanhshrink(x) | F.logsigmoid(x) | F.threshold(x,.1,.2)
F.sigmoid(x) | F.tanh(x) | F.mse_loss(x,y) | F.linear(x,m,v) | F.linear(x,m) | F.linear(v,m,v)
F.linear(b,m,v) | F.dropout(x,0.5) | x.clone().add_(1) | x.clone().mul_(y) | x.clone().zero_()
x.clone().fill_(1.) | x.clone().copy_(y) | x.clone().exp_() | x.clone().sin_()
x.clone().relu_() | x.clone().clamp_(0,1) | x.clone().t_() | x.clone().unsqueeze_(0)
x.clone().masked_fill_(x>0,0.) | x.clone().sub_(y) | x.clone().div_(2) | x.clone().pow_(2)
setitem(x,0,1.) | setitem(x,i2,y) | setitem(x,x>0,0.)
x.logsumexp(0) | x.median() | x.median(0)[0] | x.nanmedian() | x.mode(0)[0] | x.topk(1)[0]
x.kthvalue(1)[0] | x.diff() | x.scatter(0,i,y) | x.scatter_add(0,i,y) | x.index_add(0,i2,y)
x.index_fill(0,i2,1.) | x.index_copy(0,i2,y) | x.index_put((i2,),y) | x.put(i2,v)
torch.einsum('ij,jk',m,m) | F.softmax(x,-1) | F.log_softmax(x,-1) | F.softmin(x,-1)
F.l1_loss(x,y) | F.smooth_l1_loss(x,y) | F.huber_loss(x,y) | F.normalize(x)
F.binary_cross_entropy(x.sigmoid(),t) | F.binary_cross_entropy_with_logits(x,t)
F.nll_loss(x,i2) | F.cross_entropy(x,i2) | F.kl_div(x,t) | F.layer_norm(x,(2,)) | F.pad(x,(1,1))
F.embedding(i2,x) | F.prelu(x,s.reshape(1)) | F.glu(x) | F.margin_ranking_loss(v,v*2,v.detach())
F.soft_margin_loss(x,t) | F.hinge_embedding_loss(x,t) | F.multi_margin_loss(x,i2)
F.multilabel_margin_loss(x,i) | F.multilabel_soft_margin_loss(x,t) | F.triplet_margin_loss(x,y,m)
F.cosine_embedding_loss(x,y,v.detach()) | F.poisson_nll_loss(x,y) | F.gaussian_nll_loss(x,y,x*x)
F.group_norm(m[None],2) | F.batch_norm(x,v.detach(),v.detach()) | F.rms_norm(x,(2,))
F.local_response_norm(b,2) | torch.cdist(x,y) | torch.logcumsumexp(x,0) | torch.corrcoef(x)
F.cosine_similarity(x,y) | F.pairwise_distance(x,y) | x.scatter_reduce(0,i,y,'amax')
x.index_reduce(0,i2,y,'prod') | x.masked_scatter(x>0,y) | x.clone().index_add_(0,i2,y)
x.clone().scatter_(0,i,y) | x.unfold(0,2,1) | torch.diff(x) | torch.nanmedian(x)
F.scaled_dot_product_attention(b,b,b) | F.gumbel_softmax(x) | F.dropout1d(b)
F.dropout2d(b[None]) | x.where(x>0.3,y) | x.index_select(1,i2) | torch.swapaxes(x,0,1)
torch.addcmul(x,y,y,value=2) | torch.tensor_split(x,2)[0] | torch.hsplit(x,2)[0]
x.clone().fill_diagonal_(1.) | torch.clone(x) | x.nanmean(0) | torch.multiply(x,2) | x.lerp(y,.5)
x.fmod(y) | torch.select_scatter(x,v,0,0) | torch.slice_scatter(x,x,0)
torch.diagonal_scatter(x,v) | torch.as_strided_scatter(x,v,(2,),(1,))
torch.nn.functional.normalize(x) | torch.celu(x) | torch.dsplit(x[None,None],1)[0]
"""

_VALUES: dict[str, Any] = {
    "x": [[0.3, 0.4], [0.5, 0.6]],
    "y": [[0.2, 0.9], [0.7, 0.1]],
    "m": [[1.0, 2.0], [3.0, 4.0]],
    "v": [0.5, 0.6],
    "s": 0.3,
    "b": [[[1.0, 2.0], [3.0, 4.0]]] * 2,
    "c": [1.0, 2.0, 3.0],
}


def expressions() -> list[str]:
    """The expressions one by one."""
    return [e.strip() for line in EXPRESSIONS.split("\n") for e in line.split(" | ") if e.strip()]


def setitem(x: Any, index: Any, value: Any) -> Any:
    """A copy of `x` with a part that was written to."""
    z = x.clone()
    z[index] = value
    return z


def result(torch: Any, expression: str, given: dict[str, Any] | None = None) -> Any:
    """What an expression comes to with a library, of the tensors `given`; others are made there."""
    names = {} if given is None else given
    for name, value in _VALUES.items():
        if name not in names:
            names[name] = torch.tensor(value, requires_grad=True)
    functions = {"torch": torch, "F": torch.nn.functional, "setitem": setitem}
    functions["t"] = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    functions |= {"i": torch.tensor([[0, 1], [1, 0]]), "i2": torch.tensor([0, 1])}
    return eval(expression, functions | names)
