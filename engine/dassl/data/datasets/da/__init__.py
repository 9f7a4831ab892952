"""Datasets for domain adaptation: the target domains are also unlabelled training data."""

from dassl.data.datasets.da.office31 import Office31
from dassl.data.datasets.da.office_home import OfficeHome
from dassl.data.datasets.da.visda17 import VisDA17
from dassl.elsewhere import names_of

__all__ = ["Office31", "OfficeHome", "VisDA17"]

__getattr__ = names_of(__name__)
