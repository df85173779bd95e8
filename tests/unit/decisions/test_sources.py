"""Every candidate source stands in one tuple, with its code and the setting of its quota."""

from __future__ import annotations

import pkgutil
from dataclasses import fields
from importlib import import_module

import pytest

from serving.decisions.recommend import sources
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.placements import placements
from serving.decisions.recommend.sources import SEARCHING, SOURCES, Source, quotas

OF_THE_REQUEST = {Code.GIVEN, Code.PINNED}
"""What a request names itself comes from no source."""


def test_each_code_has_one_source() -> None:
    codes = [source.CODE for source in SOURCES]
    assert sorted(codes) == sorted(set(Code) - OF_THE_REQUEST)


def test_each_file_that_is_a_source_is_in_the_tuple() -> None:
    """A source that was written and forgotten in the tuple would bring nothing, silently."""
    modules = [import_module(f"{sources.__name__}.{each.name}") for each in pkgutil.iter_modules(sources.__path__)]
    assert {each for each in modules if hasattr(each, "QUOTA")} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.CODE.name)
def test_each_quota_is_a_setting_that_a_placement_follows(source: Source) -> None:
    assert source.QUOTA in {field.name for field in fields(Params)}
    assert quotas(Params(candidates=180, from_factors=11, from_fresh=3), source) == {
        source.CODE: {"candidates": 180, "from_factors": 11, "from_fresh": 3}.get(
            source.QUOTA, getattr(Params(), source.QUOTA)
        )
    }


def test_placements_want_what_the_settings_say() -> None:
    every = placements(Params(from_factors=11, from_together=7))
    assert every["recommended-for-you"].quotas[Code.FACTORS] == 11
    assert every["others-you-may-like"].quotas[Code.TOGETHER] == 7
    assert Code.TOGETHER not in every["recommended-for-you"].quotas


def test_those_that_search_are_found_by_what_they_have() -> None:
    assert {source.CODE for source in SEARCHING} == {Code.FACTORS, Code.CONTENT}
