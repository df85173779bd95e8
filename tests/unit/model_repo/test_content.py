"""Content vectors of an obvious shop, and the truncated SVD under them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from model_repo.content.build import Params, build, truncated_svd
from serving.core.catalogue import Item
from serving.core.content import embed, tokens
from serving.core.errors import InvalidInput
from serving.core.ids import hash64

F32 = npt.NDArray[np.float32]
COLOURS = ("red", "blue", "green", "white", "black", "yellow")
KINDS = {"ceramic mug": "kitchen", "cotton towel": "bath", "desk lamp": "light"}


def shop(categories: bool = False) -> list[Item]:
    """Mugs, towels and lamps, each in six colours and three sizes; kinds in order."""
    return [
        Item(
            f"{noun}-{colour}-{size}",
            title=f"{colour.title()} {noun}, size {size}",
            category_path=("all", KINDS[noun]) if categories else (),
            attributes={"colour": colour, "size": str(size)} if categories else {},
        )
        for noun in KINDS
        for colour in COLOURS
        for size in (1, 2, 3)
    ]


def neighbours(vectors: F32, query: F32, k: int) -> list[int]:
    return np.argsort(-(vectors @ query), kind="stable")[:k].tolist()


@pytest.mark.parametrize("rounds", [0, 2])
@pytest.mark.parametrize("categories", [False, True])
def test_similar_items_lie_near_each_other(categories: bool, rounds: int) -> None:
    """On average a mug is nearer to mugs than to anything else, and its nearest ones are mugs."""
    items = shop(categories)
    vectors = embed(build(items, params=Params(d=8, rounds=rounds), seed=1), items)
    likeness = vectors @ vectors.T
    kind = np.repeat(np.arange(3), 18)
    same = kind[:, None] == kind
    assert likeness[same].mean() > 2 * likeness[~same].mean()
    np.fill_diagonal(likeness, -np.inf)
    assert (kind[likeness.argmax(axis=1)] == kind).all()


def test_an_item_never_seen_lands_among_its_kind() -> None:
    """A title in other words and another order, with one word that training never saw."""
    items = shop()
    model = build(items, params=Params(d=16))
    new = embed(model, [Item("new", title="Towels of Egyptian cotton")])[0]
    assert all(18 <= row < 36 for row in neighbours(embed(model, items), new, 18))


def test_a_category_alone_is_enough() -> None:
    """No known word, but a known place in the shop."""
    items = shop(categories=True)
    model = build(items, params=Params(d=16))
    new = embed(model, [Item("new", title="Zephyr", category_path=("all", "light"))])[0]
    assert all(row >= 36 for row in neighbours(embed(model, items), new, 18))


def test_with_all_directions_cosines_are_those_of_tf_idf() -> None:
    """Nothing is lost or re-weighted when d is no less than the rank: against a dense twin by the book."""
    items = shop(categories=True)
    lists = [tokens(item) for item in items]
    words = sorted({word for found in lists for word in found})
    counts = np.array([[found.count(word) for word in words] for found in lists])
    frequency = (counts > 0).sum(axis=0)
    tf = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
    rows = (tf * (np.log((1 + len(items)) / (1 + frequency)) + 1))[:, frequency >= 2]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = embed(build(items, params=Params(d=200)), items)
    np.testing.assert_allclose(vectors @ vectors.T, rows @ rows.T, atol=1e-5)


def test_vocabulary_drops_the_rare_and_keeps_the_most_frequent() -> None:
    """Terms of one item are left out; of the others the most widespread stay."""
    items = [Item("a", title="mug"), Item("b", title="mug / red"), Item("c", title="mug & red gold"), Item("d")]
    red_mug = sorted(map(hash64, ("mug", "red", "mug red")))
    assert build(items).terms.tolist() == red_mug
    assert build(items, params=Params(terms_max=1)).terms.tolist() == [hash64("mug")]
    assert build(items, params=Params(min_items=3)).terms.tolist() == [hash64("mug")]
    assert build(items).idf[red_mug.index(hash64("mug"))] == pytest.approx(1 + np.log(5 / 4))


def test_same_seed_same_bytes() -> None:
    """However many threads BLAS was given; and another seed leaves what is alike alike."""
    items = shop()
    with threadpool_limits(1):
        one = build(items, seed=3)
    with threadpool_limits(2):
        two, other = build(items, seed=3), build(items, seed=4)
    assert one.projection.tobytes() == two.projection.tobytes()
    assert one.terms.tobytes() == two.terms.tobytes()
    vectors, others = embed(one, items), embed(other, items)
    np.testing.assert_allclose(vectors @ vectors.T, others @ others.T, atol=0.05)


def test_the_order_of_the_items_does_not_choose_the_terms() -> None:
    """The vocabulary and its weights are those of the catalogue, not of its order."""
    items = shop()
    one, other = build(items), build(items[::-1])
    assert one.terms.tobytes() == other.terms.tobytes()
    assert one.idf.tobytes() == other.idf.tobytes()


@pytest.mark.parametrize("items", [[], [Item("a")], [Item("a"), Item("b")], [Item("a", title="mug")]])
def test_a_shop_without_shared_text_has_zero_vectors(items: list[Item]) -> None:
    """No item, no text, or nothing that two items say."""
    model = build(items)
    assert len(model.terms) == 0
    assert not embed(model, [*items, Item("new", title="mug")]).any()
    assert model.projection.shape == (0, 1)


def test_never_more_dimensions_than_directions() -> None:
    """Three items, two of them alike in all they share: rank two, whatever d is."""
    items = [Item("a", title="mug"), Item("b", title="mug"), Item("c", title="lamp"), Item("d", title="lamp")]
    model = build(items, params=Params(d=64))
    assert model.projection.shape == (2, 2)
    vectors = embed(model, items)
    np.testing.assert_allclose(vectors @ vectors.T, [[1, 1, 0, 0]] * 2 + [[0, 0, 1, 1]] * 2, atol=1e-6)


def test_truncated_svd_equals_the_full_one() -> None:
    """With a few rounds: values, and vectors up to the sign that is laid down, against numpy.linalg.svd."""
    rng = np.random.default_rng(0)
    dense = rng.random((60, 40)) * (rng.random((60, 40)) < 0.2) @ np.diag(0.8 ** np.arange(40.0))
    values, right = truncated_svd(csr_matrix(dense), 6, 6, 0)
    _, expected, rows = np.linalg.svd(dense)
    np.testing.assert_allclose(values, expected[:6], rtol=1e-8)
    np.testing.assert_allclose(np.abs((rows[:6] * right.T).sum(axis=1)), 1, rtol=1e-6)
    np.testing.assert_allclose(right.T @ right, np.eye(6), atol=1e-12)
    assert (right.max(axis=0) >= -right.min(axis=0)).all()


def test_each_round_catches_more() -> None:
    """Power iterations sharpen the range: the energy caught grows towards that of the best subspace."""
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((200, 150))
    best = (np.linalg.svd(dense, compute_uv=False)[:10] ** 2).sum()
    caught = [float((truncated_svd(csr_matrix(dense), 10, rounds, 0)[0] ** 2).sum()) for rounds in (0, 1, 3, 8)]
    assert caught == sorted(caught)
    assert 0.98 * best < caught[-1] <= best + 1e-9
    assert caught[0] < 0.9 * best


@pytest.mark.parametrize("bad", [{"d": 0}, {"min_items": 0}, {"terms_max": 0}, {"rounds": 9}])
def test_parameters_out_of_range_are_refused(bad: dict[str, int]) -> None:
    """And the error names the parameter."""
    with pytest.raises(InvalidInput, match=f"content.{next(iter(bad))}"):
        Params(**bad)
