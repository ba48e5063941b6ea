"""Images from Debian's packages, under the tags that are pinned, for where no image registry can be reached.

One base, made by debootstrap and kept in `CONTAINERS_CACHE` for the next run, stands in for Python's image.
The programs are one layer on it. What pip needs here, and a build inside a container would lack, goes into
the base: the certificates of `PIP_CERT` or `SSL_CERT_FILE`, and `PIP_INDEX_URL`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

HERE = Path(__file__).parent
SUITE = "trixie"
PACKAGES = "ca-certificates,python3,python3-venv"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
PIP_OF_THE_IMAGE = Path("usr/local/lib/python3.13/site-packages")
NOT_NEEDED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")


def make(images: list[str]) -> None:
    """Stand-ins for all of `images`: the Python that a Dockerfile starts from, and compose's programs."""
    python = next(image for image in images if image.startswith("python:"))
    import_python(python)
    for image in images:
        target = re.split(r"[/:]", image.rpartition("/")[2])[0]
        if target != "python":
            build(image, target, python)


def build(image: str, target: str, python: str) -> None:
    subprocess.run(
        [
            "docker",
            "build",
            "--quiet",
            "--target",
            target,
            "--build-arg",
            f"PYTHON={python}",
            "-t",
            image,
            HERE,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def import_python(image: str) -> None:
    if (
        subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode
        == 0
    ):
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        with tarfile.open(debian()) as packed:
            packed.extractall(root, filter="fully_trusted")
        make_alike(root)
        trust_what_is_trusted_here(root)
        import_folder(root, image)


def debian() -> Path:
    """A bare Debian with Python, packed; made once."""
    cache = Path(os.environ.get("CONTAINERS_CACHE") or Path.home() / ".cache/butlr-grafana")
    packed = cache / f"{SUITE}-{PACKAGES.replace(',', '-')}.tar"
    if not packed.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            root = Path(folder) / "root"
            command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr}")
            for name in NOT_NEEDED:
                shutil.rmtree(root / name, ignore_errors=True)
            half = Path(folder) / "packed"
            with tarfile.open(half, "w") as archive:
                archive.add(root, ".")
            half.rename(packed)
    return packed


def make_alike(root: Path) -> None:
    """`python` on the path, and pip where Python's own image has it."""
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    [wheel] = (root / "usr/share/python-wheels").glob("pip-*.whl")
    with ZipFile(wheel) as pip:
        pip.extractall(root / PIP_OF_THE_IMAGE)
    (root / "usr/local/bin/pip").write_text("#!/usr/bin/env python\n", "utf-8")


def trust_what_is_trusted_here(root: Path) -> None:
    lines = ["[global]"]
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copyfile(certificates, root / CERTIFICATES)
        lines.append(f"cert = /{CERTIFICATES}")
    if index := os.environ.get("PIP_INDEX_URL"):
        lines.append(f"index-url = {index}")
    (root / "etc/pip.conf").write_text("\n".join(lines) + "\n", "utf-8")


def import_folder(root: Path, image: str) -> None:
    importing = subprocess.Popen(
        ["docker", "import", "--change", 'CMD ["python3"]', "-", image],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert importing.stdin is not None
    with tarfile.open(fileobj=importing.stdin, mode="w|") as archive:
        archive.add(root, ".")
    importing.stdin.close()
    if importing.wait() != 0:
        raise RuntimeError(f"docker import {image} failed")
