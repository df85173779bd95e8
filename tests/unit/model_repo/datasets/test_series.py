"""Files of bare series: both forms, and every way to be wrong named by line and column."""

from __future__ import annotations

import gzip

import pytest

from model_repo.datasets.series import join, read_series
from serving.core.errors import DataError


def file(tmp_path, text, name="some.csv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["some.csv", "some.csv.gz"])
def test_a_line_a_series(tmp_path, name):
    found = read_series(file(tmp_path, '"V1","V2","V3"\n"W1","1.5","2"\n"W2","3",""\n', name))
    assert found.ids == ("W1", "W2")
    assert [line.tolist() for line in found.lines] == [[1.5, 2.0], [3.0]]
    assert found.name == "some"


def test_a_column_a_series(tmp_path):
    """A series that begins later is shorter; one that ends before the last period is left out by name."""
    found = read_series(file(tmp_path, "p,q,r\n1,,5\n0,4,NA\n2,0,\n"))
    assert found.ids == ("p", "q")
    assert [line.tolist() for line in found.lines] == [[1.0, 0.0, 2.0], [4.0, 0.0]]
    assert found.ended == ("r",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,1,2\nA,1,x\n", "line 2, column '2': 'x' is not a finite number"),
        ("id,1,2\nA,1,inf\n", "'inf' is not a finite number"),
        ("id,1,2,3\nA,1,,3\n", "line 2, column '2': a gap inside a series"),
        ("id,1\nA,\n", "a series without values"),
        ("id\nA\n", "a series without values"),
        ("id,1\nA,1\nA,2\n", "'A' is there twice"),
        ("id,1\n", "no line after the header"),
        ("p,q\n1,2\n3\n", "line 3: 1 values, but 2 columns"),
        ("p,q\n1,2\nx,3\n", "line 3, column 'p': 'x' is not"),
        ("p\n1\nNaN\n", "no series reaches the last period"),
        ("", "this file is empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, says):
    with pytest.raises(DataError) as raised:
        read_series(file(tmp_path, text))
    assert says in raised.value.message


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "some.csv"
    path.write_bytes(b"\xff\xfe\x00,1\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_series(path)


def test_train_and_test_are_joined_by_id(tmp_path):
    train = read_series(file(tmp_path, "id,1\nA,1\nB,2\n", "train.csv"))
    test = read_series(file(tmp_path, "id,1\nB,20\nA,10\n", "test.csv"))
    assert [line.tolist() for line in join(train, test)] == [[10.0], [20.0]]
    with pytest.raises(DataError, match="'C' is not in train"):
        join(train, read_series(file(tmp_path, "id,1\nB,20\nA,10\nC,1\n", "more.csv")))
