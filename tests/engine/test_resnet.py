"""Backbones against torchvision and against sums of features that Dassl.pytorch 0.6.3 printed."""

import random

import pytest
import torch
from dassl.modeling import BACKBONE_REGISTRY, Backbone, build_backbone
from dassl.modeling.backbone import resnet
from dassl.modeling.ops import MixStyle
from torchvision import models

# Of seed 0, and then of 3 random images of 32 x 32: in training, in a test; the next random number.
OBSERVED = {
    "resnet18": (1278.72620, 326.95056, 0.3863989),
    "resnet50": (6713.40576, 541.14362, 0.2046311),
    "resnet18_ms_l12": (1281.39587, 327.08276, 0.5456205),
}


def built(name, **options):
    torch.manual_seed(0)
    return build_backbone(name, verbose=False, pretrained=False, **options)


@pytest.mark.parametrize("name", OBSERVED)
def test_a_seed_gives_what_dassl_pytorch_gives(name):
    model = built(name)
    images = torch.randn(3, 3, 32, 32)
    random.seed(1)
    sums = [model(images).sum().item()]
    after = torch.rand(1).item()
    sums.append(model.eval()(images).sum().item())
    assert [*sums, after] == pytest.approx(OBSERVED[name], rel=1e-4)


def test_features_are_those_of_torchvision():
    model, theirs = built("resnet34").eval(), models.resnet34(weights=None).eval()
    assert isinstance(model, Backbone) and model.out_features == 512
    theirs.load_state_dict(model.state_dict(), strict=False)
    theirs.fc = torch.nn.Identity()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(model(images), theirs(images))
        assert model.featuremaps(images).shape == (2, 512, 2, 1)


@pytest.mark.parametrize("name", resnet.BLOCKS)
def test_parameters_have_the_names_and_shapes_of_torchvision(name):
    with torch.device("meta"):
        ours, theirs = built(name), models.get_model(name, weights=None)
    assert ours.out_features == theirs.fc.in_features
    shapes = {key: value.shape for key, value in theirs.state_dict().items() if "fc." not in key}
    assert {key: value.shape for key, value in ours.state_dict().items()} == shapes


def test_registered_names():
    names = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
    names += [f"resnet{n}_ms_l{groups}" for n in (18, 50, 101) for groups in (1, 12, 123)]
    assert set(names) <= set(BACKBONE_REGISTRY.registered_names())
    with pytest.raises(ValueError, match=r"'resnet19' is not available.*did you mean resnet18\?"):
        build_backbone("resnet19")


def test_mixstyle_follows_its_groups(capsys):
    shapes = []

    class Spy(MixStyle):
        def forward(self, x):
            shapes.append(tuple(x.shape))
            return x

    model = resnet.ResNet(*resnet.BLOCKS["resnet18"], Spy, ["layer1", "layer3"], ms_p=0.3, ms_a=0.7)
    assert capsys.readouterr().out == "Insert Spy after ['layer1', 'layer3']\n"
    assert (model.mixstyle.p, model.mixstyle.alpha) == (0.3, 0.7)
    model(torch.randn(2, 3, 64, 64))
    assert shapes == [(2, 64, 16, 16), (2, 256, 4, 4)]
    assert built("resnet18").mixstyle is None
    with pytest.raises(ValueError, match="'layer4'; choose one of layer1, layer2, layer3"):
        resnet.ResNet(*resnet.BLOCKS["resnet18"], MixStyle, ["layer4"])


def test_imagenet_weights(monkeypatch, tmp_path):
    """From torch.hub's folder, without the classifier."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    theirs = models.resnet18(weights=None)
    file = tmp_path / "checkpoints/resnet18-f37072fd.pth"
    torch.save(theirs.state_dict(), file)
    model = build_backbone("resnet18_ms_l1", verbose=False)
    assert torch.equal(model.layer4[1].conv2.weight, theirs.layer4[1].conv2.weight)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ConnectionError, match="ImageNet weights of resnet18 can't be loaded"):
        build_backbone("resnet18", verbose=False)


def test_without_a_network_one_line_says_what_to_do(monkeypatch, tmp_path):
    def unreachable(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(ConnectionError) as error:
        build_backbone("resnet50", verbose=False)
    assert str(error.value) == (
        "ImageNet weights of resnet50 can't be loaded (Name or service not known); fetch "
        "https://download.pytorch.org/models/resnet50-0676ba61.pth elsewhere and place it at "
        f"{tmp_path}/checkpoints/resnet50-0676ba61.pth, or set MODEL.BACKBONE.PRETRAINED False"
    )


def test_a_backbone_of_ones_own():
    class Tiny(Backbone):
        def __init__(self):
            super().__init__()
            self._out_features = 3

    assert Tiny().out_features == 3 and Backbone().out_features is None
