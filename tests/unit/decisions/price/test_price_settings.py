"""The rules of prices as settings: what cannot be meant is refused by name, overrides count where they fit."""

from __future__ import annotations

from typing import Any

import pytest

from serving.core.catalogue import Item
from serving.core.config import make
from serving.core.errors import InvalidInput, SettingError
from serving.decisions.price.rules import RULES, Params, Rules
from serving.kernels import pricing as kernel


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"min_margin": float("nan")}, "price.min_margin"),
        ({"min_margin": 1.0}, "price.min_margin"),
        ({"step_max": -0.1}, "price.step_max"),
        ({"competitor_low": 1.5}, "price.competitor_low"),
        ({"price_min": 500, "price_max": 400}, "price.price_min"),
        ({"mode": "on"}, "price.mode"),
        ({"objective": "units"}, "price.objective"),
        ({"currency": "gbp"}, "price.currency"),
        ({"endings": ("x9",)}, "price.endings"),
        ({"endings": ("12345",)}, "price.endings"),
        ({"explore_share": 2.0}, "price.explore_share"),
        ({"prior_elasticity": 0.5}, "price.prior_elasticity"),
        ({"overrides": ("min_margin=0.3",)}, "price.overrides"),
        ({"overrides": ("brand=Acme",)}, "price.overrides"),
        ({"overrides": ("brand=Acme, Inc min_margin=0.3",)}, "price.overrides"),
        ({"overrides": ("brand=Acme mode=live",)}, "price.overrides"),
        ({"overrides": ("brand=Acme min_margin=much",)}, "price.overrides"),
        ({"overrides": ("brand=Acme min_margin=nan",)}, "price.overrides"),
        ({"overrides": ("brand=Acme price_min=500 price_max=400",)}, "price.overrides"),
        ({"overrides": ("brand=Acme category=home step_max=0.1",)}, "price.overrides"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Params(**given)
    assert caught.value.field == named
    with pytest.raises(SettingError, match=named.replace(".", r"\.")):
        make(Params, given, "price.")


def test_overrides_count_for_their_items_and_the_last_that_fits_wins() -> None:
    rules = Rules(
        Params(
            step_max=0.2,
            overrides=(
                "category=home > gifts step_max=0.05 cover_days=14",
                "brand=Acme & Sons min_margin=0.3 list_is_ceiling=false",
            ),
        )
    )
    plain, gift = Item("a", category_path=("home",)), Item("b", category_path=("home", "gifts", "mugs"))
    acme, both = Item("c", brand="Acme & Sons"), Item("d", brand="Acme & Sons", category_path=("home", "gifts"))
    assert [rules.policy_of(item) for item in (plain, gift, acme, both)] == [0, 1, 2, 2]
    table = rules.policies(7.0)
    assert table[:, kernel.P_STEP].tolist() == [2000, 500, 2000]
    assert table[:, kernel.P_MIN_MARGIN].tolist() == [500, 500, 3000]
    assert table[:, kernel.P_COVER_MILLI].tolist() == [1000, 2000, 1000]
    assert table[:, kernel.P_LIST_IS_CEILING].tolist() == [1, 1, 0]


def test_the_version_changes_with_the_rules_and_not_with_the_mode() -> None:
    assert Rules(Params()).version == Rules(Params(mode="live")).version
    assert len({Rules(each).version for each in (Params(), Params(step_max=0.2), Params(endings=("99",)))}) == 3


def test_the_rules_are_named_in_the_order_in_which_the_kernel_keeps_them() -> None:
    names = [name for name in vars(kernel) if name.lower() in RULES]
    assert sorted(names, key=lambda name: getattr(kernel, name)) == [name.upper() for name in RULES]
