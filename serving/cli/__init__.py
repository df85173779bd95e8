"""The command `storegate`. Each command is a file of its own, imported when it is used."""

from __future__ import annotations

import importlib
import logging
import os
import sys

import click

from serving.core.errors import SettingError, StoregateError

COMMANDS = {
    "demo": ("serving.cli.demo:demo", "Train on the demo store, serve it, show what it does."),
    "train": ("serving.cli.train:train", "Learn from a file of sales, or from the demo store."),
    "retrain": ("serving.cli.retrain:retrain", "Learn from what happened since; promote what is not worse."),
    "serve": ("serving.cli.serve:serve", "Start the gateway, on Ray Serve or in this process."),
    "recommend": ("serving.cli.recommend:recommend", "Ask a running gateway what to show."),
    "decision": ("serving.cli.decision:decision", "What a running gateway decided, and whether it would again."),
    "forecast": ("serving.cli.forecast:forecast", "How much will sell: a few items on the screen, all into a file."),
    "event": ("serving.cli.event:event", "Tell a running gateway what a visitor did."),
    "events": ("serving.cli.events:events", "The archive of all events: what is in it; move what waits."),
    "user": ("serving.cli.user:user", "All that is stored of a user: export it, erase it."),
    "report": ("serving.cli.report:report", "What came of the answers: shown, clicked, bought."),
    "model": ("serving.cli.model:model", "Which models answer: promote, roll back, shadow, split."),
    "replenish": ("serving.cli.replenish:replenish", "What to order now: a few items on the screen, all into a file."),
    "place": ("serving.cli.place:place", "Which orders to pick together, and which slot for which item."),
    "route": ("serving.cli.route:route", "Which vehicle visits whom, and when: plan, change, draw."),
    "price": ("serving.cli.price:price", "Quotes, curves, and new prices for the whole catalogue."),
    "batch": (
        "serving.cli.batch:batch",
        "Recommendations, scores, forecasts or quotes for many, from Parquet to Parquet.",
    ),
    "status": ("serving.cli.status:status", "What is live, and how the replicas do."),
    "edge": ("serving.cli.edge:edge", "HAProxy in front of the replicas: its configuration."),
    "settings": ("serving.cli.settings:settings", "Every setting with its value, range and meaning."),
    "evaluate": ("model_repo.evaluate.cli:evaluate", "How good the answers are, against baselines."),
    "bench": ("loadtests.bench.cli:bench", "How fast it is, in process and over gRPC."),
}
"""name -> (where it is, one line of help)."""

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


class Lazy(click.Group):
    """Knows its commands' names and lines of help without importing them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        if not module.startswith("serving."):
            _prepare_foreign()
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise SettingError(
                f"`storegate {name}` needs the package {error.name}: pip install -r requirements/test.txt"
            ) from None
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="storegate")
def cli() -> None:
    """A decision gateway for online shops: recommendations over gRPC and HTTP.

    \b
    storegate demo                                        everything at once
    storegate train --transactions online_retail.csv.gz   learn from your own sales
    storegate serve --replicas 2                          serve them on Ray Serve
    storegate recommend --user 17850 -k 10                ask

    Settings come from storegate.toml (or --config), the environment (STOREGATE__SECTION__KEY, STOREGATE_HOME) and
    options; `storegate settings` lists them.
    """


def main(arguments: list[str] | None = None) -> None:
    """Runs a command. What goes wrong on purpose is one line on standard error, and exit code 2."""
    level = os.environ.get("STOREGATE_LOG", "WARNING").upper()
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        code = cli.main(arguments, standalone_mode=False)
    except StoregateError as error:
        click.echo(f"storegate: {error.message}", err=True)
        sys.exit(EXIT_ERROR)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _prepare_foreign() -> None:
    """Commands of other packages import compiled code at once; the cache's place must be known before."""
    from serving.cli.common import use_numba_cache
    from serving.settings import load

    use_numba_cache(load().home)
