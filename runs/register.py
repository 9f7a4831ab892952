"""Importing this module makes the names of all datasets and trainers known to Dassl."""

import datasets.register
import trainers.register

__all__ = ["datasets", "trainers"]
