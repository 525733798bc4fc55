"""Analyses the month as a user would, and holds what the program found against what the script did.

`python -m tests.scenario.judge` (`make scenario`) prints precision and recall of every risk, and what the audit of the
fourth week against the third says otherwise than the script.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from imsniff.base.risks import RISKS
from imsniff.cli.program import run
from tests.scenario.company import POLICY, WEEKS, Company

Key = tuple[str, str, str]


class Verdict(NamedTuple):
    """What was found and what was done, by risk, service, subject."""

    found: set[Key]
    done: set[Key]
    audit: dict[Key, str]
    expected: dict[Key, str]

    def table(self) -> Iterable[str]:
        yield f"{'risk':<24}{'done':>6}{'found':>7}{'precision':>11}{'recall':>8}"
        for risk in RISKS:
            done, found = ({one for one in keys if one[0] == risk} for keys in (self.done, self.found))
            right = len(done & found)
            precision = f"{right / len(found):.1%}" if found else "-"
            recall = f"{right / len(done):.1%}" if done else "-"
            yield f"{risk:<24}{len(done):>6}{len(found):>7}{precision:>11}{recall:>8}"

    def faults(self) -> list[str]:
        wrong = [f"found, not done: {'  '.join(one)}" for one in sorted(self.found - self.done)]
        wrong += [f"done, not found: {'  '.join(one)}" for one in sorted(self.done - self.found)]
        for one in sorted(self.audit.keys() | self.expected.keys()):
            said, true = self.audit.get(one, "nothing"), self.expected.get(one, "nothing")
            if said != true:
                wrong.append(f"audit says {said}, is {true}: {'  '.join(one)}")
        return wrong


def judge(
    company: Company, folder: Path, *options: str, order: Callable[[list[Path]], Iterable[Path]] = sorted
) -> Verdict:
    """Writes the month below `folder` and judges it. options: further ones of `analyze`; order: of its captures."""
    captures = [str(path) for path in order(company.write(folder / "captures"))]
    policy, db = folder / "policy.toml", folder / "month.db"
    policy.write_text(POLICY, "utf-8")
    code = run(
        ["-q", "analyze", *captures, "--policy", str(policy), "--db", str(db), *options],
    )
    assert code == 0, code
    every = _report(folder, db, policy, "--since", "2026-10-05", "--until", "2026-11-02", "--compare", "none")
    audit = _report(
        folder, db, policy, "--since", "2026-10-26", "--until", "2026-11-02",
    )  # fmt: skip
    said = {_key(one): one["change"] for group in audit["risks"] for one in group["findings"]}
    said |= {_key(one): one["change"] for name in ("gone", "not_verified", "allowed") for one in audit[name]}
    return Verdict(
        {_key(one) for group in every["risks"] for one in group["findings"]},
        set(company.truth),
        said,
        dict(_expected(company)),
    )


def _expected(company: Company) -> Iterable[tuple[Key, str]]:
    """How each finding stands in the last week against the one before."""
    last, before = WEEKS - 1, WEEKS - 2
    for key, weeks in company.truth.items():
        if last in weeks:
            yield (
                key,
                ("worse" if key in company.worse else "standing")
                if before in weeks
                else "reopened"
                if weeks - {last}
                else "new",
            )
        elif before in weeks:
            watched = any(last in company.alive[host] for host in company.hosts[key])
            yield key, "gone" if watched else "not_verified"


def _key(finding: dict[str, str]) -> Key:
    return finding["risk"], finding["service"], finding["subject"]


def _report(folder: Path, db: Path, policy: Path, *span: str) -> dict:
    out = folder / "report.json"
    code = run(["-q", "report", "--db", str(db), "--policy", str(policy), "--format", "json", "-o", str(out), *span])
    assert code == 0, code
    return json.loads(out.read_text("utf-8"))


def main() -> int:
    company = Company(days=5, lines=9, seed=2026)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        verdict = judge(company, Path(folder))
    faults = verdict.faults()
    changes = Counter(verdict.audit.values())
    for line in verdict.table():
        print(line)
    print(f"{company.said} lines of ordinary talk; audit of week 4 against week 3: {dict(changes)}")
    for fault in faults[:200]:
        print(fault)
    print("as the script did" if not faults else f"{len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
