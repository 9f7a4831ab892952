"""Prompts to a hub and back; the client talks to a server of this test."""

import base64
import hashlib
import json
import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
import yaml

from promptsrc import escape, hub
from promptsrc.inference import hub as work
from promptsrc.inference.prompt_file import PromptFile, read_prompts, write_prompts

huggingface_hub = pytest.importorskip("huggingface_hub")
HfApi = huggingface_hub.HfApi

SETTINGS = {"n": 3, "position": "front"}
DESCRIPTION = {
    "method": "CoOp",
    "backbone": "ViT-T/8",
    "learner": "ContextPrompts",
    "settings": SETTINGS,
}
COMMIT = "0" * 40


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a push and a pull need: repositories are dicts of files."""

    repositories: dict

    def do_POST(self):
        body = (
            self.rfile.read(int(self.headers["Content-Length"]))
            if "Content-Length" in self.headers
            else self.chunks()
        )
        if self.path == "/api/repos/create":
            about = json.loads(body)
            name = (
                f"{about['organization']}/{about['name']}"
                if about.get("organization")
                else about["name"]
            )
            self.repositories.setdefault(name, {})
            return self.answer({"url": f"http://{self.headers['Host']}/{name}"})
        if self.path == "/api/validate-yaml":
            return self.answer({})
        name, _, action = self.path.removeprefix("/api/models/").rpartition("/")[0].rpartition("/")
        if action == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.answer({"files": files})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.repositories[name][line["value"]["path"]] = base64.b64decode(
                    line["value"]["content"]
                )
        return self.answer(
            {
                "commitUrl": f"http://{self.headers['Host']}/{name}/commit/{COMMIT}",
                "commitOid": COMMIT,
            }
        )

    def do_GET(self):
        name, _, file = self.path.lstrip("/").partition("/resolve/main/")
        content = self.repositories.get(name, {}).get(file)
        if content is None:
            self.send_response(404)
            self.send_header(
                "X-Error-Code", "RepoNotFound" if name not in self.repositories else "EntryNotFound"
            )
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self.answer(content)

    do_HEAD = do_GET

    def answer(self, content):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_):
        pass


def speak_to(monkeypatch, endpoint):
    """As HF_ENDPOINT does, which the client reads when it is imported."""
    monkeypatch.setattr(huggingface_hub, "HfApi", partial(HfApi, endpoint, token="hf_of_nobody"))


@pytest.fixture
def repositories(monkeypatch):
    """What the hub holds: files by repository."""
    handler = type("OneHub", (Hub,), {"repositories": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    speak_to(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield handler.repositories
    server.shutdown()
    server.server_close()


@pytest.fixture
def prompts(tmp_path):
    torch.manual_seed(0)
    prompts = PromptFile(
        DESCRIPTION | {"classnames": ["owl", "red_fox"]}, {"ctx": torch.randn(3, 128)}
    )
    write_prompts(prompts, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def test_there_and_back_again(repositories, prompts, tmp_path, capsys):
    assert hub.main(["push", str(prompts), "someone/owls"]) == 0
    assert re.fullmatch(r"pushed to http://127.0.0.1:\d+/someone/owls\n", capsys.readouterr().out)
    files = repositories["someone/owls"]
    assert sorted(files) == ["README.md", "prompts.safetensors"]
    card = files["README.md"].decode()
    assert "| backbone | ViT-T/8 |" in card and '| position | "front" |' in card
    assert "384 parameters; with the frozen CLIP" in card
    assert "Trained on 2 classes: owl, red_fox." in card
    assert 'promptsrc.load("prompts.safetensors")' in card
    target = tmp_path / "theirs.safetensors"
    assert hub.main(["pull", "someone/owls", str(target)]) == 0
    ours, theirs = read_prompts(prompts), read_prompts(target)
    assert ours.description == theirs.description and torch.equal(
        ours.tensors["ctx"], theirs.tensors["ctx"]
    )
    assert (
        hub.main(["push", str(target), "someone/owls"]) == 0
    )  # once more into the same repository


HOSTILE = "a|b\n---\nlicense: mit\n---\n<script>alert(1)</script> `x` \x1b"


def test_names_are_text_of_the_card():
    about = {
        "method": HOSTILE,
        "backbone": HOSTILE,
        "learner": HOSTILE,
        "settings": {HOSTILE: HOSTILE},
        "classnames": [HOSTILE, "red_fox"],
    }
    card = work.card(PromptFile(about, {"ctx": torch.ones(2)}), "someone/owls")
    plain = work.card(
        PromptFile(about | dict.fromkeys(about, "a") | {"settings": {"a": 1}}, {}), "b/c"
    )
    shown = r"a\|b\\n---\\nlicense: mit\\n---\\n&lt;script&gt;alert(1)&lt;/script&gt; \`x\` \\x1b"
    front, title, table, classes = (
        part.strip() for part in re.split(r"^# |^\| \| \|$|^Trained", card, flags=re.M)
    )
    assert yaml.safe_load(front.strip("-\n")) == {
        "library_name": "promptsrc",
        "pipeline_tag": "zero-shot-image-classification",
        "tags": ["clip", "prompt-learning", escape.printable(HOSTILE)],
    }
    assert title.startswith(f"Prompts for CLIP, trained with {shown}\n")
    assert f"| backbone | {shown} |\n" in table
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()] == [3] * 5
    assert classes.startswith(f"on 2 classes: {shown}, red_fox.\n")
    assert len(card.splitlines()) == len(plain.splitlines())
    assert "<script" not in card and "\x1b" not in card


def test_only_prompts_take_the_place_of_a_file(repositories, prompts, capsys):
    before = prompts.read_bytes()
    repositories["someone/else"] = {"prompts.safetensors": b"no tensors"}
    repositories["someone/nothing"] = {}
    for repo, message in {
        "someone/else": "does not hold prompts",
        "someone/nothing": "prompts.safetensors",
        "someone/unknown": "404",
        "no/such/name": "no/such/name",
    }.items():
        assert hub.main(["pull", repo, str(prompts)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert prompts.read_bytes() == before


def test_what_cannot_be_done_gets_a_line(repositories, prompts, monkeypatch, capsys):
    assert hub.main(["push", "nowhere", "someone/owls"]) == 1
    assert capsys.readouterr().err == "error: no file nowhere\n"
    with pytest.raises(SystemExit) as exit_:
        hub.main(["pull", "someone/owls", "a.bin"])
    assert exit_.value.code == 2 and "has to end in .safetensors" in capsys.readouterr().err
    assert not repositories
    monkeypatch.setattr(work, "find_spec", lambda name: None)
    assert hub.main(["push", str(prompts), "someone/owls"]) == 1
    assert capsys.readouterr().err == "error: the hub needs huggingface_hub: pip install .[hub]\n"


def test_a_hub_that_is_not_there_is_one_line_without_retries(prompts, monkeypatch, capsys):
    def ask(*_, **__):
        raise AssertionError("the client would retry")

    monkeypatch.setattr(HfApi, "create_repo", ask)
    monkeypatch.setattr(HfApi, "hf_hub_download", ask)
    for server, reason in (("http://127.0.0.1:9", "refused"), ("http://hub.invalid", "Errno")):
        speak_to(monkeypatch, server)
        for words in (["push", str(prompts), "a/owls"], ["pull", "a/owls", str(prompts)]):
            assert hub.main(words) == 1
            line = rf"error: {server} can't be reached \(.*{reason}.*\); check the network, or .*\n"
            assert re.fullmatch(line, capsys.readouterr().err)


def test_help_says_what_the_repository_is(capsys):
    with pytest.raises(SystemExit):
        hub.main(["push", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "usage: python -m promptsrc.hub push" in out and "your name on the hub" in out
