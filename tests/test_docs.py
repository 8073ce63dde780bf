"""What the documents promise exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ecumene.algorithms import load
from ecumene.cli import parser

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
TEXTS = [page for page in PAGES if "algorithms" not in page.parts]


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", page.read_text())
    missing = [a or b for a, b in targets if not (page.parent / (a or b)).exists()]
    assert not missing


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """Every ``make`` target and every ``ecumene`` command line in a code block or span."""
    text = page.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.M)) <= targets
    help_text = parser().format_help()
    for command in re.findall(r"(?:^|`)ecumene ([a-z]+)", text, re.M):
        assert command in help_text


def test_the_reference_is_current() -> None:
    from ecumene.cli.docs import group, pages

    found = pages(sorted(load(), key=lambda entry: (group(entry.name), entry.name)))
    folder = ROOT / "docs" / "reference" / "algorithms"
    stale = [n for n, text in found.items() if (folder / f"{n}.md").read_text() != text]
    assert not stale, "run `make docs`"


def test_every_algorithm_and_argument_is_described() -> None:
    assert [entry.name for entry in load() if len(entry.description) < 4] == []
    bare = {(e.name, a.name) for e in load() for a in e.arguments if not a.description}
    assert not bare


def test_no_machine_is_named() -> None:
    """No absolute path of a machine in a tracked text file."""
    pattern = r"(^|[^A-Za-z0-9_.])/(work|root|home)/[a-z]"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/test_docs.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not found.stdout
