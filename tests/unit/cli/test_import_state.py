"""The report of an import."""

from __future__ import annotations

from pathlib import Path

import pytest
from event_imports import lines

from serving.cli.import_state import check_report, write_report
from serving.core.errors import InvalidInput


def test_a_report_that_is_there_is_not_lost(tmp_path: Path) -> None:
    report = lines(tmp_path / "refused.csv", "of yesterday")
    with pytest.raises(InvalidInput, match="--overwrite"):
        check_report(report, goes_on=False, overwrite=False)
    check_report(report, goes_on=True, overwrite=False)
    check_report(report, goes_on=False, overwrite=True)
    check_report(tmp_path / "new.csv", goes_on=False, overwrite=False)
    with pytest.raises(InvalidInput, match="a file that can be written"):
        list(write_report(tmp_path / "no folder" / "refused.csv", iter(())))
