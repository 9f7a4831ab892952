"""The teacher's class features on disk are those that would be computed, or they are computed."""

import pytest
import torch

from promptsrc import feature_cache
from promptsrc.clip.frozen import build_clip
from promptsrc.feature_cache import cached_diverse_features
from promptsrc.regulation import diverse_features
from promptsrc.weights.stated import Stated

NAMES, TEMPLATES = ["cat", "fire_truck"], ["a photo of a {}.", "a drawing of a {}."]


@pytest.fixture
def computed(monkeypatch):
    """A note of each computation."""
    calls = []
    monkeypatch.setattr(
        feature_cache,
        "diverse_features",
        lambda *args: calls.append(args[1:]) or diverse_features(*args),
    )
    return calls


def test_a_second_run_takes_the_first_ones_to_the_bit(tiny, tmp_path, computed):
    folder = tmp_path / "not there yet"
    first, second = (cached_diverse_features(tiny, NAMES, TEMPLATES, folder) for _ in range(2))
    assert torch.equal(first, second) and torch.equal(
        first, diverse_features(tiny, NAMES, TEMPLATES)
    )
    assert len(computed) == 1
    [file] = folder.iterdir()
    assert file.name.startswith("teacher-") and file.stat().st_size < 5000


def test_other_names_templates_or_weights_have_a_file_of_their_own(tiny, tmp_path, computed):
    cached_diverse_features(tiny, NAMES, TEMPLATES, tmp_path)
    cached_diverse_features(tiny, NAMES[::-1], TEMPLATES, tmp_path)
    cached_diverse_features(tiny, NAMES, TEMPLATES[:1], tmp_path)
    cached_diverse_features(
        tiny, [*NAMES, TEMPLATES[1]], TEMPLATES[:1], tmp_path
    )  # names and templates do not run together
    with torch.no_grad():
        tiny.transformer.resblocks[-1].mlp.c_proj.bias[3] += 1e-6
    changed = cached_diverse_features(tiny, NAMES, TEMPLATES, tmp_path)
    assert torch.equal(changed, diverse_features(tiny, NAMES, TEMPLATES))
    assert len(computed) == len(list(tmp_path.iterdir())) == 5
    with torch.no_grad():
        tiny.visual.proj[0, 0] += 1  # of no concern for texts
    cached_diverse_features(tiny, NAMES, TEMPLATES, tmp_path)
    assert len(computed) == 5


def test_another_activation_has_a_file_of_its_own(tiny_state, tmp_path, computed):
    """The weights can be the same: a config beside them may come later."""
    for quick_gelu in (True, False):
        clip = build_clip(tiny_state, Stated(quick_gelu))
        found = cached_diverse_features(clip, NAMES, TEMPLATES, tmp_path)
        assert torch.equal(found, diverse_features(clip, NAMES, TEMPLATES))
    assert len(computed) == len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-1], lambda c: b"", lambda c: c[:-1] + bytes([c[-1] ^ 1])]
)
def test_a_damaged_file_is_computed_again(tiny, tmp_path, computed, damage):
    expected = cached_diverse_features(tiny, NAMES, TEMPLATES, tmp_path)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert torch.equal(cached_diverse_features(tiny, NAMES, TEMPLATES, tmp_path), expected)
    assert len(computed) == 2 and file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_time_only(tiny, tmp_path, capsys):
    (tmp_path / "file").touch()
    features = cached_diverse_features(tiny, NAMES, TEMPLATES, tmp_path / "file" / "cache")
    assert torch.equal(features, diverse_features(tiny, NAMES, TEMPLATES))
    assert "Class features are not cached in" in capsys.readouterr().out
