"""Downloads against a server that breaks off, lies and is slow."""

import contextlib
import hashlib
import itertools
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from promptsrc.weights import download
from promptsrc.weights.download import fetched

pytestmark = pytest.mark.slow  # as a whole

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves `server.content`, `server.limit` bytes per connection; notes the ranges asked for.

    `server.length` is the Content-Length it states: "" the right one, None none.
    """

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked).group(1)) if asked else 0
        if asked and start >= len(self.server.content):
            return self.send_error(416)
        body = self.server.content[start:]
        self.send_response(206 if asked else 200)
        if self.server.length is not None:
            self.send_header("Content-Length", self.server.length or str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client has enough
            for part in self.server.parts(body[: self.server.limit]):
                self.wfile.write(part)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.limit, server.asked = CONTENT, None, []
    server.length, server.parts = "", lambda body: [body]
    server.url = f"http://127.0.0.1:{server.server_port}/weights.pt"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_once_and_verified(server, tmp_path):
    path = tmp_path / "cache" / "weights.pt"
    assert fetched(server.url, SHA256, path).read_bytes() == CONTENT
    fetched(server.url, SHA256, path)
    assert server.asked == [None]
    path.write_bytes(b"damaged later")
    assert fetched(server.url, SHA256, path).read_bytes() == CONTENT


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    path, server.limit = tmp_path / "weights.pt", 100_000
    with pytest.raises(
        ConnectionError, match=rf"weights.pt can't be downloaded .*place it at {path}"
    ):
        fetched(server.url, SHA256, path)
    assert not path.exists()
    server.limit = None
    assert fetched(server.url, SHA256, path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]


def test_a_file_that_is_complete_but_not_yet_named_is_taken(server, tmp_path):
    (tmp_path / ".weights.pt.part").write_bytes(CONTENT)
    assert fetched(server.url, SHA256, tmp_path / "weights.pt").read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_what_came_damaged_is_not_kept(server, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(ConnectionError, match="wrong checksum"):
        fetched(server.url, SHA256, tmp_path / "weights.pt")
    assert [file.name for file in tmp_path.iterdir()] == [".weights.pt.lock"]
    server.content = CONTENT
    assert fetched(server.url, SHA256, tmp_path / "weights.pt").read_bytes() == CONTENT


def test_of_runs_that_start_at_once_one_downloads(server, tmp_path):
    path = tmp_path / "weights.pt"
    runs = [threading.Thread(target=fetched, args=(server.url, SHA256, path)) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]


def test_without_a_connection_it_says_what_to_do(tmp_path):
    url = "http://127.0.0.1:9/weights.pt"  # nothing listens there
    with pytest.raises(
        ConnectionError, match=f"fetch {url} elsewhere and place it at {tmp_path}/weights.pt"
    ):
        fetched(url, SHA256, tmp_path / "weights.pt")


@pytest.mark.parametrize("length", [None, "abc", "-5", "99.5"])
def test_a_length_that_is_none_is_not_needed(server, tmp_path, length):
    server.length = length
    assert fetched(server.url, SHA256, tmp_path / "weights.pt").read_bytes() == CONTENT


def test_a_body_without_end_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MOST", 1_000_000)
    server.length, server.parts = None, lambda body: itertools.repeat(body)
    with pytest.raises(ConnectionError, match="it has more than 1,000,000 bytes"):
        fetched(server.url, SHA256, tmp_path / "weights.pt")
    assert [file.name for file in tmp_path.iterdir()] == [".weights.pt.lock"]


def trickle(body):
    for byte in body:
        time.sleep(0.02)
        yield bytes([byte])


def test_a_server_that_sends_a_byte_at_a_time_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    server.parts = trickle
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=r"\d+ bytes came in 0 seconds; the next try resumes"):
        fetched(server.url, SHA256, tmp_path / "weights.pt")
    assert time.monotonic() - start < 5
    came = (tmp_path / ".weights.pt.part").stat().st_size
    assert 0 < came < 100
    server.parts = lambda body: [body]
    assert fetched(server.url, SHA256, tmp_path / "weights.pt").read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={came}-"]
