"""Run benches: `python -m bench [NAME ...] [--list] [--json] [--quick] [--rounds N]`; all of them where none is named."""

from __future__ import annotations

import argparse
import sys

from bench import report
from bench.catalogue import BENCHES, Bench
from bench.harness import Options


def main() -> None:
    """List and run what the command line asks for."""
    given = _arguments()
    named = {bench.name: bench for bench in BENCHES}
    if not given.json and (given.list or not given.names):
        _list()
    if given.list:
        return
    options = Options(quick=given.quick, rounds=given.rounds, note=_note)
    for name in given.names or named:
        _run(named[name], options, as_json=given.json)
    if not given.json:
        report.print_legend(quick=given.quick)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="which to run; all, if none is named",
    )
    parser.add_argument("--list", action="store_true", help="list them and run none")
    parser.add_argument("--json", action="store_true", help="one JSON object a line of the table")
    parser.add_argument("--quick", action="store_true", help="small runs: does everything work?")
    parser.add_argument("--rounds", type=_at_least_one, default=5, help="runs of each (default: 5)")
    given = parser.parse_args()
    names = [bench.name for bench in BENCHES]
    if unknown := [name for name in given.names if name not in names]:
        parser.error(f"no bench {', '.join(unknown)}; there are: {', '.join(names)}")
    return given


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _list() -> None:
    width = max(len(bench.name) for bench in BENCHES)
    for bench in BENCHES:
        print(f"{bench.name:<{width}}  {bench.what}")
    sys.stdout.flush()


def _run(bench: Bench, options: Options, *, as_json: bool) -> None:
    rows = bench.measure(options)
    if as_json:
        report.print_json(bench.name, rows)
    elif rows:
        report.print_table(bench.name, rows)
        sys.stdout.flush()


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
