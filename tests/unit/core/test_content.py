"""Terms of an item, and the vector they give: the same whoever asks, however its attributes are ordered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core import content
from serving.core.catalogue import Item
from serving.core.content import BLOCK, TERMS_MAX, WORDS_MAX, ContentModel, count_terms, embed, hash_terms, tokens
from serving.core.ids import hash64

names = st.text(min_size=1, max_size=6)
some_items = st.builds(
    Item,
    item_id=st.just("i"),
    title=st.text(max_size=120)
    | st.lists(st.sampled_from(["mug", "mugs", "300ml", "1.5", "café", "マグ"])).map(" ".join),
    category_path=st.lists(names, max_size=4).map(tuple),
    brand=st.text(max_size=6),
    attributes=st.dictionaries(names, names, max_size=80),
)


def model_of(*terms: str, d: int = 4) -> ContentModel:
    """A model of these terms with weights 1, 2, ... and random projections."""
    hashes = np.sort(np.array([hash64(term) for term in terms], np.uint64))
    rng = np.random.default_rng(0)
    return ContentModel(
        hashes, np.arange(1, len(terms) + 1, dtype=np.float32), rng.standard_normal((len(terms), d)).astype(np.float32)
    )


def plain(model: ContentModel, item: Item) -> npt.NDArray[np.float64]:
    """The vector by the book: one term after the other, in double precision."""
    words = tokens(item)
    out = np.zeros(model.projection.shape[1])
    for term in set(words):
        for row in np.flatnonzero(model.terms == np.uint64(hash64(term))):
            out += (1 + np.log(words.count(term))) * float(model.idf[row]) * model.projection[row].astype(float)
    length = np.linalg.norm(out)
    return out / length if length else out


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Red Mug", ["red", "mug"]),
        ("MUGS, dishes & berries", ["mug", "dish", "berry"]),
        ("glass bus boxes", ["glass", "bus", "box"]),
        ("300ml / 300 ml", ["300", "ml", "300", "ml"]),
        ("1.5 l, 2,5 l.", ["1.5", "l", "2,5", "l"]),
        ("Café Cafe\u0301", ["café", "café"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("Ｍｕｇ", ["mug"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("青いマグ x2", ["青い", "いマ", "マグ", "x", "2"]),
        ("杯 mug", ["杯", "mug"]),
        (" - ", []),
        ("", []),
    ],
)
def test_words_of_a_title(title: str, words: list[str]) -> None:
    """Case, width, accents' spelling, plurals and the space before a unit do not matter; marks do not part words."""
    assert [token for token in tokens(Item("i", title=title)) if " " not in token] == words


def test_all_kinds_of_terms() -> None:
    """Words, pairs of words, every prefix of the path, brand, attributes by name; each told apart by its mark."""
    item = Item(
        "i",
        title="Blue mug",
        category_path=("Home", "Kitchen  ware"),
        brand="Oak",
        attributes={"Size": "L", "colour": "Blue"},
    )
    assert tokens(item) == [
        *("blue", "mug", "blue mug", "c:home", "c:home/kitchen ware", "b:oak", "a:colour=blue", "a:size=l")
    ]


def test_a_long_title_leaves_room_for_the_rest() -> None:
    """However much text there is, path, brand and attributes still count, and the work stays bounded."""
    item = Item("i", title="word " * 500, category_path=("a",) * 16, brand="b", attributes={"c": "d"})
    found = tokens(item)
    assert found.count("word") == WORDS_MAX
    assert found[-2:] == ["b:b", "a:c=d"]
    crowded = replace(item, attributes={f"n{k}": "v" for k in range(500)})
    assert len(tokens(crowded)) == TERMS_MAX


@given(some_items, st.randoms())
def test_the_order_of_attributes_changes_nothing(item: Item, random: object) -> None:
    """Not one term, not one bit of the vector."""
    pairs = list(item.attributes.items())
    random.shuffle(pairs)  # type: ignore[attr-defined]
    other = replace(item, attributes=dict(pairs))
    model = model_of(*tokens(item))
    assert tokens(other) == tokens(item)
    assert embed(model, [other]).tobytes() == embed(model, [item]).tobytes()


@given(st.lists(some_items, min_size=1, max_size=6))
def test_an_item_has_the_same_vector_alone_and_among_others(items: list[Item]) -> None:
    """To the last bit: what training stored is what serving computes for one item at a time. And it is right."""
    model = model_of(*dict.fromkeys(word for item in items for word in tokens(item)[::2]))
    together = embed(model, items)
    assert together.dtype == np.float32
    assert together.tobytes() == b"".join(embed(model, [item]).tobytes() for item in items)
    np.testing.assert_allclose(together, np.array([plain(model, item) for item in items]), atol=1e-4)


def test_more_items_than_a_block() -> None:
    """Blocks join without a seam; items without known terms stay zero where they stand."""
    kinds = ["mug red", "towel", "", "mug", "unheard"]
    items = [Item(f"i{k}", title=kinds[k % 5]) for k in range(BLOCK + 7)]
    model = model_of("mug", "towel", "red")
    np.testing.assert_array_equal(embed(model, items), embed(model, items[:5])[np.arange(len(items)) % 5])


def test_vectors_have_length_one_or_are_zero() -> None:
    """One where a term is known, zero where none is."""
    model = model_of("mug", "c:kitchen", d=7)
    items = [Item("a", title="mug mug"), Item("b", category_path=("Kitchen",)), Item("c", title="lamp"), Item("d")]
    found = embed(model, items)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0, 0], atol=1e-6)
    assert embed(model, []).shape == (0, 7)


def test_a_projection_that_cancels_is_zero_and_not_noise() -> None:
    """Two terms that point against each other but for rounding say nothing."""
    terms = np.sort(np.array([hash64("mug"), hash64("lamp")], np.uint64))
    opposite = np.array([[1, 0], [-1 + 2e-7, 0]], np.float32)
    model = ContentModel(terms, np.ones(2, np.float32), opposite)
    assert not embed(model, [Item("i", title="mug, lamp")]).any()


def test_a_model_without_terms_gives_zeros() -> None:
    """A shop without any text."""
    model = ContentModel(np.zeros(0, np.uint64), np.zeros(0, np.float32), np.zeros((0, 1), np.float32))
    assert embed(model, [Item("i", title="mug"), Item("j")]).tolist() == [[0.0], [0.0]]


def test_counts_are_sorted_and_sublinear() -> None:
    """Each (item, known term) once, by item, then by place in the vocabulary; the weight grows as 1 + ln(count)."""
    items = [Item("i"), Item("j", title="mug lamp mug"), Item("k", title="towel"), Item("l", title="mug")]
    vocabulary = np.sort(np.array([hash64("mug"), hash64("lamp")], np.uint64))
    counts = count_terms(*hash_terms(items), vocabulary)
    assert counts.item.tolist() == [1, 1, 3]
    mug = vocabulary.tolist().index(hash64("mug"))
    assert counts.place.tolist() == [0, 1, mug]
    assert counts.tf.tolist() == pytest.approx([1 + np.log(2), 1, 1] if mug == 0 else [1, 1 + np.log(2), 1])


def test_memory_is_bounded_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many items come, at most BLOCK are there as terms at a time."""
    sizes: list[int] = []

    def hashed(items: list[Item]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        sizes.append(len(items))
        return hash_terms(items)

    monkeypatch.setattr(content, "hash_terms", hashed)
    embed(model_of("mug"), [Item("i", title="mug")] * (2 * BLOCK + 1))
    assert sizes == [BLOCK, BLOCK, 1]
