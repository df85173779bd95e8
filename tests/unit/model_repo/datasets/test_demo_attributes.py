"""The attributes of the demo store's items say by name what their titles say."""

from __future__ import annotations

from model_repo.datasets.demo_catalogue import attributes, combinations, title
from model_repo.datasets.demo_words import LEAVES
from serving.catalogue.checks import check_attributes

NAMES = {"material", "kind", "colour", "pattern", "scent", "taste", "flavour", "variety", "size"}


def test_attributes_are_those_of_the_title() -> None:
    """For every variant of every leaf, past the last combination too."""
    for leaf in LEAVES:
        for variant in range(combinations(leaf) + 5):
            found = attributes(leaf, variant)
            check_attributes("attributes", found)
            assert len(found) == 3
            assert found.keys() <= NAMES
            kind, look, size = found.values()
            assert f"{kind} {leaf.noun}, {look}, {size}" in title(leaf, 0, variant)


def test_a_mug_has_a_material_and_a_colour() -> None:
    mug = next(leaf for leaf in LEAVES if leaf.path[-1] == "Mugs")
    assert attributes(mug, 0) == {"material": "ceramic", "colour": "white", "size": "250 ml"}
