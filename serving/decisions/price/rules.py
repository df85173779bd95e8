"""The rules of prices: settings, what each rule is called, and the tables that the kernel reads.

The order of RULES is the order in which they are kept, see kernels/pricing.py and serving/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Final

import numpy as np

from serving.core.catalogue import Item
from serving.core.config import setting
from serving.core.errors import InvalidInput
from serving.core.ports import I64
from serving.core.ranges import check_ranges
from serving.kernels import pricing as kernel

RULES: Final = (
    *("none", "currency", "no_price", "min_margin", "map_price", "lowest", "list_price", "highest", "pack"),
    *("cost_unknown", "cool_down", "step", "competitor", "stock_cover", "ending"),
)
"""The position is the number of kernels/pricing.py."""
OBJECTIVES: Final = ("margin", "revenue")
MODES: Final = ("off", "quote", "live")
EXPLORERS: Final = ("even", "thompson")
ENDING_DIGITS_MAX: Final = 4
OVERRIDES_MAX: Final = 256
OVERRIDABLE: Final = (
    *("min_margin", "price_min", "price_max", "list_is_ceiling", "step_max", "cooldown_h", "competitor_low"),
    *("competitor_high", "cover_days", "explore_share", "explore_width"),
)
"""What can be set otherwise for a brand or a category."""
UNTOLD: Final = ("mode", "log_days")
"""Settings that change no price."""
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Params:
    """Ranges are checked at construction. Shares are kept to four decimals."""

    mode: str = setting(
        "quote",
        "Whether prices are decided: off; quote = QuotePrices answers, and pages show the catalogue's price; live = "
        "pages, filters and objectives read the quoted price, too.",
        choices=MODES,
    )
    objective: str = setting(
        "margin", "What the best price has most of, as far as the rules allow.", choices=OBJECTIVES
    )
    currency: str = setting("", "The one currency that is priced, ISO 4217; empty = the price model's, or any.")
    min_margin: float = setting(0.05, "Least share of the price that is not cost.", low=0, high=0.95)
    price_min: int = setting(1, "No price is lower.", low=1, high=kernel.PRICE_MAX, unit="minor units")
    price_max: int = setting(kernel.PRICE_MAX, "No price is higher.", low=1, high=kernel.PRICE_MAX, unit="minor units")
    list_is_ceiling: bool = setting(True, "Whether no price is above the item's list price.")
    step_max: float = setting(
        0.1, "Largest change against the catalogue's price, up or down, as a share of it.", low=0, high=1
    )
    cooldown_h: float = setting(
        24.0, "A price that was set less long ago, when the period begins, stands.", low=0, high=8760, unit="hours"
    )
    competitor_low: float = setting(
        0.8, "Lowest price, as a share of the competitor's, where one is known.", low=0, high=1
    )
    competitor_high: float = setting(1.2, "Highest price, likewise.", low=1, high=100)
    cover_days: float = setting(
        7.0,
        "Not below the catalogue's price where the stock would not last so long at the lower one; 0 = always.",
        low=0,
        high=365,
        unit="days",
    )
    endings: tuple[str, ...] = setting(
        (), "Last digits of a price, where one within the other rules has them, for example 99, 49; none = any."
    )
    period_h: float = setting(
        24.0, "How long a quote stands while nothing that it depends on changes.", low=0.25, high=720, unit="hours"
    )
    explore: str = setting(
        "thompson",
        "How a price left to chance is drawn: by what the posterior holds for possible, or each alike.",
        choices=EXPLORERS,
    )
    explore_share: float = setting(
        0.0, "Share of items whose price, for a period, is left to chance within the rules.", low=0, high=1
    )
    explore_width: float = setting(
        0.05, "How far such a price may lie from the best one, as a share of it.", low=0, high=1
    )
    explore_seed: int = setting(0, "With item and period it decides what is left to chance.", low=0, high=2**53)
    prior_elasticity: float = setting(
        -2.0, "Of demand, where no model knows the item: per cent for 1 % more.", low=-10, high=-0.1
    )
    pack_of: str = setting("pack_of", "Attribute with the name of the product that an item is a pack of.")
    pack_size: str = setting("pack_size", "Attribute with the pieces in such a pack; absent = 1.")
    log_days: int = setting(
        30, "How long quotes are kept in quotes/ below home, with the chance each had; 0 = not logged.", low=0,
        high=3650, unit="days",
    )  # fmt: skip
    overrides: tuple[str, ...] = setting(
        (),
        "Rules of a brand or a category and all below it, the last that fits counts for each: "
        '"brand=Acme min_margin=0.3", "category=home > gifts step_max=0.05 cover_days=14".',
    )

    def __post_init__(self) -> None:
        check_ranges(
            self, "price", ("min_margin", 0, 0.95), ("price_min", 1, kernel.PRICE_MAX), ("step_max", 0, 1),
            ("price_max", 1, kernel.PRICE_MAX), ("cooldown_h", 0, 8760), ("competitor_low", 0, 1),
            ("competitor_high", 1, 100), ("cover_days", 0, 365), ("period_h", 0.25, 720), ("explore_share", 0, 1),
            ("explore_width", 0, 1), ("explore_seed", 0, 2**53), ("prior_elasticity", -10, -0.1),
            ("log_days", 0, 3650),
        )  # fmt: skip
        for name, known in (("mode", MODES), ("objective", OBJECTIVES), ("explore", EXPLORERS)):
            if getattr(self, name) not in known:
                raise InvalidInput(f"price.{name}", getattr(self, name), "one of " + ", ".join(known))
        code = self.currency
        if code and not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
            raise InvalidInput("price.currency", code, 'an ISO 4217 code, for example "GBP"')
        if self.price_min > self.price_max:
            raise InvalidInput("price.price_min", self.price_min, f"at most price.price_max, {self.price_max}")
        for one in self.endings:
            if not (one.isascii() and one.isdigit() and len(one) <= ENDING_DIGITS_MAX):
                raise InvalidInput("price.endings", one, f'1 to {ENDING_DIGITS_MAX} digits, for example "99"')
        if len(self.overrides) > OVERRIDES_MAX:
            raise InvalidInput("price.overrides", f"{len(self.overrides)} lines", f"at most {OVERRIDES_MAX}")
        for line in self.overrides:
            if "," in line:  # it separates lines in the environment, by which replicas are told
                raise InvalidInput("price.overrides", line, "a line without a comma")
            _override(line, self)

    @property
    def period_s(self) -> int:
        """Length of a period in seconds."""
        return round(self.period_h * HOUR_S)


@dataclass(frozen=True, slots=True)
class Override:
    """Rules for the items of one brand, or of one category and those below it."""

    brand: str
    category: tuple[str, ...]
    params: Params

    def fits(self, item: Item) -> bool:
        """Whether the item is one of them."""
        if self.category:
            return item.category_path[: len(self.category)] == self.category
        return item.brand == self.brand


class Rules:
    """The settings as the kernel reads them. Immutable."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.overrides = tuple(_override(line, params) for line in params.overrides)
        self.residues, self.before = _endings(params.endings)
        self.objective = OBJECTIVES.index(params.objective)
        self.cooldown_s: I64 = np.array(
            [round(each.cooldown_h * HOUR_S) for each in (params, *(one.params for one in self.overrides))], np.int64
        )
        """One a policy."""
        told = repr({name: value for name, value in asdict(params).items() if name not in UNTOLD})
        self.version = blake2b(told.encode(), digest_size=6).hexdigest()
        """Other settings, another version."""

    def policies(self, period_days: float) -> I64:
        """(p, POLICY_COLUMNS), the store's own first. period_days: in which the units of the demand model sell."""
        return np.array(
            [_policy(each, period_days) for each in (self.params, *(one.params for one in self.overrides))], np.int64
        )

    def policy_of(self, item: Item) -> int:
        """The row of the item's rules."""
        for number in range(len(self.overrides), 0, -1):
            if self.overrides[number - 1].fits(item):
                return number
        return 0


def names(bits: int) -> list[str]:
    """The rules of a bit set, in their order."""
    return [name for number, name in enumerate(RULES) if bits >> number & 1]


def _policy(params: Params, period_days: float) -> Sequence[int]:
    def share(value: float) -> int:
        return round(value * kernel.SHARE)

    row = [0] * kernel.POLICY_COLUMNS
    row[kernel.P_MIN_MARGIN] = share(params.min_margin)
    row[kernel.P_LOWEST], row[kernel.P_HIGHEST] = params.price_min, params.price_max
    row[kernel.P_LIST_IS_CEILING] = int(params.list_is_ceiling)
    row[kernel.P_STEP] = share(params.step_max)
    row[kernel.P_COMPETITOR_LOW], row[kernel.P_COMPETITOR_HIGH] = (
        share(params.competitor_low),
        share(params.competitor_high),
    )
    row[kernel.P_COVER_MILLI] = round(1000 * params.cover_days / period_days)
    row[kernel.P_EXPLORE], row[kernel.P_EXPLORE_WIDTH] = share(params.explore_share), share(params.explore_width)
    return row


def _endings(endings: Sequence[str]) -> tuple[I64, I64]:
    """residues and before of kernels/pricing.ladder."""
    period = 10 ** max((len(one) for one in endings), default=0)
    allowed = np.zeros(period, np.bool_)
    for one in endings:
        allowed[int(one) :: 10 ** len(one)] = True
    if not endings:
        allowed[:] = True
    return np.flatnonzero(allowed).astype(np.int64), np.concatenate(([0], np.cumsum(allowed))).astype(np.int64)


def _override(line: str, params: Params) -> Override:
    """Raises InvalidInput naming what of the line is wrong."""
    *words, last = line.replace("=", " = ").split(" = ")
    parts = [word.rpartition(" ") for word in words[1:]]
    keys = [words[0].strip(), *(key.strip() for _, _, key in parts)] if words else []
    values = [*(value.strip() for value, _, _ in parts), last.strip()]
    given = dict(zip(keys, values, strict=False))
    scope = [key for key in ("brand", "category") if key in given]
    if len(scope) != 1 or keys[0] != scope[0] or len(given) < 2 or len(given) != len(values) or not all(values):
        told = 'brand=NAME or category=A > B, then rules, for example "brand=Acme min_margin=0.3"'
        raise InvalidInput("price.overrides", line, told)
    value = given.pop(scope[0])
    changes: dict[str, float | bool | int] = {}
    for key, text in given.items():
        if key not in OVERRIDABLE:
            raise InvalidInput("price.overrides", f"{line}: {key}", "one of " + ", ".join(OVERRIDABLE))
        changes[key] = _number(line, key, text, type(getattr(params, key)))
    path = tuple(name.strip() for name in value.split(">")) if scope[0] == "category" else ()
    try:
        made = replace(params, overrides=(), **changes)  # type: ignore[arg-type]
    except InvalidInput as error:
        raise InvalidInput("price.overrides", line, f"{error.field}: {error.expected}") from None
    return Override(value if scope[0] == "brand" else "", path, made)


def _number(line: str, key: str, text: str, kind: type) -> float | bool | int:
    if kind is bool:
        if text not in ("true", "false"):
            raise InvalidInput("price.overrides", f"{line}: {key}", "true or false")
        return text == "true"
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        raise InvalidInput("price.overrides", f"{line}: {key}", "a number") from None
