import pytest
import torch
from dassl.config import get_cfg_default
from dassl.engine import SimpleNet
from dassl.modeling import HEAD_REGISTRY, build_head
from dassl.modeling.head.mlp import MLP
from torch import nn


@pytest.fixture
def cfg():
    cfg = get_cfg_default()
    cfg.MODEL.BACKBONE.NAME, cfg.MODEL.BACKBONE.PRETRAINED = "resnet18", False
    return cfg


def test_backbone_and_classifier(cfg, capsys):
    torch.manual_seed(0)
    net = SimpleNet(cfg, cfg.MODEL, 5).eval()
    assert capsys.readouterr().out == "Backbone: resnet18\n"
    assert [name for name, _ in net.named_children()] == ["backbone", "classifier"]
    images = torch.randn(2, 3, 32, 32)
    logits, features = net(images, return_feature=True)
    assert net.fdim == 512 and features.shape == (2, 512)
    torch.testing.assert_close(logits, features @ net.classifier.weight.T + net.classifier.bias)
    assert torch.equal(net(images), logits)
    assert net.classifier.weight[0, 0].item() == pytest.approx(-0.03705086, rel=1e-5)  # Dassl's


def test_without_classes_it_gives_features(cfg):
    net = SimpleNet(cfg, cfg.MODEL, 0)
    assert net.classifier is None and net(torch.randn(2, 3, 32, 32)).shape == (2, 512)


def test_head(cfg, capsys):
    cfg.MODEL.HEAD.NAME = "mlp"
    assert SimpleNet(cfg, cfg.MODEL, 4).head is None  # no layers
    cfg.MODEL.HEAD.HIDDEN_LAYERS, cfg.MODEL.HEAD.DROPOUT = (7, 6), 0.3
    net = SimpleNet(cfg, cfg.MODEL, 4)
    assert capsys.readouterr().out.endswith("Backbone: resnet18\nHead: mlp\n")
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout] * 2
    assert [type(layer) for layer in net.head.mlp] == kinds
    assert net.fdim == 6 and net.classifier.in_features == 6
    assert net(torch.randn(2, 3, 32, 32)).shape == (2, 4)


def test_mlp():
    head = build_head(
        "mlp",
        verbose=False,
        in_features=8,
        hidden_layers=5,
        bn=False,
        activation="leaky_relu",
    )
    assert list(head.state_dict()) == ["mlp.0.weight", "mlp.0.bias"] and head.out_features == 5
    x = torch.randn(3, 8)
    torch.testing.assert_close(head(x), nn.functional.leaky_relu(head.mlp[0](x), 0.01))
    assert "mlp" in HEAD_REGISTRY.registered_names()
    with pytest.raises(ValueError, match="MODEL.HEAD.ACTIVATION is 'gelu'; choose one of relu"):
        MLP(8, [3], activation="gelu")
    with pytest.raises(ValueError, match="HIDDEN_LAYERS"):
        MLP(8)
