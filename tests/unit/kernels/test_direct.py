"""A kernel called directly gives what it gives through numba's dispatcher, and notices what it must."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

from serving.kernels import direct


class Pair(NamedTuple):
    left: Any
    right: Any


@njit
def weighed(pair, factor):  # type: ignore[no-untyped-def]
    return Pair(pair.left * factor, pair.right), factor


def pair(dtype: Any = np.float32) -> Pair:
    return Pair(np.arange(3, dtype=dtype), np.ones((2, 2), dtype))


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a gateway."""
    monkeypatch.setattr(direct, "checked", False)


def test_every_call_gives_what_the_dispatcher_gives() -> None:
    kernel = direct.Direct(weighed)
    for factor in (2, 3, 4):
        got, same = kernel(pair(), factor)
        assert got.left.tolist() == [0, factor, 2 * factor]
        assert got.left.dtype == weighed(pair(), factor)[0].left.dtype
        assert (got.right == 1).all()
        assert same == factor


def test_it_leaves_the_dispatcher_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first call; and uses it again once renewed."""
    kernel = direct.Direct(weighed)
    kernel(pair(), 2)
    monkeypatch.setattr(direct, "typeof", None)
    assert kernel(pair(), 5)[1] == 5
    kernel.renew()
    with pytest.raises(TypeError):
        kernel(pair(), 5)


def test_renewed_it_takes_other_types() -> None:
    kernel = direct.Direct(weighed)
    kernel(pair(), 2)
    kernel.renew()
    assert kernel(pair(np.int64), 2)[0].left.dtype == np.int64


def test_checked_it_fails_where_types_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the direct way does not see."""
    monkeypatch.setattr(direct, "checked", True)
    kernel = direct.Direct(weighed)
    kernel(pair(), 2)
    kernel(pair(), 3)
    with pytest.raises(TypeError, match="after"):
        kernel(pair(np.int32), 2)
    kernel.renew()
    kernel(pair(np.int32), 2)
