"""The library's rows: another process, files in between, answers kept as long as nothing that makes them changes."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from loadtests.peers.environments import REQUIREMENTS
from model_repo.evaluate.forecast import peers
from serving.core.errors import SettingError

LINES = [np.array([1.0, 0.0, 3.0]), np.array([2.0, 2.0])]
STAND_IN = """
import sys
from pathlib import Path
from types import ModuleType
import numpy as np
asked = np.load(sys.argv[1])
for name in asked["models"].tolist():
    print(name, file=sys.stderr)
    ends = asked["values"][asked["ptr"][1:] - 1] - 5.0 * (name == "TSB")
    mean = np.repeat(ends[:, None], asked["horizon"], axis=1)
    limits = mean[:, :, None] + np.linspace(3, -3, len(asked["levels"]))
    np.savez(Path(sys.argv[2]) / f"{name}.npz", mean=mean, residual=limits, phase=limits, failed=ends > 2, seconds=1.5)
"""


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """A process that answers in the worker's form, run by this very Python: the library is not installed here."""
    file = tmp_path / "worker.py"
    file.write_text(STAND_IN)
    monkeypatch.setattr(peers, "WORKER", file)
    monkeypatch.setattr(peers, "python_of", lambda name, folder, say: sys.executable)
    return file


def test_answers_are_put_in_order_and_none_is_below_nothing(worker, tmp_path):
    said: list[str] = []
    found = peers.ask(LINES, 7, 4, ["AutoETS", "TSB"], tmp_path, said.append)
    assert said == ["AutoETS", "TSB"]
    np.testing.assert_allclose(found["AutoETS"].mean, [[3.0] * 4, [2.0] * 4])
    assert (np.diff(found["AutoETS"].quantiles["residual"], axis=2) >= 0).all()
    assert found["TSB"].mean.max() == 0.0
    assert found["TSB"].quantiles["phase"].min() == 0.0
    assert (found["AutoETS"].failed, found["AutoETS"].seconds) == (1, 1.5)
    assert peers.ask(LINES, 7, 4, ["TSB"], tmp_path, said.append, floor=None)["TSB"].mean.min() == -3.0


def test_answers_are_kept_until_anything_that_makes_them_changes(worker, tmp_path):
    said: list[str] = []
    ask = peers.ask
    ask(LINES, 7, 4, ["TSB"], tmp_path, said.append)
    ask(LINES, 7, 4, ["TSB"], tmp_path, said.append)
    assert said == ["TSB"]
    ask([LINES[0] + 1, LINES[1]], 7, 4, ["TSB"], tmp_path, said.append)
    ask(LINES, 1, 4, ["TSB"], tmp_path, said.append)
    ask(LINES, 7, 5, ["TSB"], tmp_path, said.append)
    worker.write_text(STAND_IN + "# another\n")
    ask(LINES, 7, 4, ["TSB"], tmp_path, said.append)
    assert said == ["TSB"] * 5


def test_the_ensemble_is_the_median_of_its_members(worker, tmp_path):
    found = peers.ask(LINES, 7, 4, peers.MODELS, tmp_path, lambda line: None)
    assert list(found) == [*peers.MODELS, *peers.ENSEMBLES]
    np.testing.assert_allclose(found["ensemble"].mean, found["AutoETS"].mean)
    assert found["ensemble"].seconds == 6.0
    assert set(found["ensemble"].quantiles) == set(peers.VARIANTS)
    assert "ensemble" not in peers.ask(LINES, 7, 4, peers.FAST, tmp_path, lambda line: None)


def test_no_model_asked_runs_nothing(tmp_path):
    assert peers.ask(LINES, 7, 4, (), tmp_path / "none", lambda line: None) == {}
    assert not (tmp_path / "none").exists()


def test_a_worker_that_fails_is_an_error_with_its_last_words(worker, tmp_path):
    worker.write_text("raise SystemExit('no such library')")
    with pytest.raises(SettingError, match="code 1: no such library"):
        peers.ask(LINES, 7, 4, ["TSB"], tmp_path, lambda line: None)


def test_the_environment_is_pinned_with_hashes_and_names_no_index():
    text = (REQUIREMENTS / f"{peers.ENVIRONMENT}.txt").read_text()
    pins = re.findall(r"^[a-z0-9_.-]+==\S+ \\$", text, re.MULTILINE)
    assert any(pin.startswith("statsforecast==") for pin in pins)
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    assert "://" not in text
    assert "index" not in text
    compile(Path(peers.__file__).with_name("peers_worker.py").read_text(), "peers_worker.py", "exec")


@pytest.fixture
def library(monkeypatch):
    """The worker as a module; of the library it runs with, which is not installed here, nothing is called."""
    absent = ModuleType("statsforecast")
    absent.models = ModuleType("statsforecast.models")
    monkeypatch.setitem(sys.modules, "statsforecast", absent)
    spec = importlib.util.spec_from_file_location("peers_worker", peers.WORKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_errors_of_a_weekday_stand_at_that_weekday(library):
    """An error of 0 on the first phase, 1 on the second, ...: the steps after 164 periods begin at phase 3."""
    errors = np.arange(164) % 7 * 1.0
    errors[:7] = np.nan  # not fitted yet
    every, phase = library.spread(errors, [0.1, 0.5, 0.9], 7, 9)
    np.testing.assert_allclose(phase[:, 1], [3, 4, 5, 6, 0, 1, 2, 3, 4])
    np.testing.assert_allclose(phase[:, 0], phase[:, 2])
    np.testing.assert_allclose(every[0], np.quantile(errors[7:], [0.1, 0.5, 0.9]))


def test_few_errors_at_a_phase_say_nothing_about_it(library):
    every, phase = library.spread(np.arange(30.0), [0.5], 7, 3)
    np.testing.assert_allclose(phase, every)
    nothing, _ = library.spread(np.full(30, np.nan), [0.5], 7, 3)
    assert not nothing.any()


def test_intervals_of_the_library_become_quantiles(library):
    answer = {"mean": np.array([5.0]), "lo-80.0": np.array([1.0]), "hi-80.0": np.array([9.0])}
    assert library.own(answer, [0.1, 0.5, 0.9]).tolist() == [[1.0, 5.0, 9.0]]
