"""The command line: quick help, one line for what goes wrong, amounts as people write them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.cli import COMMANDS
from serving.cli.common import use_numba_cache
from serving.cli.status import total
from serving.cli.tables import from_json, money

HEAVY = ("numba", "ray", "grpc", "redis", "onnxruntime", "faiss", "pyarrow")


def storegate(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving.cli", *arguments],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    """It is there at once."""
    code = (
        "import sys\nfrom serving.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        f"sys.exit(','.join(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "\n"
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", ["demo", "train", "serve", "recommend", "decision", "event", "status", "settings"])
def test_the_help_of_a_command_shows_examples(name: str, tmp_path: Path) -> None:
    """At least one line that can be copied."""
    done = storegate(name, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"storegate {name}" in done.stdout.split("Usage:")[1].split("\n", 1)[1]


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (["serve", "--local"], {"STOREGATE__SERVER__GRPC_PROT": "1"}, "did you mean server.grpc_port"),
        (["serve", "--local", "--grpc-port", "70000"], {}, "server.grpc_port (from the command line): got 70000"),
        (["serve", "--local", "--host", "0.0.0.0"], {}, "server.bearer_token"),
        (["serve", "--replicas", "0"], {}, "runtime.replicas"),
        (["serve", "--local", "--grpc-port", "0", "--http-port", "0"], {}, "storegate train"),
        (["serve"], {"RAY_AUTH_MODE": "disabled"}, "RAY_AUTH_MODE"),
        (["recommend", "--target", "127.0.0.1:1"], {}, "storegate serve"),
        (["decision", "0" * 32, "--target", "127.0.0.1:1"], {}, "storegate serve"),
        (["price", "quote", "i1"], {"STOREGATE__SERVER__GRPC_PORT": "0"}, "no gateway runs on"),
        (["train", "--transactions", "none.csv"], {}, "none.csv"),
        (["train", "--transactions", "x.csv", "--column", "item"], {}, "KEY=NAME"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_2(
    arguments: list[str], environ: dict[str, str], says: str, tmp_path: Path
) -> None:
    """On standard error, without a traceback, saying what to do."""
    done = storegate(*arguments, cwd=tmp_path, STOREGATE_HOME=str(tmp_path / "home"), **environ)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.splitlines()[-1].startswith("storegate: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_usage_errors_are_clicks_own(tmp_path: Path) -> None:
    """A wrong option or command shows how it is used."""
    assert storegate("srve", cwd=tmp_path).returncode == 2
    done = storegate("train", "--items", "many", cwd=tmp_path)
    assert done.returncode == 2
    assert "--items" in done.stderr


def test_status_without_a_gateway_says_so_and_fails(tmp_path: Path) -> None:
    """Scripts can wait for it."""
    done = storegate("status", "--json", cwd=tmp_path, STOREGATE_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["replicas"] == []
    assert "storegate train" in told["release"]


def test_settings_are_listed_without_secrets(tmp_path: Path) -> None:
    """The reference in the documentation is made by this command."""
    environ = {"STOREGATE__SERVER__BEARER_TOKEN": "hunter2-hunter2"}
    for arguments in (["settings"], ["settings", "--markdown"]):
        done = storegate(*arguments, cwd=tmp_path, **environ)
        assert done.returncode == 0
        assert "server.grpc_port" in done.stdout
        assert "hunter2" not in done.stdout


def test_money_is_written_with_its_currency() -> None:
    """Minor units differ by currency."""
    assert money(1250, "GBP") == "12.50 GBP"
    assert money(1250, "JPY") == "1,250 JPY"
    assert money(1250, "KWD") == "1.250 KWD"
    assert money(0, "") == "0.00"


def test_json_results_may_leave_defaults_out() -> None:
    """As protobuf's JSON mapping does."""
    (shown,) = from_json([{"itemId": "a"}])
    assert (shown.item_id, shown.title, shown.why, shown.score) == ("a", "", "", 0.0)


def test_counters_are_summed_over_labels() -> None:
    """A name that begins like another is not that other."""
    text = '# HELP x y\nx_total{a="1"} 2.0\nx_total{a="2"} 3.0\nx_total_created 9.0\nx_total 1.0\n'
    assert total(text, "x_total") == 6
    assert total(text, "z") == 0


def test_the_cache_of_compiled_code_is_kept_per_state_of_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same sources, the same folder; old folders go; what the user has set stays."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    for number in range(5):
        (tmp_path / "numba" / f"old{number}").mkdir(parents=True)
        os.utime(tmp_path / "numba" / f"old{number}", (number, number))
    use_numba_cache(tmp_path)
    mine = Path(os.environ["NUMBA_CACHE_DIR"])
    assert {path.name for path in (tmp_path / "numba").iterdir()} == {"old3", "old4", mine.name}
    use_numba_cache(tmp_path / "other")
    assert Path(os.environ["NUMBA_CACHE_DIR"]) == mine
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    use_numba_cache(tmp_path)
    assert Path(os.environ["NUMBA_CACHE_DIR"]) == mine
