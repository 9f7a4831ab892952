"""What a short command line means: `train.py photos` and a method's settings by its name."""

import argparse
import copy
from collections.abc import Mapping
from pathlib import Path

from runs import settings

METHOD = "PromptSRC"  # of `train.py photos`


def completed(args: argparse.Namespace) -> argparse.Namespace:
    """The arguments, with what is left out filled in.

    `photos` (or `--root` without a dataset) becomes the keys of the dataset in `own`, a method and
    an output folder; a shipped method gets the settings for its backbone.

    Raises:
        ValueError: there are no photos of one's own in that place, or two flags contradict.
    """
    args = copy.copy(args)
    pairs = _pairs(args)
    named = args.dataset_config_file or "DATASET.NAME" in pairs
    args.own = {}
    if args.photos and named:
        raise ValueError(
            f"{args.photos} are photos of your own, and "
            f"{args.dataset_config_file or pairs['DATASET.NAME']} is another dataset; leave one out"
        )
    root = pairs.get("DATASET.ROOT") or args.root
    if args.photos and root:
        raise ValueError(f"photos are named twice, {args.photos} and --root {root}; leave one out")
    photos = args.photos or ("" if named else root)
    if photos and not args.config_file.endswith("config.yaml"):  # a run's: it has a dataset
        _take_photos(args, photos)
    _find_settings(args, pairs, bool(args.own))
    return args


def _take_photos(args: argparse.Namespace, photos: str) -> None:
    from datasets.photos import settings as keys_of

    args.own = keys_of(photos, to_test=args.eval_only)
    if "DATASET.ROOT" in args.opts[:-1:2]:
        at = 2 * args.opts[::2].index("DATASET.ROOT")
        args.opts = args.opts[:at] + args.opts[at + 2 :]
    if args.eval_only and _take_run(args, photos):
        return
    args.trainer = args.trainer or METHOD
    if args.eval_only:
        return
    if args.seed < 0 and "SEED" not in args.opts[::2]:
        args.seed = 1
    if not args.output_dir and "OUTPUT_DIR" not in args.opts[::2]:
        args.output_dir = str(_output(args, Path(photos).expanduser().resolve()))


def _take_run(args: argparse.Namespace, photos: str) -> bool:
    """Test photos with the settings of the run in `--model-dir`, its own photos by its own split.

    Returns:
        whether that is known, since it has a `config.yaml`.
    """
    from runs.config import default_config
    from runs.saved_config import NAME, flat, is_of_a_run
    from runs.yaml_file import read_yaml

    run = Path(args.model_dir)
    if not args.model_dir or not is_of_a_run(run / NAME):
        return False
    theirs, here = flat(read_yaml(run / NAME)), ("DATASET.NAME", "DATASET.ROOT")
    if all(theirs.get(key) == args.own[key] for key in here):
        args.own = {key: value for key, value in theirs.items() if key.startswith("DATASET.")}
    else:
        fresh = flat(default_config())
        args.own = {key: fresh[key] for key in fresh if key.startswith("DATASET.")} | args.own
    args.own |= {"RESUME": "", "TEST.SPLIT": "test", "TEST.NO_TEST": False}
    args.config_file = args.config_file or str(run / NAME)
    if not args.output_dir and "OUTPUT_DIR" not in args.opts[::2]:
        tested = Path(photos).expanduser().resolve()
        name = tested.name if tested.is_dir() else tested.stem
        args.output_dir = str(_outside(tested, f"{run.resolve().name}-on-{name}"))
    return True


def _output(args: argparse.Namespace, photos: Path) -> Path:
    """`output/photos`, `output/photos-CoOp-ViT-B-16`."""
    backbone = args.backbone or _pairs(args).get("MODEL.BACKBONE.NAME", settings.BUNDLED)
    file = Path(backbone).expanduser()
    words = [photos.stem]
    words += [args.trainer] * (args.trainer != METHOD)
    words += [file.stem if file.exists() else backbone] * (backbone != settings.BUNDLED)
    return _outside(photos, "-".join(words).replace("/", "-"))


def _outside(photos: Path, name: str) -> Path:
    """`output/NAME`, where the command runs; beside photos in which it runs."""
    inside = photos.is_dir() and Path.cwd().resolve().is_relative_to(photos)
    return (photos.parent if inside else Path()) / "output" / name


def _pairs(args: argparse.Namespace) -> dict[str, str]:
    return dict(zip(args.opts[::2], args.opts[1::2], strict=False))


def _find_settings(args: argparse.Namespace, pairs: Mapping[str, str], own: bool) -> None:
    """The method file, where it is left out and a backbone is named."""
    trainer = args.trainer or pairs.get("TRAINER.NAME", "")
    if args.config_file or trainer not in settings.trainers():
        return
    backbone = args.backbone or pairs.get("MODEL.BACKBONE.NAME") or settings.BUNDLED * own
    if backbone:
        args.config_file = str(settings.fitting(trainer, backbone))
