"""Proofs last: whole lines alone, each once, found by who knows whom they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.adapters.erasure_ledger import ErasureLedger
from serving.core.errors import DataError
from serving.events.erasure import Erasure, Pseudonyms, State


def proof(number: int, subject: str = "s", cut_ms: int = 1000) -> Erasure:
    return Erasure(f"{number:032x}", subject, cut_ms, State.COMPLETE, cut_ms + 5, events=number)


def test_what_was_added_is_found_by_everybody(tmp_path: Path) -> None:
    """Also by one that has read before; a known erasure is kept as it was."""
    writer, reader = ErasureLedger(tmp_path), ErasureLedger(tmp_path)
    assert reader.of_subject("s") == []
    first, second, again = writer.add([proof(1), proof(2, "t", 7000), proof(1, "other")])
    assert (first, second) == (again, proof(2, "t", 7000))
    assert reader.of_subject("s") == [proof(1)]
    assert ErasureLedger(tmp_path).add([proof(1, cut_ms=5), proof(3, cut_ms=9000)])[0] == proof(1)
    assert reader.cuts() == {"s": 9000, "t": 7000}
    assert [one.events for one in writer.of_subject("s")] == [1, 3]


def test_a_line_that_was_cut_off_is_replaced(tmp_path: Path) -> None:
    ledger = ErasureLedger(tmp_path)
    ledger.add([proof(1)])
    (path,) = ledger.folder.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(proof(2).encode()[:40])
    assert ErasureLedger(tmp_path).of_subject("s") == [proof(1)]
    ErasureLedger(tmp_path).add([proof(3)])
    assert ErasureLedger(tmp_path).of_subject("s") == [proof(1), proof(3)]
    assert len(path.read_bytes().splitlines()) == 2


def test_a_damaged_line_costs_itself_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = ErasureLedger(tmp_path)
    ledger.add([proof(1), proof(2)])
    (path,) = ledger.folder.glob("*.jsonl")
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"#" + first[1:] + second)
    assert ErasureLedger(tmp_path).of_subject("s") == [proof(2)]
    assert "not a record of an erasure" in caplog.text


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "erasures").write_text("a file, where a folder should be")
    with pytest.raises(DataError, match=r"proofs\.jsonl"):
        ErasureLedger(tmp_path).add([proof(1)])


def test_names_tell_nothing_without_the_key() -> None:
    """The same for the same person and key; a request is not a person."""
    names, other = Pseudonyms(b"k" * 32), Pseudonyms(b"j" * 32)
    assert names.subject("u:ada") == names.subject("u:ada")
    assert len({names.subject("u:ada"), names.subject("v:ada"), names.request("u:ada"), other.subject("u:ada")}) == 4


def test_records_of_another_version_are_read(tmp_path: Path) -> None:
    """A field that came later is left out; one that is missing has its default; nonsense is refused."""
    found = Erasure.decode(b'{"erasure_id": "a", "subject": "s", "requested_ms": "12", "new": 1}')
    assert found == Erasure("a", "s", 12)
    for data in (b"", b"[]", b'{"erasure_id": "a"}', b'{"erasure_id": "a", "subject": "s", "state": "?"}'):
        with pytest.raises(ValueError, match="not a record"):
            Erasure.decode(data)
