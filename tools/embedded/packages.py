"""Fetch packages at fixed versions, each once, into the folder that the tools work in."""

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path


def npm(work: Path, package: str) -> Path:
    """The archive of an npm package, such as `@iconify-json/noto@1.2.9`."""
    archive = work / (package.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz")
    if not archive.exists():
        command = ["npm", "pack", "--silent", package]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    return archive


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The files of an npm archive, by their path in the package."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if content := tar.extractfile(member):
                yield member.name.removeprefix("package/"), content.read()


def member(archive: Path, name: str) -> bytes:
    """One file of an npm archive."""
    with tarfile.open(archive) as tar:
        return tar.extractfile(f"package/{name}").read()


def debian(work: Path, package: str) -> Path:
    """The unpacked files of a Debian package, such as `openclipart-png=1:0.18+dfsg-19`."""
    name = package.partition("=")[0]
    folder = work / name
    if not folder.exists():
        subprocess.run(["apt-get", "download", package], cwd=work, check=True)
        deb = next(work.glob(f"{name}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb.name, name], cwd=work, check=True)
    return folder


def clone(work: Path, repository: str) -> Path:
    """The files of a public repository, such as `alexeygrigorev/clothing-dataset-small@1196151`."""
    name, _, commit = repository.partition("@")
    folder = work / name.partition("/")[2]
    if not folder.exists():
        address = f"https://github.com/{name}"
        subprocess.run(["git", "clone", "--quiet", address, folder.name], cwd=work, check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder, check=True)
    return folder
