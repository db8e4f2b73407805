"""Fails when a test was skipped that is not listed by name: check_skips.py ALLOWED REPORT.xml ...

Reads JUnit reports, and in their output what GoogleTest skipped inside a program that is one test to ctest (tests/mpi). Ends
with the totals over all reports.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as tree


def main() -> int:
    allowed = set()
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            allowed.add(line.split(":")[0].strip())
    passed, failed, skipped = 0, 0, set()
    for name in sys.argv[2:]:
        for case in tree.parse(name).iter("testcase"):
            inside = re.findall(r"\[  SKIPPED \] ([\w/]+\.[\w/]+)", case.findtext("system-out") or "")
            skipped.update(inside)
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
                if not inside:
                    skipped.add(case.get("name"))
            else:
                passed += 1
    unlisted = sorted(skipped - allowed)
    for name in unlisted:
        print(f"skipped and not listed in tests/allowed-skips.txt: {name}")
    print(f"{passed} passed, {failed + len(unlisted)} failed, {len(skipped & allowed)} skipped")
    return 1 if unlisted or failed else 0


sys.exit(main())
