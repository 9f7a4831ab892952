"""Images with their labels, and datasets of them."""

import os.path as osp
import random
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence

from dassl.elsewhere import names_of
from dassl.utils.checks import NotAllowed
from dassl.utils.tools import check_isfile, download_url

__getattr__ = names_of(__name__)


class Datum:
    """One image: path, label, domain and class name, all read-only.

    The attribute names are those in Dassl.pytorch's pickled caches.

    Raises:
        AssertionError: the path is not a string, or there is no such file.
    """

    def __init__(self, impath: str = "", label: int = 0, domain: int = 0, classname: str = ""):
        assert isinstance(impath, str), f"impath must be a string, not {type(impath).__name__}"
        assert check_isfile(impath), f"no image at {impath}"
        self._impath = impath
        self._label = label
        self._domain = domain
        self._classname = classname

    @property
    def impath(self) -> str:
        return self._impath

    @property
    def label(self) -> int:
        return self._label

    @property
    def domain(self) -> int:
        return self._domain

    @property
    def classname(self) -> str:
        return self._classname


class DatasetBase:
    """Lists of items; classes and their names are those of the training items.

    Raises:
        ValueError: there are no training items.
    """

    dataset_dir = ""  # folder in DATASET.ROOT
    domains: Sequence[str] = ()

    def __init__(
        self,
        train_x: list[Datum] | None = None,
        train_u: list[Datum] | None = None,
        val: list[Datum] | None = None,
        test: list[Datum] | None = None,
    ):
        if not train_x:
            raise ValueError("a dataset without training items (train_x) has no classes; add some")
        self._train_x, self._train_u, self._val, self._test = train_x, train_u, val, test
        self._num_classes = self.get_num_classes(train_x)
        self._lab2cname, self._classnames = self.get_lab2cname(train_x)

    @property
    def train_x(self) -> list[Datum] | None:
        return self._train_x

    @property
    def train_u(self) -> list[Datum] | None:
        return self._train_u

    @property
    def val(self) -> list[Datum] | None:
        return self._val

    @property
    def test(self) -> list[Datum] | None:
        return self._test

    @property
    def num_classes(self) -> int:
        return self._num_classes

    @property
    def lab2cname(self) -> dict[int, str]:
        return self._lab2cname

    @property
    def classnames(self) -> list[str]:
        return self._classnames

    @staticmethod
    def get_num_classes(data_source: Iterable[Datum]) -> int:
        """The highest label plus one."""
        return max(item.label for item in data_source) + 1

    @staticmethod
    def get_lab2cname(data_source: Iterable[Datum]) -> tuple[dict[int, str], list[str]]:
        """Class names by label, and as a list in label order."""
        lab2cname = {item.label: item.classname for item in data_source}
        return lab2cname, [lab2cname[label] for label in sorted(lab2cname)]

    def check_input_domains(
        self, source_domains: Sequence[str], target_domains: Sequence[str]
    ) -> None:
        """
        Raises:
            NotAllowed: none are given.
            ValueError: a domain is not one of `domains`.
        """
        for name, domains in {"SOURCE": source_domains, "TARGET": target_domains}.items():
            if not domains:
                raise NotAllowed(
                    f"DATASET.{name}_DOMAINS is empty; choose from {', '.join(self.domains)}"
                )
            self.is_input_domain_valid(domains)

    def is_input_domain_valid(self, input_domains: Sequence[str]) -> None:
        """
        Raises:
            ValueError: a domain is not one of `domains`.
        """
        for domain in input_domains:
            if domain not in self.domains:
                raise ValueError(f"domain {domain!r} is not one of {', '.join(self.domains)}")

    def download_data(self, url: str, dst: str, from_gdrive: bool = True) -> None:
        """Download a zip or tar archive to `dst` and unpack it in the same folder.

        Raises:
            ValueError: a Google Drive link, an address other than https, neither a zip nor a tar
                archive, or a member that would be written outside the folder.
        """
        if from_gdrive:
            raise ValueError(f"can't download from Google Drive; download {url} to {dst} by hand")
        if not url.startswith("https://"):
            raise ValueError(f"{url} is not an https address; download it to {dst} by hand")
        download_url(url, dst)
        folder = osp.dirname(dst)
        if zipfile.is_zipfile(dst):
            with zipfile.ZipFile(dst) as archive:
                archive.extractall(folder)
        elif tarfile.is_tarfile(dst):
            try:
                with tarfile.open(dst) as archive:
                    archive.extractall(folder, filter="data")
            except tarfile.FilterError as error:
                raise ValueError(
                    f"a member of {dst} is outside {folder} or not a file ({error})"
                ) from None
        else:
            raise ValueError(f"{dst} is neither a zip nor a tar archive")

    def generate_fewshot_dataset(
        self, *data_sources: list[Datum], num_shots: int = -1, repeat: bool = False
    ) -> list[Datum] | list[list[Datum]]:
        """`num_shots` random items per class of each source; below 1, the sources unchanged.

        Classes keep the order of their first items. A class with fewer items gives all of them, or
        with `repeat` draws with replacement. For one source the result is one list.
        """
        if num_shots >= 1:
            print(f"Creating a {num_shots}-shot dataset")
            data_sources = tuple(
                self._few_shots(source, num_shots, repeat) for source in data_sources
            )
        return data_sources[0] if len(data_sources) == 1 else list(data_sources)

    def _few_shots(self, source: list[Datum], num_shots: int, repeat: bool) -> list[Datum]:
        chosen: list[Datum] = []
        for items in self.split_dataset_by_label(source).values():
            if len(items) >= num_shots:
                chosen += random.sample(items, num_shots)
            else:
                chosen += random.choices(items, k=num_shots) if repeat else items
        return chosen

    def split_dataset_by_label(self, data_source: Iterable[Datum]) -> dict[int, list[Datum]]:
        """Items by label, labels in first-seen order."""
        return _grouped(data_source, "label")

    def split_dataset_by_domain(self, data_source: Iterable[Datum]) -> dict[int, list[Datum]]:
        """Items by domain, domains in first-seen order."""
        return _grouped(data_source, "domain")


def _grouped(items: Iterable[Datum], attribute: str) -> dict[int, list[Datum]]:
    groups: dict[int, list[Datum]] = defaultdict(list)
    for item in items:
        groups[getattr(item, attribute)].append(item)
    return groups
