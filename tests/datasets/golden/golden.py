"""Read the golden files of this folder and compare an implementation with them.

    from golden import Golden, check

    golden = Golden.load("OxfordPets.json")
    for case in golden.cases:
        print(case["mode"], case["num_shots"], golden.items(case["train_x"])[:2])

    errors = check("OxfordPets.json", build, "/some/empty/folder")

`build(root, dataset, num_shots, subsample, seed)` has to do what a run of the
training script does: seed everything with `seed`, then build the dataset, and
return an object with train_x, val, test, num_classes, classnames and lab2cname.
The format is described in README.md.
"""

import hashlib
import json
import os
import shutil

from make_roots import make_root

SPLITS = ("train_x", "val", "test")


class Golden:
    def __init__(self, data):
        self.data = data
        self.dataset = data["dataset"]
        self.cases = data["cases"]
        self.sequences = data["sequences"]

    @classmethod
    def load(cls, path):
        with open(path) as file:
            return cls(json.load(file))

    def items(self, index):
        """The list of (path, label, classname) with this number, or None."""
        if index is None:
            return None
        table = self.data["items"]
        return [tuple(table[i]) for i in self.data["lists"][index]]

    def lab2cname(self, case):
        return dict(self.data["lab2cnames"][case["lab2cname"]])

    def classnames(self, case):
        return [name for _, name in sorted(self.data["lab2cnames"][case["lab2cname"]])]

    def new_root(self, dst, mode):
        """Make a fresh fake root for cases of this mode; returns the dataset
        folder."""
        seed = self.data["generator_seed"]
        base = make_root(dst, self.dataset, seed, split_json=mode == "json")
        if root_digest(base) != self.data["root_digest"][mode]:
            raise RuntimeError(
                "the generator no longer makes the root that the golden file of "
                f"{self.dataset} was recorded on"
            )
        return base


def root_digest(base):
    """A digest of the file names below a folder and of its text files."""
    digest = hashlib.sha256()
    files = []
    for folder, _, names in os.walk(base):
        for name in names:
            path = os.path.join(folder, name)
            files.append((os.path.relpath(path, base).replace(os.sep, "/"), path))
    for rel, path in sorted(files):
        digest.update(rel.encode() + b"\n")
        if rel.endswith((".txt", ".json")):
            with open(path, "rb") as file:
                digest.update(file.read())
    return digest.hexdigest()


def as_items(data_source, root):
    """Reduce items to (path below the data root, label, classname)."""
    if data_source is None:
        return None
    root = os.path.abspath(root)
    out = []
    for item in data_source:
        path = os.path.relpath(item.impath, root).replace(os.sep, "/")
        out.append((path, item.label, item.classname))
    return out


def compare(golden, case, dataset, root, lenient=False):
    """Differences between a built dataset and one golden case.

    lenient: where the reference depends on the order in which the file system
    lists a folder, ask only for what does not (the same items in any order, or
    the same number of items for each class).
    """
    errors = []
    for split in SPLITS:
        got = as_items(getattr(dataset, split), root)
        want = golden.items(case[split])
        listing = case["listing"][split] if lenient else "exact"
        if got is not None and want is not None:
            if listing == "set":
                got, want = sorted(got), sorted(want)
            elif listing == "none":
                got, want = (sorted(x[1:] for x in items) for items in (got, want))
        if got != want:
            errors.append(f"{split}: {first_difference(got, want)}")
    for name, want in (
        ("num_classes", case["num_classes"]),
        ("classnames", golden.classnames(case)),
        ("lab2cname", golden.lab2cname(case)),
    ):
        got = getattr(dataset, name)
        if got != want:
            errors.append(f"{name}: got {str(got)[:200]}, want {str(want)[:200]}")
    return errors


def first_difference(got, want):
    if got is None or want is None:
        return f"got {'nothing' if got is None else 'items'}, want the opposite"
    for i, (a, b) in enumerate(zip(got, want, strict=False)):
        if a != b:
            return f"item {i}: got {a}, want {b}"
    return f"got {len(got)} items, want {len(want)}"


def describe(case):
    return "{mode}, {num_shots} shots, {subsample}, seed {seed}".format(**case)


class Rewinder:
    """Remembers the files of a root, so that new ones can be taken away."""

    def __init__(self, base):
        self.base = base
        self.before = self.listing()

    def listing(self):
        found = set()
        for folder, folders, files in os.walk(self.base):
            found.update(os.path.join(folder, name) for name in folders + files)
        return found

    def created(self):
        """New files and folders, relative to the data root."""
        parent = os.path.dirname(self.base)
        out = []
        for path in sorted(self.listing() - self.before):
            rel = os.path.relpath(path, parent).replace(os.sep, "/")
            out.append(rel + "/" if os.path.isdir(path) else rel)
        return out

    def rewind(self):
        for path in sorted(self.listing() - self.before):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.remove(path)


def check(golden_file, build, workdir, lenient=False, sequences=True):
    """Run all cases of a golden file; returns a list of error messages.

    Each case gets a fresh root (made once for each mode; whatever a case wrote
    is taken away again).  The steps of a sequence share one root.  All is
    written below `workdir`, in folders that are removed at the end.
    """
    golden = Golden.load(golden_file)
    errors = []
    jobs = []
    for mode in golden.data["modes"]:
        jobs.append((mode, [[c] for c in golden.cases if c["mode"] == mode]))
    if sequences:
        jobs += [(s["mode"], [s["steps"]]) for s in golden.sequences]

    for mode, runs in jobs:
        root = os.path.join(workdir, f"{golden.dataset}-{mode}")
        if os.path.lexists(root):
            raise FileExistsError(root)
        rewinder = Rewinder(golden.new_root(root, mode))
        for steps in runs:
            for case in steps:
                dataset = build(
                    root,
                    golden.dataset,
                    case["num_shots"],
                    case["subsample"],
                    case["seed"],
                )
                for error in compare(golden, case, dataset, root, lenient):
                    errors.append(f"{golden.dataset} ({describe(case)}): {error}")
            rewinder.rewind()
        shutil.rmtree(root)
    return errors
