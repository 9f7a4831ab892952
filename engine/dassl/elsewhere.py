"""Names that a module of Dassl.pytorch 0.6.3 has and ours does not define.

IMPORTED   what its modules import from somewhere else; plug-ins import it from them
LEFT_OUT   what this engine leaves out; asking for it raises one sentence
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any

HOME = "https://github.com/KaiyangZhou/Dassl.pytorch"
IMPORTED = {
    "dassl.config.defaults": "yacs.config.CfgNode=CN",
    "dassl.data.data_manager": "torch.utils.data.Dataset=TorchDataset",
    "dassl.data.datasets.base_dataset": "os gdown",
    "dassl.data.transforms.transforms": """
        numpy=np torchvision.transforms.functional=F
        torchvision.transforms.Compose torchvision.transforms.ToTensor
        torchvision.transforms.Normalize torchvision.transforms.CenterCrop
        torchvision.transforms.RandomCrop torchvision.transforms.ColorJitter
        torchvision.transforms.RandomApply torchvision.transforms.GaussianBlur
        torchvision.transforms.RandomGrayscale torchvision.transforms.RandomResizedCrop
        torchvision.transforms.RandomHorizontalFlip""",
    "dassl.engine.trainer": """
        numpy=np torch.nn collections.OrderedDict tqdm.tqdm
        dassl.modeling.build_backbone dassl.modeling.build_head
        dassl.utils.AverageMeter dassl.utils.MetricMeter dassl.utils.load_checkpoint
        dassl.utils.resume_from_checkpoint dassl.utils.save_checkpoint
        dassl.utils.tolist_if_not""",
    "dassl.evaluation.build": "dassl.utils.check_availability",
    "dassl.evaluation.evaluator": "collections.OrderedDict",
    "dassl.modeling.backbone.resnet": """
        torch.nn torch.utils.model_zoo torchvision.models.resnet.conv3x3""",
    "dassl.optim.lr_scheduler": "torch.optim.lr_scheduler.LRScheduler=_LRScheduler",
    "dassl.utils.logger": "os",
    "dassl.utils.tools": "sys time errno os.path=osp difflib.SequenceMatcher PIL.Image",
    "dassl.utils.torchtools": "pickle shutil functools.partial collections.OrderedDict",
}
LEFT_OUT = {  # package: what it has in Dassl.pytorch
    "dassl.data.datasets.da": "CIFARSTL Digit5 DomainNet miniDomainNet",
    "dassl.data.datasets.dg": "CIFAR10C CIFAR100C Camelyon17 DigitSingle FMoW IWildCam",
    "dassl.data.datasets.ssl": "CIFAR10 CIFAR100 STL10 SVHN",
    "dassl.data.transforms.autoaugment": "SubPolicy",
    "dassl.data.transforms.randaugment": "Cutout CutoutDefault Flip Lighting SamplePairing",
    "dassl.engine.da": "ADDA AdaBN CDAC DAEL DANN M3SDA MCD MME SE SourceOnly",
    "dassl.engine.dg": "CrossGrad DAELDG DDAIG DomainMix",
    "dassl.engine.ssl": "EntMin MeanTeacher MixMatch SupBaseline",
    "dassl.modeling.backbone": """
        alexnet vgg16 preact_resnet18 wide_resnet_16_4 wide_resnet_28_2
        cnn_digitsdg cnn_digitsingle cnn_digit5_m3sda
        efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3
        efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7
        resnet18_dynamic resnet50_dynamic resnet101_dynamic
        resnet18_dynamic_ms_l1 resnet18_dynamic_ms_l12 resnet18_dynamic_ms_l123
        resnet50_dynamic_ms_l1 resnet50_dynamic_ms_l12 resnet50_dynamic_ms_l123
        resnet101_dynamic_ms_l1 resnet101_dynamic_ms_l12 resnet101_dynamic_ms_l123
        resnet18_efdmix_l1 resnet18_efdmix_l12 resnet18_efdmix_l123
        resnet50_efdmix_l1 resnet50_efdmix_l12 resnet50_efdmix_l123
        resnet101_efdmix_l1 resnet101_efdmix_l12 resnet101_efdmix_l123
        init_pretrained_weights model_urls""",
    "dassl.modeling.network": """
        NETWORK_REGISTRY build_network
        fcn_3x32_gctx fcn_3x32_gctx_stn fcn_3x64_gctx fcn_3x64_gctx_stn""",
    "dassl.modeling.ops": """
        Attention Conv2dDynamic DSBN1d DSBN2d EFDMix MaximumMeanDiscrepancy
        MinibatchEnergyDistance Sequential2 SinkhornDivergence TransNorm1d TransNorm2d
        activate_efdmix crossdomain_efdmix deactivate_efdmix random_efdmix run_with_efdmix
        run_without_efdmix cross_entropy mixup""",
    "dassl.optim.radam": "AdamW PlainRAdam",
}


def sentence(name: str, having: Iterable[str]) -> str:
    """What to say when a name is asked for that is left out; `having` is what is there."""
    return (
        f"{name} is not in this engine, which has {', '.join(having) or 'none'}; "
        f"for {name} install Dassl.pytorch ({HOME}) in place of it"
    )


def is_left_out(name: str, within: str = "dassl") -> bool:
    """Whether it is the name of a trainer, dataset, backbone or the like that is left out."""
    return any(
        name in names.split()
        for package, names in LEFT_OUT.items()
        if package.startswith(within) or within.startswith(package)
    )


def names_of(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module; where it has no `__all__`, `import *` asks this for one.

    Raises:
        ImportError: the name is left out.
    """
    entries = [entry.partition("=") for entry in IMPORTED.get(module, "").split()]
    places = {alias or place.rpartition(".")[2]: place for place, _, alias in entries}

    def named(name: str) -> Any:
        if name in places:
            return resolve_name(places[name])
        if name == "__all__" and not hasattr(import_module(module), "__path__"):
            imported = [alias for alias, place in places.items() if _is_installed(place)]
            return sorted({*_public(module), *imported})
        if is_left_out(name, within=module):
            raise ImportError(sentence(f"{module}.{name}", _public(module)), name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return named


class Finder:
    """Asked last for a module: says it if it is one that is left out."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if any(f"{name}.".startswith(f"{package}.") for package in LEFT_OUT):
            having = _public(name.rpartition(".")[0])
            raise ModuleNotFoundError(sentence(name, having), name=name)


def _is_installed(place: str) -> bool:
    return find_spec(place.partition(".")[0]) is not None


def _public(module: str) -> list[str]:
    held = vars(import_module(module))
    names = held.get("__all__") or [name for name in held if not name.startswith("_")]
    return sorted(names, key=str.lower)
