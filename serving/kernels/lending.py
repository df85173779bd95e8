"""Arrays of a tuple without their reference counts.

Numba counts the references of every array of a tuple, atomically, whenever the tuple is handed to a function: dozens of
locked additions a call, more than a short function itself takes. A lent array belongs to nobody, so nothing is counted;
who lends holds the arrays until the kernel has returned.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def lent(_context, fields):
    """The same array, or named tuple of arrays, borrowed. Of the function's own arguments alone: its caller holds them
    until it returns, whereas an array made within the function is freed after the last use of its name."""
    if not isinstance(fields, types.NamedTuple | types.Array):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (whole,) = args
        if isinstance(signature.args[0], types.Array):
            return _borrowed(context, builder, signature.args[0], whole)
        for place, kind in enumerate(signature.args[0].types):
            if isinstance(kind, types.Array):
                array = _borrowed(context, builder, kind, builder.extract_value(whole, place))
                whole = builder.insert_value(whole, array, place)
        return whole

    return fields(fields), codegen


def _borrowed(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Without the record that its references are counted in."""
    array = context.make_array(kind)(context, builder, value=value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    return array._getvalue()
