"""Replay recorded cases of the reference implementation through our trainers.

    python -m tests.parity DIR

DIR has cases.json and the arrays of its cases (tests/goldens/README.md). Prints a line per array:
case, array, largest absolute and relative difference, and what is allowed.
Exit code 1: an array differs more than allowed.
"""

import sys
from pathlib import Path

from promptsrc.command import Parser
from tests.parity import load_cases, replay


def main() -> int:
    """Its exit code."""
    parser = Parser(__doc__)
    parser.add_argument("directory", metavar="DIR", type=Path, help="folder of recorded cases")
    folder = parser.parse_args().directory
    if not (folder / "cases.json").is_file():
        parser.error(f"{folder} has no cases.json; give a folder such as tests/goldens")
    cases, tolerances = load_cases(folder)
    beyond = 0
    for case in cases.values():
        for difference in replay(folder, case, tolerances[case["precision"]]):
            print(difference)
            beyond += not difference.fits
    print(f"{beyond} arrays beyond their tolerance")
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main())
