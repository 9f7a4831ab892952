"""Which file of prompts a typed path stands for, and what is said of others."""

import pytest

from promptsrc.inference.prompt_path import given


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c.onnx", "c.onnx is an export, for onnxruntime; give the folder of its run"),
        ("c.pt2", "c.pt2 is an export, for torch.export.load; .*prompts.safetensors"),
        ("c.npz", "c.npz is an export, for open_clip;"),
        ("config.yaml", "config.yaml does not hold prompts; give the folder of its run"),
        ("log.txt", "log.txt does not hold prompts; give the folder of its run"),
    ],
)
def test_another_file_is_not_taken_for_prompts(tmp_path, name, message):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=message):
        given(tmp_path / name)


@pytest.mark.parametrize("address", ["https://a.org/p.safetensors", "hf://me/prompts"])
def test_a_web_address_says_how_to_get_the_file(address):
    with pytest.raises(FileNotFoundError, match=f"{address} is a web address; get the file first"):
        given(address)


def test_a_path_as_people_type_it(tmp_path, monkeypatch):
    folder = tmp_path / "run" / "VLPromptLearner"
    folder.mkdir(parents=True)
    (file := folder / "model.pth.tar-2").touch()
    (folder / "checkpoint").write_text("model.pth.tar-2")
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in (file, folder, folder.parent, "~/run", "~/run/VLPromptLearner"):
        assert given(place) == file
    monkeypatch.chdir(tmp_path)
    assert given(r"run\VLPromptLearner").resolve() == file
    with pytest.raises(FileNotFoundError, match="has no checkpoint; give that of one run, such as"):
        given(tmp_path)
