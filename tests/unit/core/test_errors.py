"""Errors that travel between processes."""

from __future__ import annotations

import pickle

import pytest

from serving.core import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.StoregateError("as it is", some="fact"),
        errors.InvalidInput("horizon", 0, "1 to 84", reason="OUT_OF_RANGE"),
        errors.PayloadTooLarge(None, 10),
        errors.NotFound("item", "x"),
        errors.Overloaded("full", 0.25),
        errors.StoreUnavailable("redis: timeout"),
        errors.ModelRefused("ranker", "quick", "too slow"),
        errors.ModelFailed("ranker", "no memory"),
        errors.DataError("sales.csv", "no date", line=3, column="day"),
        errors.NotInstalled("neural rows", "torch", "pip install"),
        errors.WorkerUnavailable("forecast", "has no replica"),
        errors.InternalError("see the log", reference="a1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_with_all_that_it_carries(error: errors.StoregateError) -> None:
    """Class, message, reason, facts and fields of its own, whatever its constructor takes."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.reason == error.reason
    assert vars(again) == vars(error)


def test_an_error_about_another_field_is_the_same_otherwise() -> None:
    error = errors.InvalidInput("stops[3].id", "stops[3].id", "another", reason="WHY")
    told = error.about("changes[0].id")
    assert told.facts == {"field": "changes[0].id", "value": "'stops[3].id'", "expected": "another"}
    assert told.message == str(told) == "changes[0].id: got 'stops[3].id', expected another"
    assert (told.field, told.expected, told.reason) == ("changes[0].id", "another", "WHY")
    assert error.field == "stops[3].id"
    assert pickle.loads(pickle.dumps(told)).facts == told.facts
