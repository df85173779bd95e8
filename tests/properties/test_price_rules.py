"""No rule is ever broken: decisions drawn at random, checked by rules written apart; the full count is a command."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loadtests.price_cases import RandomDemand, facts_of, random_case, random_rules, rulebook_of, verdict_of
from loadtests.price_checker import Case, Rulebook, Verdict, violations
from loadtests.price_rules import Tally, check
from serving.decisions.price.chance import Chance
from serving.decisions.price.pipeline import decide

N = 3000


def test_no_decision_breaks_a_rule() -> None:
    """`python -m loadtests.price_rules` with a smaller count; every rule binds, gives way or contradicts somewhere."""
    tally = Tally()
    for number in range(12):
        check(seed=1, number=number, n=N, tally=tally)
    assert not tally.violations
    assert tally.priced > tally.decisions / 2
    assert tally.explored > 100
    bound = ("min_margin", "map_price", "lowest", "list_price", "highest", "pack", "cost_unknown", "cool_down", "step")
    assert {*bound, "competitor", "stock_cover", "ending", "none"} <= {
        name for name, count in tally.bound.items() if count
    }
    assert {"cool_down", "step", "competitor", "stock_cover", "ending"} <= set(tally.gave_way)
    assert {"currency", "no_price", "min_margin", "map_price", "list_price", "highest", "pack"} <= set(
        tally.contradicted
    )


@pytest.fixture(scope="module")
def decided() -> tuple[Case, Rulebook, Verdict]:
    rng = np.random.default_rng(5)
    rules = random_rules(rng)
    case, policy = random_case(rng, N)
    facts, packs = facts_of(case, policy)
    demand = RandomDemand(rng, case.price)
    chance = Chance(rng.integers(0, 2**63, N).astype(np.uint64), 0, 0)
    said = verdict_of(decide(facts, packs, demand, rules, chance), demand)
    return case, rulebook_of(rules, policy, demand.period_days), said


def test_the_checker_finds_what_is_wrong(decided: tuple[Case, Rulebook, Verdict]) -> None:
    """Each broken promise is seen: otherwise zero violations would mean nothing."""
    case, book, said = decided
    assert not violations(case, book, said)
    some = said.price > 0
    lower, higher = np.where(some, said.price // 2, 0), np.where(some, said.price * (1 + np.arange(N) % 2), 0)
    cheap = violations(case, book, replace(said, price=lower))
    assert {"min_margin", "map_price", "outside its band"} <= set(cheap)
    assert {"list_price", "step", "competitor", "pack"} <= set(violations(case, book, replace(said, price=higher)))
    assert "currency" in violations(replace(case, foreign=np.ones(N, np.bool_)), book, said)
    assert "propensity" in violations(case, book, replace(said, propensity=np.zeros(N)))
    silent = {name: np.zeros(N, np.bool_) for name in said.failed}
    assert "no price, no rule named" in violations(case, book, replace(said, failed=silent))
    assert {"step", "competitor"} <= set(violations(case, book, replace(said, gave_way=silent)))
    none = violations(case, book, replace(said, price=np.zeros(N, np.int64)))
    assert {"refused without a cause", "pack: refused without a cause"} <= set(none)
