from dassl.elsewhere import names_of
from dassl.engine.dg.vanilla import Vanilla

__all__ = ["Vanilla"]

__getattr__ = names_of(__name__)
