"""``python -m dot_provider.evaluations check FILE``: what is wrong with a suite, offline, for pre-commit and CI.

``python -m dot_provider.evaluations schema`` prints the JSON schema of a suite, for editors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from dot_provider.api.errors import DotUsageError
from dot_provider.evaluations.schema import suite_schema
from dot_provider.evaluations.suite import EvaluationSuite


def main(arguments: Sequence[str] | None = None) -> int:
    """Check files and return the exit status: 0 where all are in order, 1 where one is not."""
    parser = argparse.ArgumentParser(prog="python -m dot_provider.evaluations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check suites without a connection to anything")
    check.add_argument("files", nargs="+", metavar="FILE", help="a suite as YAML or JSON")
    commands.add_parser("schema", help="print the JSON schema of a suite, for editors")
    given = parser.parse_args(arguments)
    if given.command == "schema":
        print(json.dumps(suite_schema(), indent=2))  # noqa: T201 - a command line
        return 0
    told = [sentence for file in given.files for sentence in _problems(file)]
    sys.stderr.writelines(f"{sentence}\n" for sentence in told)
    return 1 if told else 0


def _problems(file: str) -> list[str]:
    try:
        suite = EvaluationSuite.read(file)
    except DotUsageError as error:
        return [str(error)]
    told = [f"{file}: {problem}" for problem in suite.problems()]
    for one in suite.questions:
        if suite.read_file is not None and isinstance(one.fields.get("sql_file"), str):
            try:
                suite.read_file(one.fields["sql_file"])
            except DotUsageError as error:
                told.append(f"{file}: {one.label}: {error}")
    return told


if __name__ == "__main__":
    sys.exit(main())
