"""Two fronts for each service, and its questions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("parity_laws")

from parity_laws import FRONTS, Faces, opened  # noqa: E402  # its assertions are to show values, as a test's do


@pytest.fixture(scope="class", params=FRONTS)
def faces(request: pytest.FixtureRequest) -> Iterator[Faces]:
    request.cls.warm()
    with opened(request.param, request.cls.computed) as found:
        yield found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives the laws the questions of their class."""
    if "reason" in metafunc.fixturenames:
        table, columns = metafunc.cls.refused, ("name", "body", "reason")
    elif "body" in metafunc.fixturenames:
        table, columns = metafunc.cls.answered, ("name", "body")
    else:
        return
    metafunc.parametrize(columns, table, ids=[f"{row[0]}-{number}" for number, row in enumerate(table)])
