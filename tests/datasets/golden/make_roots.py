"""Write tiny, fake dataset roots in the on-disk layouts of 15 image datasets.

The images are 8x8 JPEGs of noise.  What matters is everything around them:
folder names, file names, annotation files and class names have the same
structure as in the real downloads, so a dataset reader can be tested without
any download.

    python make_roots.py DST                     # all 15, with split files
    python make_roots.py DST --raw               # all 15, without split files
    python make_roots.py DST --only OxfordPets --seed 7

As a library::

    make_root("/some/empty/folder", "OxfordPets", seed=0, split_json=True)

Every random choice comes from ``numpy.random.RandomState``, whose streams are
frozen, so a root depends on (dataset, seed) alone -- but for the JPEG bytes,
which may vary between Pillow versions.  Images and annotations are the same
with and without ``split_json``; the flag only adds the ``split_zhou_*.json``
file.

Needs numpy, scipy and Pillow.
"""

import argparse
import io
import json
import os
import string
import sys
import time

import numpy as np
from PIL import Image
from scipy.io import savemat

# Order matters: the position of a dataset is part of its random seed.
DATASET_DIRS = {
    "OxfordPets": "oxford_pets",
    "OxfordFlowers": "oxford_flowers",
    "FGVCAircraft": "fgvc_aircraft",
    "DescribableTextures": "dtd",
    "EuroSAT": "eurosat",
    "StanfordCars": "stanford_cars",
    "Food101": "food-101",
    "SUN397": "sun397",
    "Caltech101": "caltech-101",
    "UCF101": "ucf101",
    "ImageNet": "imagenet",
    "ImageNetV2": "imagenetv2",
    "ImageNetSketch": "imagenet-sketch",
    "ImageNetA": "imagenet-adversarial",
    "ImageNetR": "imagenet-rendition",
}

# Datasets for which a split file exists.  The others have one source only.
SPLIT_FILES = {
    name: f"split_zhou_{name}.json"
    for name in (
        "OxfordPets",
        "OxfordFlowers",
        "DescribableTextures",
        "EuroSAT",
        "StanfordCars",
        "Food101",
        "SUN397",
        "Caltech101",
        "UCF101",
    )
}

LETTERS = np.array(list(string.ascii_lowercase))
HEX = np.array(list("0123456789abcdef"))


# --------------------------------------------------------------------------
# Helpers
# --------------------------------------------------------------------------


class Writer:
    """Writes files below one dataset folder."""

    def __init__(self, base, rng):
        self.base = base
        self.rng = rng

    def path(self, rel):
        full = os.path.join(self.base, *rel.split("/"))
        os.makedirs(os.path.dirname(full), exist_ok=True)
        return full

    def image(self, rel):
        """An 8x8 JPEG: one base colour plus a little noise."""
        base = self.rng.randint(0, 200, size=3)
        noise = self.rng.randint(0, 56, size=(8, 8, 3))
        buffer = io.BytesIO()
        Image.fromarray((base + noise).astype(np.uint8)).save(buffer, format="JPEG", quality=75)
        with open(self.path(rel), "wb") as file:
            file.write(buffer.getvalue())

    def text(self, rel, lines):
        with open(self.path(rel), "w", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)

    def json(self, rel, obj):
        with open(self.path(rel), "w") as file:
            json.dump(obj, file, indent=4, separators=(",", ": "))

    def mat(self, rel, variables):
        path = self.path(rel)
        savemat(path, variables)
        with open(path, "r+b") as file:  # the header would hold the date
            file.write(b"MATLAB 5.0 MAT-file".ljust(116))

    def hidden_file(self, rel):
        """A dot file, as file managers leave behind; readers skip it."""
        with open(self.path(rel), "wb") as file:
            file.write(b"\0")


def pick(rng, must, pool, low=6, high=10):
    """All of `must` plus some of `pool`: between low and high names, in
    random order."""
    total = max(rng.randint(low, high + 1), len(must))
    extra = rng.permutation(len(pool))[: total - len(must)]
    names = list(must) + [pool[i] for i in extra]
    return [names[i] for i in rng.permutation(len(names))]


def sizes(rng, count, fixed, low, high):
    """Images per class; the first few are fixed so that the interesting
    cases (too few, exactly enough, odd totals) always occur."""
    out = list(fixed[:count])
    out += [int(n) for n in rng.randint(low, high + 1, size=count - len(out))]
    return [out[i] for i in rng.permutation(count)]


def unique_ids(rng, count, low, high):
    """Distinct integers, in random order."""
    seen = []
    known = set()
    while len(seen) < count:
        for value in rng.randint(low, high, size=count):
            if int(value) not in known and len(seen) < count:
                known.add(int(value))
                seen.append(int(value))
    return seen


def unique_words(rng, count, length, alphabet=LETTERS):
    seen = []
    known = set()
    while len(seen) < count:
        word = "".join(alphabet[rng.randint(0, len(alphabet), size=length)])
        if word not in known:
            known.add(word)
            seen.append(word)
    return seen


def shuffled(rng, items):
    return [items[i] for i in rng.permutation(len(items))]


# trainval sizes: 20 gives 16 + 4, 10 gives 8 + 2 (fewer than 4 for val).
TRAINVAL = dict(fixed=(20, 10, 23), low=14, high=38)
# totals to be cut 50/20/30: 32 -> 16 for training, 25 and 35 end in .5.
TOTALS = dict(fixed=(32, 16, 25, 35), low=18, high=58)


# --------------------------------------------------------------------------
# Split files
# --------------------------------------------------------------------------


def cut(rng, groups, fractions):
    """Cut the items of each class into train/val/test (or train/val)."""
    parts = [[] for _ in range(len(fractions) + 1)]
    for items in groups:
        items = shuffled(rng, items)
        start = 0
        for k, fraction in enumerate(fractions):
            stop = start + max(1, int(len(items) * fraction))
            parts[k].append(items[start:stop])
            start = stop
        parts[-1].append(items[start:])
    return parts


def write_split(out, rng, name, train, val, test, order):
    """train, val, test: a list of items for each class.

    order: how the items follow each other in the file -- "by_label", "by_class"
    (classes in random order, each in one block) or "mixed" (no blocks at all).
    """

    def arrange(groups):
        if order in ("by_class", "mixed"):
            groups = shuffled(rng, groups)
        items = [item for group in groups for item in group]
        if order == "mixed":
            items = shuffled(rng, items)
        return items

    out.json(
        SPLIT_FILES[name],
        {"train": arrange(train), "val": arrange(val), "test": arrange(test)},
    )


# --------------------------------------------------------------------------
# One function for each dataset.  `out` writes files, `rng` drives images and
# annotations, `split_rng` (None: no split file) drives the split file.
# --------------------------------------------------------------------------

PETS = (
    ["american_pit_bull_terrier", "Abyssinian", "Egyptian_Mau", "pug"],
    [
        "american_bulldog",
        "basset_hound",
        "Bengal",
        "Birman",
        "British_Shorthair",
        "german_shorthaired",
        "japanese_chin",
        "Maine_Coon",
        "miniature_pinscher",
        "yorkshire_terrier",
    ],
)


def make_oxford_pets(out, rng, split_rng):
    breeds = sorted(pick(rng, *PETS), key=str.lower)
    n_trainval = sizes(rng, len(breeds), **TRAINVAL)
    n_test = [int(n) for n in rng.randint(8, 21, size=len(breeds))]

    per_species = {1: 0, 2: 0}
    lines = {"trainval": [], "test": []}
    groups = {"trainval": [], "test": []}
    for label, breed in enumerate(breeds):
        species = 1 if breed[0].isupper() else 2  # capitalised: cats
        per_species[species] += 1
        total = n_trainval[label] + n_test[label]
        names = [f"{breed}_{i}" for i in unique_ids(rng, total, 1, 250)]
        for subset, chosen in (
            ("trainval", names[: n_trainval[label]]),
            ("test", names[n_trainval[label] :]),
        ):
            group = []
            for stem in chosen:
                out.image(f"images/{stem}.jpg")
                lines[subset].append(f"{stem} {label + 1} {species} {per_species[species]}")
                group.append([f"{stem}.jpg", label, breed.lower()])
            groups[subset].append(group)
    for subset in lines:
        out.text(f"annotations/{subset}.txt", lines[subset])
    out.text(
        "annotations/list.txt",
        ["#Image CLASS-ID SPECIES BREED ID"] + lines["trainval"] + lines["test"],
    )

    if split_rng is not None:
        train, val = cut(split_rng, groups["trainval"], [0.8])
        write_split(out, split_rng, "OxfordPets", train, val, groups["test"], "by_label")


FLOWERS = (
    ["pink primrose", "bird of paradise", "hard-leaved pocket orchid", "rose"],
    [
        "canterbury bells",
        "sweet pea",
        "english marigold",
        "tiger lily",
        "moon orchid",
        "globe-flower",
        "colt's foot",
        "love in the mist",
        "black-eyed susan",
        "trumpet creeper",
    ],
)


def make_oxford_flowers(out, rng, split_rng):
    names = pick(rng, *FLOWERS)
    totals = sizes(rng, len(names), **TOTALS)

    # Images of a class come in two blocks, and classes in no special order.
    blocks = []
    for label, total in enumerate(totals):
        blocks += [[label] * (total // 3), [label] * (total - total // 3)]
    labels = [y for block in shuffled(rng, blocks) for y in block]

    groups = [[] for _ in names]
    for i, label in enumerate(labels):
        stem = f"image_{i + 1:05d}.jpg"
        out.image(f"jpg/{stem}")
        groups[label].append([stem, label, names[label]])
    out.mat(
        "imagelabels.mat",
        {"labels": np.array([[y + 1 for y in labels]], dtype=np.uint8)},
    )
    keys = shuffled(rng, list(range(len(names))))
    out.json("cat_to_name.json", {str(y + 1): names[y] for y in keys})

    if split_rng is not None:
        train, val, test = cut(split_rng, groups, [0.5, 0.2])
        write_split(out, split_rng, "OxfordFlowers", train, val, test, "by_class")


AIRCRAFT = (
    ["707-320", "BAE 146-200", "F-16A/B", "Cessna 172"],
    [
        "737-200",
        "747-400",
        "A300B4",
        "Beechcraft 1900",
        "Boeing 717",
        "C-130",
        "DHC-8-100",
        "Eurofighter Typhoon",
        "Hawk T1",
        "Model B200",
        "Spitfire",
    ],
)


def make_fgvc_aircraft(out, rng, split_rng):
    variants = sorted(pick(rng, *AIRCRAFT))
    out.text("variants.txt", variants)
    out.text("families.txt", sorted({v.split("-")[0] for v in variants}))
    counts = {
        "train": sizes(rng, len(variants), fixed=(16, 8, 3), low=8, high=30),
        "val": [int(n) for n in rng.randint(2, 13, size=len(variants))],
        "test": [int(n) for n in rng.randint(8, 21, size=len(variants))],
    }
    total = sum(sum(c) for c in counts.values())
    ids = iter(unique_ids(rng, total, 34309, 2300000))
    lines = {}
    for subset, count in counts.items():
        lines[subset] = []
        for variant, n in zip(variants, count, strict=False):
            for _ in range(n):
                stem = f"{next(ids):07d}"
                out.image(f"images/{stem}.jpg")
                lines[subset].append(f"{stem} {variant}")
    lines["train"] = shuffled(rng, lines["train"])  # classes in no order
    lines["trainval"] = lines["train"] + lines["val"]
    for subset, content in lines.items():
        out.text(f"images_variant_{subset}.txt", content)


def make_class_folders(out, rng, image_dir, classes, namer, totals):
    """Images in one folder for each class; returns {folder: [file, ...]}."""
    files = {}
    for folder, total in zip(classes, totals, strict=False):
        files[folder] = namer(folder, total)
        for file in files[folder]:
            out.image(f"{image_dir}/{folder}/{file}")
    return files


def write_folder_split(out, split_rng, name, files, renames, order):
    """A 50/20/30 split file over class folders."""
    groups = [
        [[f"{folder}/{file}", label, renames.get(folder, folder)] for file in names]
        for label, (folder, names) in enumerate(sorted(files.items()))
    ]
    train, val, test = cut(split_rng, groups, [0.5, 0.2])
    write_split(out, split_rng, name, train, val, test, order)


TEXTURES = (
    ["banded", "polka-dotted", "waffled"],
    [
        "blotchy",
        "braided",
        "chequered",
        "cobwebbed",
        "crosshatched",
        "honeycombed",
        "interlaced",
        "potholed",
        "swirly",
        "zigzagged",
    ],
)


def make_dtd(out, rng, split_rng):
    classes = sorted(pick(rng, *TEXTURES))
    totals = sizes(rng, len(classes), **TOTALS)

    def namer(folder, total):
        return [f"{folder}_{i:04d}.jpg" for i in unique_ids(rng, total, 1, 250)]

    files = make_class_folders(out, rng, "images", classes, namer, totals)
    out.hidden_file("images/waffled/.directory")
    out.text(
        "labels/labels_joint_anno.txt",
        [f"{c}/{f} {c}" for c in classes for f in sorted(files[c])],
    )

    if split_rng is not None:
        write_folder_split(out, split_rng, "DescribableTextures", files, {}, "by_label")


EUROSAT = {
    "AnnualCrop": "Annual Crop Land",
    "Forest": "Forest",
    "HerbaceousVegetation": "Herbaceous Vegetation Land",
    "Highway": "Highway or Road",
    "Industrial": "Industrial Buildings",
    "Pasture": "Pasture Land",
    "PermanentCrop": "Permanent Crop Land",
    "Residential": "Residential Buildings",
    "River": "River",
    "SeaLake": "Sea or Lake",
}


def make_eurosat(out, rng, split_rng):
    classes = sorted(EUROSAT)
    totals = sizes(rng, len(classes), **TOTALS)

    def namer(folder, total):
        return [f"{folder}_{i + 1}.jpg" for i in range(total)]

    files = make_class_folders(out, rng, "2750", classes, namer, totals)

    if split_rng is not None:
        write_folder_split(out, split_rng, "EuroSAT", files, EUROSAT, "by_label")


CARS = (
    ["AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012"],
    [
        "Acura TL Sedan 2012",
        "Aston Martin V8 Vantage Convertible 2012",
        "Audi 100 Wagon 1994",
        "BMW 3 Series Wagon 2012",
        "Chevrolet Silverado 1500 Hybrid Crew Cab 2012",
        "Ford F-150 Regular Cab 2007",
        "Mercedes-Benz 300-Class Convertible 1993",
        "Rolls-Royce Ghost Sedan 2012",
        "Tesla Model S Sedan 2012",
        "smart fortwo Convertible 2012",
    ],
)


def make_stanford_cars(out, rng, split_rng):
    names = sorted(pick(rng, *CARS))
    counts = {
        "train": sizes(rng, len(names), **TRAINVAL),
        "test": [int(n) for n in rng.randint(8, 21, size=len(names))],
    }
    anno_files = {
        "train": "devkit/cars_train_annos.mat",
        "test": "cars_test_annos_withlabels.mat",
    }
    fields = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]
    groups = {}
    for subset, count in counts.items():
        labels = shuffled(rng, [y for y, n in enumerate(count) for _ in range(n)])
        annos = np.empty((1, len(labels)), dtype=[(f, object) for f in fields])
        groups[subset] = [[] for _ in names]
        for i, label in enumerate(labels):
            fname = f"{i + 1:05d}.jpg"
            out.image(f"cars_{subset}/{fname}")
            box = [np.uint16(v) for v in (1, 1, 8, 8)]
            annos[0, i] = (*box, np.uint8(label + 1), fname)
            *words, year = names[label].split(" ")
            year_first = " ".join([year] + words)
            groups[subset][label].append([f"cars_{subset}/{fname}", label, year_first])
        out.mat(anno_files[subset], {"annotations": annos})
    cell = np.empty((1, len(names)), dtype=object)
    cell[0, :] = names
    out.mat("devkit/cars_meta.mat", {"class_names": cell})

    if split_rng is not None:
        train, val = cut(split_rng, groups["train"], [0.8])
        write_split(out, split_rng, "StanfordCars", train, val, groups["test"], "by_class")


FOOD = (
    ["apple_pie", "beef_carpaccio", "pho", "spaghetti_bolognese"],
    [
        "baby_back_ribs",
        "caesar_salad",
        "chocolate_mousse",
        "french_onion_soup",
        "ice_cream",
        "macaroni_and_cheese",
        "miso_soup",
        "sushi",
        "waffles",
    ],
)


def make_food101(out, rng, split_rng):
    classes = sorted(pick(rng, *FOOD))
    totals = sizes(rng, len(classes), **TOTALS)

    def namer(folder, total):
        return [f"{i}.jpg" for i in unique_ids(rng, total, 10000, 4000000)]

    files = make_class_folders(out, rng, "images", classes, namer, totals)
    out.text("meta/classes.txt", classes)
    out.text("meta/labels.txt", [c.replace("_", " ").capitalize() for c in classes])
    out.text("README.txt", ["Fake data."])
    out.text("license_agreement.txt", ["Fake data."])

    if split_rng is not None:
        write_folder_split(out, split_rng, "Food101", files, {}, "by_label")


SCENES = (
    ["a/abbey", "a/apartment_building/outdoor", "l/library/indoor", "z/zen_garden"],
    [
        "a/airplane_cabin",
        "a/amusement_park",
        "b/bakery/shop",
        "b/bow_window/indoor",
        "b/bow_window/outdoor",
        "c/car_interior/backseat",
        "k/kitchen",
        "l/library/outdoor",
        "s/stadium/baseball",
        "w/waterfall/block",
    ],
)


def scene_name(folder):
    return " ".join(reversed(folder.split("/")[1:]))


def make_sun397(out, rng, split_rng):
    classes = sorted(pick(rng, *SCENES))
    out.text("ClassName.txt", ["/" + c for c in classes])
    counts = {
        "Training": sizes(rng, len(classes), **TRAINVAL),
        "Testing": [int(n) for n in rng.randint(8, 21, size=len(classes))],
    }
    groups = {}
    for subset, count in counts.items():
        groups[subset] = []
        for label, (folder, n) in enumerate(zip(classes, count, strict=False)):
            # Testing images start with another letter, so names never clash.
            prefix = "sun_a" if subset == "Training" else "sun_b"
            files = [f"{prefix}{w}.jpg" for w in unique_words(rng, n, 15)]
            for file in files:
                out.image(f"SUN397/{folder}/{file}")
            groups[subset].append(
                [[f"{folder}/{file}", label, scene_name(folder)] for file in files]
            )
        out.text(f"{subset}_01.txt", ["/" + item[0] for g in groups[subset] for item in g])

    if split_rng is not None:
        train, val = cut(split_rng, groups["Training"], [0.8])
        write_split(out, split_rng, "SUN397", train, val, groups["Testing"], "by_label")


CALTECH = (
    ["Faces", "Leopards", "Motorbikes", "airplanes", "car_side"],
    [
        "accordion",
        "brontosaurus",
        "ceiling_fan",
        "cougar_body",
        "dollar_bill",
        "gramophone",
        "inline_skate",
        "windsor_chair",
        "yin_yang",
    ],
)
CALTECH_EXTRA = ["BACKGROUND_Google", "Faces_easy"]  # readers leave these out
CALTECH_RENAMES = {
    "airplanes": "airplane",
    "Faces": "face",
    "Leopards": "leopard",
    "Motorbikes": "motorbike",
}


def make_caltech101(out, rng, split_rng):
    classes = sorted(pick(rng, *CALTECH))
    totals = sizes(rng, len(classes), **TOTALS)

    def namer(folder, total):
        return [f"image_{i + 1:04d}.jpg" for i in range(total)]

    image_dir = "101_ObjectCategories"
    files = make_class_folders(out, rng, image_dir, classes, namer, totals)
    make_class_folders(out, rng, image_dir, CALTECH_EXTRA, namer, [12, 9])

    if split_rng is not None:
        write_folder_split(out, split_rng, "Caltech101", files, CALTECH_RENAMES, "by_label")


ACTIONS = (
    ["ApplyEyeMakeup", "HandstandPushups", "YoYo", "Archery"],
    [
        "BasketballDunk",
        "BodyWeightSquats",
        "CleanAndJerk",
        "FrontCrawl",
        "IceDancing",
        "PlayingTabla",
        "StillRings",
        "TaiChi",
        "WalkingWithDog",
        "WritingOnBoard",
    ],
)


def split_camel_case(action):
    out = ""
    for letter in action:
        out += "_" + letter if letter.isupper() and out else letter
    return out


def make_ucf101(out, rng, split_rng):
    actions = sorted(pick(rng, *ACTIONS))
    out.text(
        "ucfTrainTestlist/classInd.txt",
        [f"{i + 1} {a}" for i, a in enumerate(actions)],
    )
    counts = {
        "train": sizes(rng, len(actions), **TRAINVAL),
        "test": [int(n) for n in rng.randint(8, 21, size=len(actions))],
    }
    groups = {}
    for subset, count in counts.items():
        groups[subset] = []
        lines = []
        for label, (action, n) in enumerate(zip(actions, count, strict=False)):
            folder = split_camel_case(action)
            # In the real data the videos of this class spell it differently.
            video = action.replace("HandstandPushups", "HandStandPushups")
            first = 8 if subset == "train" else 1  # groups 1-7 are for testing
            group = []
            for i in range(n):
                stem = f"v_{video}_g{first + i // 4:02d}_c{i % 4 + 1:02d}"
                out.image(f"UCF-101-midframes/{folder}/{stem}.jpg")
                line = f"{action}/{stem}.avi"
                lines.append(f"{line} {label + 1}" if subset == "train" else line)
                group.append([f"{folder}/{stem}.jpg", label, folder])
            groups[subset].append(group)
        out.text(f"ucfTrainTestlist/{subset}list01.txt", lines)

    if split_rng is not None:
        train, val = cut(split_rng, groups["train"], [0.8])
        write_split(out, split_rng, "UCF101", train, val, groups["test"], "mixed")


# Two pairs of synsets share a class name.
SYNSETS = {
    "n01440764": "tench",
    "n01443537": "goldfish",
    "n01484850": "great white shark",
    "n01491361": "tiger shark",
    "n01498041": "stingray",
    "n01514668": "rooster",
    "n01518878": "ostrich",
    "n02088094": "Afghan Hound",
    "n02123045": "tabby cat",
    "n02980441": "castle",
    "n03642806": "laptop computer",
    "n03773504": "missile",
    "n04008634": "missile",
    "n04355933": "sunglasses",
    "n04356056": "sunglasses",
    "n07697313": "cheeseburger",
    "n07753592": "banana",
    "n12267677": "acorn",
    "n15075141": "toilet paper",
}
FILLER = (
    ["amber", "broad-tailed", "common", "dwarf", "eastern", "giant", "northern", "red"],
    ["beetle", "finch", "lantern", "parrot snake", "spaniel", "teapot", "wing chair"],
)


def imagenet_classnames(seed):
    """1,000 (synset, name) pairs sorted by synset.  The same list for each of
    the five ImageNet datasets made with the same seed."""
    rng = np.random.RandomState([seed, 1000])
    table = dict(SYNSETS)
    for number in unique_ids(rng, 1100, 1500000, 15100000):
        if len(table) == 1000:
            break
        first = FILLER[0][rng.randint(len(FILLER[0]))]
        second = FILLER[1][rng.randint(len(FILLER[1]))]
        table.setdefault(f"n{number:08d}", f"{first} {second}")
    return sorted(table.items())


def write_classnames(out, seed):
    table = imagenet_classnames(seed)
    out.text("classnames.txt", [f"{wnid} {name}" for wnid, name in table])
    return dict(table)


def pick_synsets(rng, must):
    return sorted(pick(rng, must, [s for s in SYNSETS if s not in must]))


def make_imagenet(out, rng, split_rng, seed):
    write_classnames(out, seed)
    folders = pick_synsets(rng, ["n03773504", "n04008634", "n01440764"])
    n_train = sizes(rng, len(folders), fixed=(16, 8, 30), low=8, high=30)
    n_val = [int(n) for n in rng.randint(8, 13, size=len(folders))]
    val_ids = unique_ids(rng, sum(n_val), 1, 50001)
    for folder, n, m in zip(folders, n_train, n_val, strict=False):
        for i in unique_ids(rng, n, 1, 30000):
            out.image(f"images/train/{folder}/{folder}_{i}.JPEG")
        for _ in range(m):
            i = val_ids.pop()
            out.image(f"images/val/{folder}/ILSVRC2012_val_{i:08d}.JPEG")
    out.text("images/train/notes.txt", ["A file among the folders."])
    out.hidden_file(f"images/val/{folders[0]}/.DS_Store")


def make_imagenetv2(out, rng, split_rng, seed):
    write_classnames(out, seed)
    # Readers want all of the folders 0 to 999.
    for label in range(1000):
        n = 10 if label in (0, 10, 999) else 1 + int(rng.randint(0, 4) == 0)
        for word in unique_words(rng, n, 40, HEX):
            out.image(f"imagenetv2-matched-frequency-format-val/{label}/{word}.jpeg")


def make_imagenet_sketch(out, rng, split_rng, seed):
    write_classnames(out, seed)
    for folder in pick_synsets(rng, ["n04355933", "n04356056"]):
        for i in unique_ids(rng, int(rng.randint(8, 31)), 0, 60):
            out.image(f"images/{folder}/sketch_{i}.JPEG")
    out.hidden_file("images/.DS_Store")


def make_imagenet_a(out, rng, split_rng, seed):
    names = write_classnames(out, seed)
    folders = pick_synsets(rng, ["n01498041", "n15075141"])
    for folder in folders:
        for score in unique_ids(rng, int(rng.randint(8, 31)), 0, 100000):
            guess = names[folders[rng.randint(len(folders))]]
            file = f"0.{score:06d}_{guess} _ {guess}_0.{rng.randint(1000):03d}.jpg"
            out.image(f"imagenet-a/{folder}/{file}")
    out.text("imagenet-a/README.txt", ["Fake data."])


def make_imagenet_r(out, rng, split_rng, seed):
    write_classnames(out, seed)
    styles = ["art", "cartoon", "deviantart", "graffiti", "origami", "sketch", "toy"]
    for folder in pick_synsets(rng, ["n01443537", "n07697313"]):
        for i in unique_ids(rng, int(rng.randint(8, 31)), 0, 60):
            style = styles[rng.randint(len(styles))]
            out.image(f"imagenet-r/{folder}/{style}_{i}.jpg")
    out.text("imagenet-r/README.txt", ["Fake data."])


MAKERS = {
    "OxfordPets": make_oxford_pets,
    "OxfordFlowers": make_oxford_flowers,
    "FGVCAircraft": make_fgvc_aircraft,
    "DescribableTextures": make_dtd,
    "EuroSAT": make_eurosat,
    "StanfordCars": make_stanford_cars,
    "Food101": make_food101,
    "SUN397": make_sun397,
    "Caltech101": make_caltech101,
    "UCF101": make_ucf101,
    "ImageNet": make_imagenet,
    "ImageNetV2": make_imagenetv2,
    "ImageNetSketch": make_imagenet_sketch,
    "ImageNetA": make_imagenet_a,
    "ImageNetR": make_imagenet_r,
}


def make_root(dst, dataset_name, seed, split_json):
    """Write the fake dataset `dataset_name` into a new folder below `dst`.

    dst: the data root, that is the folder that holds the dataset folders.
    dataset_name: a key of DATASET_DIRS.
    seed: a non-negative integer; another seed gives other images and classes.
    split_json: also write the split_zhou_*.json file, if the dataset has one.

    Returns the path of the dataset folder.  Refuses to touch an existing one.
    """
    base = os.path.join(dst, DATASET_DIRS[dataset_name])
    if os.path.lexists(base):
        raise FileExistsError(base)
    position = list(DATASET_DIRS).index(dataset_name)
    rng = np.random.RandomState([seed, position])
    split_rng = None
    if split_json and dataset_name in SPLIT_FILES:
        split_rng = np.random.RandomState([seed, position, 1])
    args = (Writer(base, np.random.RandomState([seed, position, 2])), rng, split_rng)
    if dataset_name.startswith("ImageNet"):
        args += (seed,)
    MAKERS[dataset_name](*args)
    return base


def main(argv=None):
    parser = argparse.ArgumentParser(description="Write tiny fake dataset roots.")
    parser.add_argument("dst", metavar="DST", help="folder to write into")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only",
        action="append",
        choices=list(DATASET_DIRS),
        metavar="NAME",
        help="this dataset only (may be repeated): " + ", ".join(DATASET_DIRS),
    )
    parser.add_argument("--raw", action="store_true", help="no split_zhou_*.json")
    args = parser.parse_args(argv)

    start = time.time()
    for name in args.only or DATASET_DIRS:
        base = make_root(args.dst, name, args.seed, split_json=not args.raw)
        count = sum(len(files) for _, _, files in os.walk(base))
        print(f"{name}: {count} files in {base}")
    print(f"done in {time.time() - start:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
