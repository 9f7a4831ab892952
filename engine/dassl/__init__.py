"""Dassl's public interface for supervised plug-ins, on current PyTorch."""

import sys

from dassl.elsewhere import Finder

__version__ = "0.6.3"  # of the interface: plug-ins print or compare it
sys.meta_path.append(Finder)
