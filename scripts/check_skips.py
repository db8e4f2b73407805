"""Fails when a test was skipped that is not listed by name: check_skips.py ALLOWED FILE ...

A FILE is a JUnit report (.xml), or a list of skipped tests, a name a line. Ends with the totals over all reports.
"""

import pathlib
import sys
import xml.etree.ElementTree as tree


def main() -> int:
    allowed = set()
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            allowed.add(line.split(":")[0].strip())
    passed, failed, skipped = 0, 0, set()
    for name in sys.argv[2:]:
        file = pathlib.Path(name)
        if not file.exists():
            continue
        if file.suffix != ".xml":
            skipped.update(line.strip() for line in file.read_text().splitlines() if line.strip())
            continue
        for case in tree.parse(file).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
                skipped.add(case.get("name"))
            else:
                passed += 1
    unlisted = sorted(skipped - allowed)
    for name in unlisted:
        print(f"skipped and not listed in tests/allowed-skips.txt: {name}")
    print(f"{passed} passed, {failed + len(unlisted)} failed, {len(skipped & allowed)} skipped")
    return 1 if unlisted or failed else 0


sys.exit(main())
