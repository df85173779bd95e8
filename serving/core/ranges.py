"""The one way parameters say that a value is out of its range."""

from __future__ import annotations

from serving.core.errors import InvalidInput


def check_ranges(owner: object, section: str, *ranges: tuple[str, float, float]) -> None:
    """Raises InvalidInput, naming `section.name`, for the first attribute outside its (name, low, high), both included.

    NaN is outside every range. section: '' = none.
    """
    for name, low, high in ranges:
        value = getattr(owner, name)
        if not low <= value <= high:
            raise InvalidInput(f"{section}.{name}" if section else name, value, f"a number from {low:g} to {high:g}")
