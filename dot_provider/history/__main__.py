"""``python -m dot_provider.history``: years of history into a warehouse, by months, without an orchestrator."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone

from dot_provider.api import DotClient, DotError, DotUsageError
from dot_provider.api.arguments import checked_day
from dot_provider.history.destination import DESTINATIONS
from dot_provider.history.export import export_history
from dot_provider.history.load import loaded_windows
from dot_provider.history.window import HistoryWindow


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the months that are not complete yet; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if not os.environ.get("DOT_API_TOKEN"):
            raise DotUsageError("Set DOT_API_TOKEN to the API token of Dot, and DOT_BASE_URL where it is another Dot.")
        _load(options, HistoryWindow.of_dates(checked_day("--from", options.start), options.end))
    except DotError as error:
        print(error, file=sys.stderr)
        if not isinstance(error, DotUsageError):
            print("The same command goes on with the first month that is not complete.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The same command goes on with the month that was being loaded.", file=sys.stderr)
        return 130
    return 0


def _load(options: argparse.Namespace, window: HistoryWindow) -> None:
    credentials = options.credentials or os.environ.get("DOT_HISTORY_CREDENTIALS")
    place = {"destination": options.destination, "credentials": credentials, "dataset": options.dataset}
    loaded = [] if options.again else loaded_windows(**place)
    asked = months_of(window)
    months = [month for month in asked if not any(is_complete(month, *one) for one in loaded)]
    print(f"{len(months)} of {len(asked)} months to load into {options.destination}.", flush=True)
    more = {"include_all_workspaces": options.all_workspaces, "max_bad_records": options.max_bad_records}
    base_url = os.environ.get("DOT_BASE_URL", os.environ.get("DOT_API_BASE_URL"))
    with DotClient(os.environ["DOT_API_TOKEN"], base_url) as dot:
        began = time.monotonic()
        for number, month in enumerate(months, 1):
            done = export_history(dot, month, **place, **more)
            left = round((time.monotonic() - began) / number * (len(months) - number))
            print(
                f"{month}: {done.conversations:,} conversations ({done.new:,} new), {done.messages:,} messages. "
                f"{number} of {len(months)}, about {timedelta(seconds=left)} left.",
                flush=True,
            )


def months_of(window: HistoryWindow) -> list[HistoryWindow]:
    """Return a window's days in pieces that end with a month."""
    found: list[HistoryWindow] = []
    start = window.start
    while start < window.end:
        following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        found.append(HistoryWindow(start, min(following, window.end)))
        start = following
    return found


def is_complete(month: HistoryWindow, start: date, end: date, loaded_at: datetime) -> bool:
    """Tell whether a load had all days of a month, and began when they were over, in whatever time zone."""
    over = datetime.combine(month.end + timedelta(days=1), datetime.min.time(), timezone.utc)
    return start <= month.start and month.end <= end and loaded_at >= over


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dot_provider.history",
        description="Load Dot's conversation history by months. Months that _dot_loads says are complete are skipped, "
        "so that a load which was stopped goes on where it was.",
        epilog="DOT_API_TOKEN and DOT_BASE_URL say which Dot.",
    )
    add = parser.add_argument
    add("--from", dest="start", required=True, metavar="DAY", help="first day, YYYY-MM-DD")
    add("--to", dest="end", metavar="DAY", help="the day after the last one (default: tomorrow)")
    add("--destination", required=True, choices=DESTINATIONS, metavar="WAREHOUSE", help=", ".join(DESTINATIONS))
    add("--credentials", metavar="PLACE", help="a file or URL; where it is secret, in DOT_HISTORY_CREDENTIALS instead")
    add("--dataset", default="dot", help="schema that holds the tables (default %(default)s)")
    add("--all-workspaces", action="store_true", help="also other workspaces that the token's user may see")
    add("--max-bad-records", type=int, default=0, metavar="N", help="records of a month that may be left out")
    add("--again", action="store_true", help="also load months that are complete, such as for other workspaces")
    return parser


if __name__ == "__main__":
    sys.exit(main())
