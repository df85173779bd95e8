"""What a batch of scores is asked for, fit for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def options_of(model: str, version: str = "", outputs: Sequence[str] = ()) -> dict[str, Any]:
    """Options of a core.batch.BatchSpec. version: "" = the live one; outputs: names, () = all."""
    return {"model": model, "version": version, "outputs": list(outputs)}
