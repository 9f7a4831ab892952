"""TorchScript archives give their tensors, and their code does not run."""

import pickle

import pytest
import torch

from promptsrc.weights.torchscript import is_torchscript, read_torchscript

# of what makes the files; reading them must not warn
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Writes(torch.nn.Module):
    """Its code runs where it is loaded."""

    def __init__(self):
        super().__init__()
        self.weight = torch.arange(6.0).view(2, 3)

    @torch.jit.export
    def __getstate__(self):
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]):
        print("it runs")
        self.weight = state[0]
        self.training = state[1]

    def forward(self, x):
        return x @ self.weight


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_state_dict_is_that_of_the_module(tiny, tmp_path, dtype):
    images, tokens = torch.zeros(1, 3, 32, 32), torch.zeros(2, 77, dtype=torch.int64)
    module = torch.jit.trace(tiny, (images, tokens)).to(dtype)
    module.save(tmp_path / "clip.pt")
    assert is_torchscript(tmp_path / "clip.pt")
    ours, expected = read_torchscript(tmp_path / "clip.pt"), module.state_dict()
    assert ours.keys() == expected.keys() and len(ours) > 100
    assert all(
        torch.equal(ours[name], expected[name]) and ours[name].dtype == dtype for name in expected
    )


def test_views_of_one_storage_and_empty_tensors(tmp_path):
    module = torch.nn.Linear(3, 2)
    module.register_buffer("part", torch.arange(12).view(3, 4).t()[1:3])
    module.register_buffer("none", torch.empty(0, 2))
    torch.jit.trace(module, torch.ones(1, 3)).save(tmp_path / "views.pt")
    ours = read_torchscript(tmp_path / "views.pt")
    assert torch.equal(ours["part"], module.part) and ours["none"].shape == (0, 2)


def test_code_in_it_does_not_run(tmp_path, capfd):
    torch.jit.script(Writes()).save(tmp_path / "code.pt")
    torch.jit.load(tmp_path / "code.pt")
    assert "it runs" in capfd.readouterr().out
    with pytest.raises((pickle.UnpicklingError, RuntimeError, TypeError, AttributeError)):
        read_torchscript(tmp_path / "code.pt")
    assert capfd.readouterr().out == ""


def test_a_few_bytes_do_not_take_all_memory(tmp_path):
    writer = torch._C.PyTorchFileWriter(str(tmp_path / "large.pt"))
    for name, content in {"data.pkl": b"Nr\xff\xff\xff\x7f.", "constants.pkl": b"N."}.items():
        writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    with pytest.raises(pickle.UnpicklingError, match="stores an object at index 2147483647"):
        read_torchscript(tmp_path / "large.pt")


def test_what_is_none_is_said_so(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("no zip")
    assert not is_torchscript(tmp_path / "state.pt") and not is_torchscript(tmp_path / "text.pt")
