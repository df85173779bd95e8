"""Worked by hand, and against the definitions spelt out in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model_repo.evaluate import metrics
from model_repo.evaluate.metrics import evaluate, intra_list_distance
from serving.core.errors import InvalidInput


def slow(lists, truths, had, n_catalogue, ks):
    """The definitions of metrics.py, one customer and one place at a time."""
    found = {}
    for suffix, part in (("", None), ("_repeat", True), ("_explore", False)):
        for k in ks:
            sums, count = {"ndcg": 0.0, "recall": 0.0, "hr": 0.0}, 0
            for line, truth, flags in zip(lists, truths, had, strict=True):
                wanted = {item for item, flag in zip(truth, flags, strict=True) if part is None or flag == part}
                if not wanted:
                    continue
                count += 1
                places = [place for place, item in enumerate(line[:k]) if item in wanted]
                gain = sum(1 / math.log2(place + 2) for place in places)
                ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
                sums["ndcg"] += gain / ideal
                sums["recall"] += len(places) / len(wanted)
                sums["hr"] += bool(places)
            if count:
                found |= {f"{name}@{k}{suffix}": total / count for name, total in sums.items()}
    for k in ks:
        found[f"coverage@{k}"] = len({item for line in lists for item in line[:k] if item >= 0}) / n_catalogue
    return found


def packed(truths):
    ptr = np.concatenate(([0], np.cumsum([len(truth) for truth in truths]))).astype(np.int64)
    return ptr, np.array([item for truth in truths for item in truth], np.int32)


def test_worked_by_hand():
    """Truth {7, 8, 9}, hits at places 1 and 3 of 5; of them 9 was bought before, and stands at place 3."""
    ptr, truth = packed([[7, 8, 9]])
    lists = np.array([[8, 1, 9, 2, 3]], np.int32)
    found = evaluate(lists, ptr, truth, np.array([False, False, True]), 100, ks=(1, 5))
    ideal = 1 + 1 / math.log2(3) + 0.5
    assert found["ndcg@5"] == pytest.approx((1 + 0.5) / ideal)
    assert found["ndcg@1"] == 1.0
    assert found["recall@5"] == pytest.approx(2 / 3)
    assert found["recall@1"] == pytest.approx(1 / 3)
    assert found["hr@5"] == 1.0
    assert found["ndcg@5_repeat"] == pytest.approx(0.5)
    assert found["hr@1_repeat"] == 0.0
    assert found["ndcg@5_explore"] == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert found["coverage@5"] == pytest.approx(0.05)


def test_the_perfect_list_scores_one_and_an_empty_one_zero():
    ptr, truth = packed([[0, 1, 2], [3]])
    had = np.zeros(4, np.bool_)
    perfect = evaluate(np.array([[2, 0, 1], [3, 0, 1]], np.int32), ptr, truth, had, 10, ks=(3,))
    nothing = evaluate(np.full((2, 3), -1, np.int32), ptr, truth, had, 10, ks=(3,))
    assert perfect["ndcg@3"] == perfect["recall@3"] == perfect["hr@3"] == 1.0
    assert nothing["ndcg@3"] == nothing["recall@3"] == nothing["hr@3"] == nothing["coverage@3"] == 0.0


def test_a_customer_without_repeats_is_left_out_of_the_repeat_mean_and_an_empty_mean_is_absent():
    ptr, truth = packed([[0], [1]])
    lists = np.array([[0], [9]], np.int32)
    found = evaluate(lists, ptr, truth, np.array([True, False]), 10, ks=(1,))
    assert found["hr@1"] == 0.5
    assert found["hr@1_repeat"] == 1.0
    assert found["hr@1_explore"] == 0.0
    assert "hr@1_repeat" not in evaluate(lists, ptr, truth, np.zeros(2, np.bool_), 10, ks=(1,))


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_slow_twin(seed):
    """Random lists with holes at the end, truths of 1 to 30 items, k below and above their size."""
    rng = np.random.default_rng(seed)
    n, u, k = 60, 40, 20
    lists = np.stack([rng.permutation(n)[:k] for _ in range(u)]).astype(np.int32)
    for line in lists:
        line[rng.integers(0, k + 1) :] = -1
    truths = [np.sort(rng.permutation(n)[: rng.integers(1, 31)]).tolist() for _ in range(u)]
    had = [rng.random(len(truth)) < 0.4 for truth in truths]
    ptr, truth = packed(truths)
    found = evaluate(lists, ptr, truth, np.concatenate(had), n, ks=(10, 20))
    expected = slow(lists.tolist(), truths, had, n, (10, 20))
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected)


def test_lists_shorter_than_k_are_refused():
    ptr, truth = packed([[0]])
    with pytest.raises(InvalidInput, match="lists"):
        evaluate(np.zeros((1, 5), np.int32), ptr, truth, np.zeros(1, np.bool_), 10, ks=(10,))


def slow_distance(line, vectors, k):
    """The definition, one pair at a time; None without a pair."""
    held = [vectors[item] for item in line[:k] if item >= 0 and vectors[item].any()]
    pairs = [1 - float(a @ b) for at, a in enumerate(held) for b in held[at + 1 :]]
    return sum(pairs) / len(pairs) if pairs else None


@pytest.mark.parametrize("seed", range(3))
def test_intra_list_distance_equals_its_slow_twin(seed, monkeypatch):
    """Lists with holes, items without a vector, and more lists than are taken at once."""
    monkeypatch.setattr(metrics, "LISTS_AT_ONCE", 7)
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[rng.random(30) < 0.2] = 0
    lists = np.stack([rng.permutation(30)[:10] for _ in range(25)]).astype(np.int32)
    for line in lists:
        line[rng.integers(0, 11) :] = -1
    expected = [found for line in lists if (found := slow_distance(line, vectors, 6)) is not None]
    assert intra_list_distance(lists, vectors, 6) == pytest.approx(expected, abs=1e-5)


def test_a_list_of_one_kind_has_no_distance_and_opposites_have_two():
    vectors = np.array([[1, 0], [1, 0], [-1, 0], [0, 1]], np.float32)
    lists = np.array([[0, 1], [0, 2], [1, 3], [3, -1]], np.int32)
    assert intra_list_distance(lists, vectors, 2).tolist() == [0.0, 2.0, 1.0]


def test_the_table_has_the_distance_only_where_vectors_are_given():
    ptr, truth = packed([[0]])
    lists, had = np.array([[0, 1]], np.int32), np.zeros(1, np.bool_)
    assert "ild@2" not in evaluate(lists, ptr, truth, had, 2, ks=(2,))
    assert evaluate(lists, ptr, truth, had, 2, ks=(2,), vectors=np.eye(2, dtype=np.float32))["ild@2"] == 1.0
    assert "ild@2" not in evaluate(lists, ptr, truth, had, 2, ks=(2,), vectors=np.zeros((2, 2), np.float32))


def test_an_item_without_a_row_is_refused():
    with pytest.raises(InvalidInput, match="vectors"):
        intra_list_distance(np.array([[0, 5]], np.int32), np.eye(2, dtype=np.float32), 2)
