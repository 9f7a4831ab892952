"""Datasets for domain generalisation: the target domains are only tested on."""

from dassl.data.datasets.dg.digits_dg import DigitsDG
from dassl.data.datasets.dg.office_home_dg import OfficeHomeDG
from dassl.data.datasets.dg.pacs import PACS
from dassl.data.datasets.dg.vlcs import VLCS
from dassl.elsewhere import names_of

__all__ = ["PACS", "VLCS", "DigitsDG", "OfficeHomeDG"]

__getattr__ = names_of(__name__)
