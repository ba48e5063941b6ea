"""Whatever is installed is what was locked: every hash is checked, by every way of installing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_in_a_lock_is_pinned_with_its_hashes(lock: Path) -> None:
    entries = re.sub(r"\\\n\s*", "", lock.read_text("utf-8")).splitlines()
    packages = [line for line in entries if line.strip() and not line.startswith("#")]
    assert len(packages) > 10
    for line in packages:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_every_install_checks_them() -> None:
    """What is ours comes without dependencies; the tool that makes the locks cannot be in one."""
    requested = [
        line
        for name in ("Makefile", "Dockerfile", ".ci/run")
        for line in (ROOT / name).read_text("utf-8").splitlines()
        if re.search(r"\bpip install\b", line)
    ]
    assert len(requested) >= 6
    unchecked = [line for line in requested if "--require-hashes" not in line and "--no-deps" not in line]
    assert [line.rpartition(" ")[2] for line in unchecked] == ["uv"]


def test_the_audit_is_of_all_locks_and_cannot_pass_unheard() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [audit] = re.findall(r"^audit:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert "pip-audit --strict --require-hashes" in audit
    assert all(f"-r {lock.name}" in audit for lock in LOCKS)
    assert re.search(r"NOT AUDITED.*exit 1", audit)
