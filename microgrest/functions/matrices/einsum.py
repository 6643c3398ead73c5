"""Sums of products in Einstein's notation, by pairs of operands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ...tensor import Tensor
from ..reductions.folds import sum
from ..views.shapes import diagonal, permute, reshape, squeeze
from .products import bmm, mm

# A dimension's label: a letter, or a number from the end for one that "..." stands for.
Labels = tuple[Any, ...]
Term = tuple[Tensor, Labels]


def einsum(*args: Any) -> Tensor:
    """Sums of products of operands whose dimensions have letters: einsum("ij,jk->ik", a, b).

    Dimensions of one letter meet: their extents are equal, or 1. Letters that the result lacks are
    summed over; without "->" it has those that occur once, in alphabetical order. "..." stands for
    dimensions that broadcast; a letter that an operand has twice is its diagonal. Also, in place of
    letters, lists of numbers: einsum(a, [0, 1], b, [1, 2], [0, 2]). Operands are multiplied in
    pairs, the cheapest first.
    """
    equation, operands = _spelled(args)
    inputs, output = _parsed(equation, operands)
    terms = _fitting(
        [_diagonal(i, *term) for i, term in enumerate(zip(operands, inputs, strict=True))]
    )
    while len(terms) > 1:
        i, j = _cheapest(terms)
        rest = [t for k, t in enumerate(terms) if k not in (i, j)]
        kept = set(output).union(*(labels for _, labels in rest))
        terms = [*rest, _product(terms[i], terms[j], kept)]
    x, labels = terms[0]
    gone = [d for d, label in enumerate(labels) if label not in output]
    if gone:
        x, labels = sum(x, gone), tuple(label for label in labels if label in output)
    return permute(x, [labels.index(label) for label in output]) if labels != output else x


# Parsing


def _spelled(args: Sequence[Any]) -> tuple[str, list[Tensor]]:
    """The equation and the operands, whichever way they were given."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    if isinstance(args[0], Tensor):
        operands, lists = list(args[0 : len(args) // 2 * 2 : 2]), args[1::2]
        equation = ",".join(_word(given) for given in lists)
        if len(args) % 2:
            equation += "->" + _word(args[-1])
    else:
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
    if not isinstance(equation, str):
        raise TypeError(f"einsum(): equation must be str, not {type(equation).__name__}")
    for x in operands:
        if not isinstance(x, Tensor):
            raise TypeError(f"einsum(): operands must be Tensors, not {type(x).__name__}")
    return equation, operands


def _word(numbers: Sequence[Any]) -> str:
    """The letters that a list of numbers stands for."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    if not all(n is Ellipsis or 0 <= n < len(letters) for n in numbers):
        raise ValueError(f"einsum(): subscripts must be in [0, {len(letters)}), got {numbers}")
    return "".join("..." if n is Ellipsis else letters[n] for n in numbers)


def _parsed(equation: str, operands: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """The labels of each operand's dimensions, and of the result's."""
    left, arrow, right = "".join(equation.split()).partition("->")
    words = left.split(",")
    if len(words) != len(operands):
        more = "more" if len(operands) > len(words) else "fewer"
        raise RuntimeError(
            f"einsum(): {more} operands were provided than specified in {equation!r}"
        )
    inputs = [_labels(w, x, i) for i, (w, x) in enumerate(zip(words, operands, strict=True))]
    counts = Counter(label for labels in inputs for label in labels)
    dots = tuple(sorted(label for label in counts if not isinstance(label, str)))
    if not arrow:
        return inputs, (*dots, *sorted(k for k, n in counts.items() if n == 1 and k not in dots))
    output: list[Any] = []
    for letter in _letters(right):
        output += dots if letter == "..." else [letter]
    for letter in output:
        if output.count(letter) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {letter} appears more than once in the output"
            )
        if letter not in counts:
            raise RuntimeError(
                f"einsum(): output subscript {letter} does not appear in the equation for any "
                "input operand"
            )
    return inputs, tuple(output)


def _letters(word: str) -> list[str]:
    """The letters of a term, and "..." where it stands."""
    letters = [*word.replace("...", ".")]
    wrong = [c for c in letters if c != "." and not (c.isascii() and c.isalpha())]
    if wrong or letters.count(".") > 1:
        raise RuntimeError(
            f"einsum(): invalid subscripts {word!r}, they must be in [a-zA-Z], and '...' once"
        )
    return ["..." if c == "." else c for c in letters]


def _labels(word: str, x: Tensor, i: int) -> Labels:
    letters = _letters(word)
    more = x.ndim - len(letters) + ("..." in letters)
    if more < 0 or (more and "..." not in letters):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(letters)}) does not match "
            f"the number of dimensions ({x.ndim}) for operand {i}"
            + ("" if "..." in letters else " and no ellipsis was given")
        )
    labels: list[Any] = []
    for letter in letters:
        labels += range(-more, 0) if letter == "..." else [letter]
    return tuple(labels)


# Computing


def _diagonal(i: int, x: Tensor, labels: Labels) -> Term:
    """An operand that has each label once."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            a = labels.index(label)
            b = labels.index(label, a + 1)
            if x._shape[a] != x._shape[b]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {i} but the sizes don't "
                    f"match, {x._shape[b]} != {x._shape[a]}"
                )
            x = diagonal(x, 0, a, b)
            labels = (*labels[:a], *labels[a + 1 : b], *labels[b + 1 :], label)
    return x, labels


def _fitting(terms: list[Term]) -> list[Term]:
    """Operands in which dimensions of one label have one extent: those of 1 among others go."""
    extents: dict[Any, int] = {}
    for i, (x, labels) in enumerate(terms):
        for label, n in zip(labels, x._shape, strict=True):
            known = extents.get(label, 1)
            if n != known and 1 not in (n, known):
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {n} for operand {i} which does not "
                    f"broadcast with previously seen size {known}"
                )
            extents[label] = n if known == 1 else known
    found = []
    for x, labels in terms:
        gone = [d for d, label in enumerate(labels) if x._shape[d] == 1 != extents[label]]
        kept = tuple(label for d, label in enumerate(labels) if d not in gone)
        found.append((squeeze(x, tuple(gone)) if gone else x, kept))
    return found


def _cheapest(terms: list[Term]) -> tuple[int, int]:
    """The pair whose product takes the fewest multiplications; of equal ones the first."""

    def cost(pair: tuple[int, int]) -> int:
        extents: dict[Any, int] = {}
        for k in pair:
            x, labels = terms[k]
            extents |= dict(zip(labels, x._shape, strict=True))
        return math.prod(extents.values())

    return min(combinations(range(len(terms)), 2), key=cost)


def _summed(term: Term, kept: set[Any]) -> Term:
    """A factor summed over what is not `kept`, of the type that it has."""
    x, labels = term
    gone = [d for d, label in enumerate(labels) if label not in kept]
    if not gone:
        return term
    return sum(x, gone, dtype=x.dtype), tuple(label for label in labels if label in kept)


def _product(first: Term, second: Term, kept: set[Any]) -> Term:
    """Two terms multiplied, and summed over what both have and nobody else wants."""
    first, second = _summed(first, kept | {*second[1]}), _summed(second, kept | {*first[1]})
    (a, own), (b, other) = first, second
    both = [label for label in own if label in other and label in kept]
    met = [label for label in own if label in other and label not in kept]
    left = [label for label in own if label not in other]
    right = [label for label in other if label not in own]
    labels = (*both, *left, *right)
    if not met:
        return _beside(first, labels) * _beside(second, labels), labels
    x, y = _seen(first, both, left, met), _seen(second, both, met, right)
    found = bmm(x, y) if both else mm(reshape(x, x._shape[1:]), reshape(y, y._shape[1:]))
    extents = dict(zip(own, a._shape, strict=True)) | dict(zip(other, b._shape, strict=True))
    return reshape(found, [extents[label] for label in labels]), labels


def _beside(term: Term, labels: Labels) -> Tensor:
    """A term with a dimension for each of `labels`, of one element where it has none."""
    x, own = term
    extents = dict(zip(own, x._shape, strict=True))
    ordered = permute(x, [own.index(label) for label in labels if label in own])
    return reshape(ordered, [extents.get(label, 1) for label in labels])


def _seen(term: Term, *groups: list[Any]) -> Tensor:
    """A term as one dimension for each group of labels."""
    x, labels = term
    ordered = permute(x, [labels.index(label) for group in groups for label in group])
    extents = dict(zip(labels, x._shape, strict=True))
    return reshape(ordered, [math.prod(extents[label] for label in group) for group in groups])
