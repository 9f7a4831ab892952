from dassl.elsewhere import names_of
from dassl.engine.ssl.fixmatch import FixMatch

__all__ = ["FixMatch"]

__getattr__ = names_of(__name__)
