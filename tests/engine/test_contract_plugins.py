"""What public plug-ins do with Dassl; each test passes on ours and on Dassl.pytorch 0.6.3.

Run them on Dassl.pytorch as test_contract_names.py says.
"""

import numpy as np
import pytest
import torch
from dassl.config import cfg_default, get_cfg_default
from dassl.config.defaults import _C
from dassl.data import DataManager, DatasetWrapper
from dassl.data.samplers import build_sampler
from dassl.data.transforms.transforms import (
    Cutout,
    GaussianNoise,
    InstanceNormalization,
    Random2DTranslation,
)
from dassl.engine import TRAINER_REGISTRY, TrainerX, TrainerXU, build_trainer
from dassl.engine.trainer import AverageMeter, MetricMeter, SummaryWriter
from dassl.evaluation import EVALUATOR_REGISTRY, Classification, build_evaluator
from dassl.metrics import compute_distance_matrix
from dassl.optim import build_lr_scheduler
from dassl.optim.lr_scheduler import ConstantWarmupScheduler, LinearWarmupScheduler
from dassl.utils import Registry, count_num_param
from dassl.utils.torchtools import adjust_learning_rate, set_bn_to_eval
from torch import nn

from tests.engine import neutral


@pytest.fixture
def cfg(tmp_path):
    return neutral.config(tmp_path)


def test_a_key_set_in_the_default_is_in_each_fresh_configuration():
    assert cfg_default is _C
    cfg_default.TRAINER.MINE = 3
    try:
        assert get_cfg_default().TRAINER.MINE == 3
    finally:
        del cfg_default.TRAINER["MINE"]


class Counting(Classification):
    """Reads and sets what the base counts."""

    def process(self, mo, gt):
        super().process(mo, gt)
        self._total += 1  # one more, wrong

    def evaluate(self):
        assert self._y_true == [0, 1, 1] and self._y_pred == [0, 1, 0]
        assert dict(self._per_class_res) == {0: [1], 1: [1, 0]}
        assert (self._correct, self._total) == (2, 4)
        return super().evaluate()


def test_a_subclass_of_classification_reads_and_sets_what_it_counts(cfg):
    cfg.TEST.PER_CLASS_RESULT = True
    EVALUATOR_REGISTRY.register(Counting, force=True)
    cfg.TEST.EVALUATOR = "Counting"
    evaluator = build_evaluator(cfg, lab2cname={0: "ape", 1: "bat"})
    evaluator.process(torch.tensor([[2.0, 1], [1, 2], [2, 1]]), torch.tensor([0, 1, 1]))
    results = evaluator.evaluate()
    assert results["accuracy"] == 50.0 and results["perclass_accuracy"] == 75.0


def test_a_plugins_own_transforms_are_announced(cfg, capsys):
    def own(image):
        return torch.zeros(3, 8, 8)

    data = DataManager(cfg, custom_tfm_train=[own, own], custom_tfm_test=own)
    assert data.train_loader_x.dataset[0]["img2"].eq(0).all()
    said = capsys.readouterr().out
    assert "* Using custom transform for training\n* Using custom transform for testing\n" in said
    assert "Building transform" not in said


def test_any_part_but_val_is_the_test_images_and_called_so(tmp_path, capsys):
    trainer = build_trainer(neutral.config(tmp_path))
    for split, part, images in (("train", "test", 18), ("val", "val", 9), (None, "test", 18)):
        trainer.test(split=split)
        said = capsys.readouterr().out
        assert f"Evaluate on the *{part}* set" in said and f"* total: {images}" in said


def test_a_wrapper_transforms_images_in_its_own_way(cfg):
    class Twice(DatasetWrapper):
        def _transform_image(self, tfm, img0):
            return [super()._transform_image(tfm, img0)] * 2

    data = DataManager(cfg, dataset_wrapper=Twice)
    assert [type(x) for x in data.train_loader_x.dataset[0]["img"]] == [torch.Tensor] * 2
    assert (data._num_classes, data._num_source_domains) == (3, 0)
    assert data._lab2cname == {0: "red", 1: "green", 2: "blue"}


def test_a_dataset_checks_its_domains(cfg):
    dataset = DataManager(cfg).dataset
    dataset.is_input_domain_valid(["dark"])
    dataset.check_input_domains(["dark"], ["light"])
    with pytest.raises(ValueError):
        dataset.is_input_domain_valid(["grey"])
    with pytest.raises(AssertionError):
        dataset.check_input_domains([], ["dark"])


def test_a_registry_lets_its_objects_be_seen():
    registry = Registry("THING")
    registry._do_register("one", 1)
    registry._obj_map["two"] = 2
    assert registry.registered_names() == ["one", "two"] and registry.get("two") == 2


def test_fields_of_a_meter_can_be_set():
    meter = AverageMeter()
    meter.update(3, 2)
    meter.val, meter.sum, meter.avg, meter.count = 1, 8, 5, 3
    assert (meter.val, meter.sum, meter.avg, meter.count) == (1, 8, 5, 3)
    meter.update(4)
    assert (meter.val, meter.sum, meter.avg, meter.count) == (4, 12, 3, 4)
    meter = AverageMeter(ema=True)
    meter.update(2)
    meter.update(torch.tensor(4.0))
    assert meter.avg == pytest.approx(0.9 * 0.2 + 0.4)


def test_parameters_are_counted_in_groups():
    layer = nn.Linear(2, 3)
    groups = [{"params": layer.weight, "lr": 1}, {"params": layer.bias}]
    assert count_num_param(params=groups) == count_num_param(layer) == 9
    assert count_num_param(params=layer.parameters()) == 9


def test_transforms_take_keywords():
    image = torch.rand(3, 8, 8)
    assert Cutout(n_holes=2, length=4)(image).eq(0).any()
    assert not GaussianNoise(mean=1, std=0.1, p=1)(image).equal(image)
    assert GaussianNoise(p=0)(image).equal(image)
    assert abs(InstanceNormalization(eps=1e-8)(image).mean()) < 1e-6
    Random2DTranslation(height=8, width=8, p=0.5)


def test_a_trainer_of_two_loaders_parses_three_things(tmp_path):
    trainer = build_trainer(neutral.config(tmp_path, "NeutralXU"))
    assert isinstance(trainer, TrainerXU)
    x, u = next(iter(trainer.train_loader_x)), next(iter(trainer.train_loader_u))
    image, label, unlabelled = trainer.parse_batch_train(x, u)
    assert image.equal(x["img"]) and label.equal(x["label"]) and unlabelled.equal(u["img"])


def test_registering_models_fails_as_in_dassl():
    trainer = TrainerX.__new__(TrainerX)
    with pytest.raises(AttributeError):
        trainer.register_model("early", nn.Linear(1, 1))
    super(TrainerX.__mro__[1], trainer).__init__()  # TrainerBase
    trainer.register_model("model", nn.Linear(1, 1))
    with pytest.raises(AssertionError):
        trainer.register_model("model", nn.Linear(1, 1))
    with pytest.raises(AssertionError):
        trainer.get_model_names(["other"])
    with pytest.raises(KeyError):
        trainer.set_model_mode("asleep")


@TRAINER_REGISTRY.register()
class OwnWays(TrainerX):
    """An optimizer and a schedule of its own, whatever OPTIM says."""

    def build_model(self):
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
        optim = torch.optim.Adagrad(self.model.parameters())
        decay = torch.optim.lr_scheduler.ExponentialLR(optim, 0.9)
        self.register_model("model", self.model, optim, ConstantWarmupScheduler(optim, decay, 1, 1))

    forward_backward = neutral.Linear.forward_backward


@pytest.mark.parametrize(
    "keys",
    [
        {"OPTIM__NAME": "lion", "OPTIM__LR_SCHEDULER": "polynomial"},
        {"DATALOADER__TRAIN_X__N_DOMAIN": -1},
        {"DATALOADER__TRAIN_X__N_INS": 3},
        {"OPTIM__MAX_EPOCH": 0},
    ],
)
def test_settings_that_a_plugin_uses_in_its_own_way_are_taken(tmp_path, keys):
    trainer = build_trainer(neutral.config(tmp_path, "OwnWays", **keys))
    trainer.train()
    rates = {0: 1, 2: 0.01 * 0.9}
    assert trainer.get_current_lr() == pytest.approx(rates[trainer.max_epoch])


def test_no_number_of_domains_means_all_of_them(cfg):
    items = DataManager(cfg).dataset.train_x
    for number in (-1, 0, None):
        sampler = build_sampler("RandomDomainSampler", cfg, items, 4, number)
        assert sorted(items[i].domain for i in list(sampler)[:4]) == [0, 0, 1, 1]


def rates(warmup, decay, epochs=5):
    optim = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    schedule, seen = warmup(optim, decay(optim)), []
    for _ in range(epochs):
        seen.append(optim.param_groups[0]["lr"])
        optim.step()
        schedule.step()
    return seen, schedule


def test_warm_ups_take_any_successor():
    def halves(optim):
        return torch.optim.lr_scheduler.ExponentialLR(optim, 0.5)

    seen, schedule = rates(lambda o, s: ConstantWarmupScheduler(o, s, 2, 1e-5), halves)
    assert seen == pytest.approx([1e-5, 1e-5, 0.1, 0.05, 0.025])
    assert (schedule.last_epoch, schedule.successor.last_epoch, schedule.cons_lr) == (2, 3, 1e-5)
    seen, schedule = rates(lambda o, s: LinearWarmupScheduler(o, s, 2, min_lr=1e-4), halves)
    assert seen == pytest.approx([1e-4, 0.05, 0.1, 0.05, 0.025])
    assert (schedule.warmup_epoch, schedule.min_lr) == (2, 1e-4)


def test_the_schedule_of_a_configuration_is_a_warm_up_with_a_successor(cfg):
    cfg.OPTIM.WARMUP_EPOCH, cfg.OPTIM.MAX_EPOCH = 1, 4
    seen, schedule = rates(lambda o, _: build_lr_scheduler(o, cfg.OPTIM), lambda o: None, 4)
    assert seen == pytest.approx([1e-5, 0.1, 0.1 * (2 + 2**0.5) / 4, 0.05])
    assert isinstance(schedule, LinearWarmupScheduler) and schedule.successor.last_epoch == 3


def test_tools_that_are_called_by_few():
    optim = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1)
    adjust_learning_rate(optim, 0.1, 40)
    assert optim.param_groups[0]["lr"] == pytest.approx(0.001)
    adjust_learning_rate(optim, 0.1, 25, linear_decay=True, final_lr=0.02)
    assert optim.param_groups[0]["lr"] == pytest.approx(0.08)
    layers = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout())
    layers.apply(set_bn_to_eval)
    assert [layer.training for layer in layers] == [False, True]
    a, b = torch.tensor([[0.0, 3], [4, 0]]), torch.tensor([[0.0, 1]])
    assert compute_distance_matrix(a, b).tolist() == [[4.0], [17.0]]
    assert compute_distance_matrix(a, b, "cosine").flatten().tolist() == [0.0, 1.0]
    with pytest.raises(ValueError):
        compute_distance_matrix(a, b, "taxi")


def test_instances_have_the_attributes_that_plugins_read(tmp_path):
    trainer = build_trainer(neutral.config(tmp_path, OPTIM__WARMUP_EPOCH=1))
    trainer.train()
    attributes = {
        trainer: """_models _optims _scheds _writer device start_epoch epoch max_epoch output_dir
            cfg train_loader_x train_loader_u val_loader test_loader num_classes
            num_source_domains lab2cname dm model evaluator best_result time_start num_batches
            batch_idx""",
        trainer.dm: """_num_classes _num_source_domains _lab2cname dataset train_loader_x
            train_loader_u val_loader test_loader""",
        trainer.dm.dataset: "_train_x _train_u _val _test _num_classes _lab2cname _classnames",
        trainer.train_loader_x.dataset: """cfg data_source transform is_train k_tfm return_img0
            to_tensor""",
        trainer.evaluator: "cfg _lab2cname _correct _total _per_class_res _y_true _y_pred",
        trainer.dm.dataset.train_x[0]: "_impath _label _domain _classname",
        trainer._scheds["linear"]: "successor warmup_epoch min_lr base_lrs last_epoch",
        MetricMeter(): "meters delimiter",
    }
    for instance, names in attributes.items():
        assert not [name for name in names.split() if not hasattr(instance, name)]
    assert trainer._writer is None or isinstance(trainer._writer, SummaryWriter)
    assert np.isfinite(trainer.test(split="val"))


def test_a_run_prints_what_dassl_prints(tmp_path, capsys):
    keys = {"TEST__PER_CLASS_RESULT": True, "OPTIM__MAX_EPOCH": 1, "TRAIN__PRINT_FREQ": 9}
    cfg = neutral.config(tmp_path, **keys)
    cfg.DATASET.SOURCE_DOMAINS, cfg.DATASET.TARGET_DOMAINS = ["light"], ["dark"]
    cfg.INPUT.TRANSFORMS = ("random_resized_crop", "colorjitter", "cutout", "normalize")
    trainer = build_trainer(cfg)
    trainer.train()
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line[:6] not in ("epoch ", "Elapse")] == [
        line.replace("OUT", str(tmp_path)) for line in PRINTED.splitlines()
    ]


PRINTED = """\
Loading trainer: NeutralX
Loading dataset: Neutral
Building transform_train
+ random resized crop (size=(8, 8), scale=(0.08, 1.0))
+ color jitter (brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
+ to torch tensor of range [0, 1]
+ cutout (n_holes=1, length=16)
+ normalization (mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
Building transform_test
+ resize the smaller edge to 8
+ 8x8 center crop
+ to torch tensor of range [0, 1]
+ normalization (mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
---------  ---------
Dataset    Neutral
Source     ['light']
Target     ['dark']
# classes  3
# train_x  18
# train_u  8
# val      9
# test     18
---------  ---------
Loading evaluator: Classification
No checkpoint found, train from scratch
Initialize tensorboard (log_dir=OUT/tensorboard)
Checkpoint saved to OUT/linear/model.pth.tar-1
Finish training
Deploy the last-epoch model
Evaluate on the *test* set
=> result
* total: 18
* correct: 6
* accuracy: 33.3%
* error: 66.7%
* macro_f1: 22.2%
=> per-class result
* class: 0 (red)\ttotal: 6\tcorrect: 6\tacc: 100.0%
* class: 1 (green)\ttotal: 6\tcorrect: 0\tacc: 0.0%
* class: 2 (blue)\ttotal: 6\tcorrect: 0\tacc: 0.0%
* average: 33.3%
"""
