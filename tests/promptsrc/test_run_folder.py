"""The checkpoint in a folder, and what is said of a folder without one."""

import pytest

from promptsrc.run_folder import find


def run_with(folder, *files, newest=""):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    if newest:
        (folder / files[0]).with_name("checkpoint").write_text(f"{newest}\n")


def test_the_final_checkpoint_is_the_best_one_or_else_the_newest(tmp_path):
    names = ("P/model.pth.tar-2", "P/model.pth.tar-10", "P/model.pth.tar-10.sha256")
    run_with(tmp_path, *names, "tensorboard/events", newest="model.pth.tar-2")
    assert find(tmp_path) == find(tmp_path, "newest") == tmp_path / "P/model.pth.tar-2"
    assert find(tmp_path, 10) == find(tmp_path, 10, "P") == tmp_path / "P/model.pth.tar-10"
    (tmp_path / "P/model-best.pth.tar").touch()
    assert find(tmp_path) == find(tmp_path, "best") == tmp_path / "P/model-best.pth.tar"
    assert find(tmp_path, "newest") == tmp_path / "P/model.pth.tar-2"


@pytest.mark.parametrize(
    "files, newest, wanted, message",
    [
        ([], "", (), "has no checkpoint; is it the folder of one run"),
        (["P/log.txt"], "model.pth.tar-2", (), "has no checkpoint; is it the folder of one run"),
        (["P/model.pth.tar-2"], "", (), "has no final checkpoint; it has P/model.pth.tar-2$"),
        (
            ["P/model.pth.tar-2"],
            "",
            ("best",),
            "it has P/model.pth.tar-2; add --load-epoch for that of an epoch$",
        ),
        (["P/model.pth.tar-2"], "", (7, "P"), "has no checkpoint of epoch 7 in P; it has P/mod"),
        (["P/model.pth.tar-2"], "", (2, "Q"), "has no checkpoint of epoch 2 in Q; it has P/mod"),
        (
            ["P/model.pth.tar-2", "Q/model.pth.tar-2"],
            "",
            (2,),
            "has checkpoints of 2 models; is it",
        ),
    ],
)
def test_a_checkpoint_that_is_missing_is_named(tmp_path, files, newest, wanted, message):
    run_with(tmp_path, *files, newest=newest)
    with pytest.raises(FileNotFoundError, match=message):
        find(tmp_path, *wanted)


def test_a_folder_of_runs_names_one(tmp_path):
    run_with(tmp_path, "photos/P/model.pth.tar-2", "photos-CoOp/P/model.pth.tar-2")
    with pytest.raises(FileNotFoundError, match=rf"such as {tmp_path}/photos$"):
        find(tmp_path)
