"""Fetch a file once: resumable, verified, safe for runs that start at the same time."""

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

CHUNK = 1 << 20  # bytes
MOST = 16 << 30  # bytes of a file; the largest CLIPs have 10
SLOWEST, PATIENCE = 1000, 60  # bytes a second, over as many seconds


def fetched(url: str, sha256: str, path: Path) -> Path:
    """`path`, after downloading `url` to it unless the file with this checksum is there.

    An interrupted download resumes where it stopped. Of several runs one downloads, the others
    wait; the operating system frees the lock of a killed one.

    Raises:
        ConnectionError: the download failed or came damaged; says where to place the file by hand.
    """
    if _is_right(path, sha256):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if not _is_right(path, sha256):  # another run may have been faster
                _download(url, sha256, path)
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(
            f"{path.name} can't be downloaded ({error}); fetch {url} elsewhere and place it at "
            f"{path}"
        ) from None
    return path


def _download(url: str, sha256: str, path: Path) -> None:
    part = path.with_name(f".{path.name}.part")
    _append_rest(url, part)
    if not _is_right(part, sha256):
        part.unlink(missing_ok=True)
        raise ConnectionError("it came damaged: wrong checksum; try again")
    os.replace(part, path)


def _append_rest(url: str, part: Path) -> None:
    """Download what a partial file lacks."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # all of it is here
            return
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        length = response.headers.get("Content-Length") or ""
        total = int(length) + have * resumed if length.isdecimal() else 0
        bar = tqdm(
            total=total or None,
            initial=have * resumed,
            unit="B",
            unit_scale=True,
            desc=part.name,
            disable=None,
        )
        with bar, open(part, "ab" if resumed else "wb") as file:
            pace = _Pace()
            while chunk := response.read1(CHUNK):  # what has come; `read` waits for all of it
                file.write(chunk)
                bar.update(len(chunk))
                pace.check(len(chunk))
                if file.tell() > MOST:
                    break
        if part.stat().st_size > MOST:
            part.unlink()
            raise ConnectionError(f"it has more than {MOST:,} bytes")
        if total and part.stat().st_size < total:
            raise ConnectionError("the connection broke; the next try resumes from there")


class _Pace:
    """Gives up on a server that sends next to nothing; without this, that can take for ever."""

    def __init__(self) -> None:
        self.since, self.received = time.monotonic(), 0

    def check(self, received: int) -> None:
        """
        Raises:
            ConnectionError: fewer than SLOWEST bytes a second have come in PATIENCE seconds.
        """
        self.received += received
        if (seconds := time.monotonic() - self.since) < PATIENCE:
            return
        if self.received < SLOWEST * seconds:
            raise ConnectionError(
                f"{self.received:,} bytes came in {seconds:.0f} seconds; the next try resumes from "
                "there"
            )
        self.since, self.received = time.monotonic(), 0


def _is_right(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == sha256
