"""`storegate train`: what could not be built is said, with the reason."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from serving.adapters.releases import live
from serving.cli import cli


def test_models_that_could_not_be_built_are_told_at_the_end(tmp_path: Path) -> None:
    """Ten days of sales: enough to recommend from and to price by, and too few to forecast."""
    lines = ["invoice,item,quantity,time,price,customer"]
    for customer in range(60):
        for visit in range(3):
            day = 1 + (customer + 4 * visit) % 10
            for k in range(3):
                item = (7 * customer + 3 * visit + k) % 20
                lines.append(f"{customer}-{visit},i{item},1,2026-05-{day:02d} 10:00:00,{2 + k}.50,c{customer}")
    (tmp_path / "sales.csv").write_text("\n".join(lines) + "\n")
    environ = {"STOREGATE_HOME": str(tmp_path / "home")}
    done = CliRunner().invoke(cli, ["train", "--transactions", str(tmp_path / "sales.csv")], env=environ)
    assert done.exit_code == 0, done.output
    assert "no new forecast: the sales cover 10 days; forecasts need 14, so it is not answered" in done.stdout
    release = live(tmp_path / "home")
    assert f"release {release.release} is live" in done.stdout
    assert "forecast" not in release.models
    assert "price" in release.models
