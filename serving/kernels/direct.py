"""Calling a kernel without asking for its arguments' types at every call.

Numba's dispatcher reads the type of every array in every tuple at every call. A stage of the pipeline takes fifty
arrays, so that a lone request would spend more on this than on what some stages do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import typeof

checked = False
"""Whether every call goes through the dispatcher and fails where types change: so for the tests, which set it."""


class Direct:
    """A kernel that one caller always gives arguments of the same types. Not thread-safe.

    The first call, and the first after `renew`, goes through the dispatcher, which compiles what is missing; later ones
    go straight to the compiled code, which trusts its arguments as C would: other types are read as if they were the
    first ones. So it is for arguments that the caller makes himself, by code that tests run with `checked`, and whoever
    takes up arrays from elsewhere, such as a new model's, calls `renew`.
    """

    __slots__ = ("_call", "_kernel", "_types")

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._types: tuple[Any, ...] | None = None
        self._call: Callable[..., Any] = self._first

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)

    def renew(self) -> None:
        """The next call looks at the types again."""
        self._types, self._call = None, self._first

    def _first(self, *args: Any) -> Any:
        types, result = tuple(map(typeof, args)), self._kernel(*args)
        if not checked:
            self._call = self._kernel.overloads[types].entry_point
        elif self._types is not None and self._types != types:
            raise TypeError(f"{self._kernel.__name__}: called with {types} after {self._types}")
        self._types = types
        return result
