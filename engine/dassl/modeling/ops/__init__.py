from dassl.elsewhere import names_of
from dassl.modeling.ops.mixstyle import (
    MixStyle,
    activate_mixstyle,
    crossdomain_mixstyle,
    deactivate_mixstyle,
    random_mixstyle,
    run_with_mixstyle,
    run_without_mixstyle,
)
from dassl.modeling.ops.reverse_grad import ReverseGrad

__all__ = [
    "MixStyle",
    "ReverseGrad",
    "activate_mixstyle",
    "crossdomain_mixstyle",
    "deactivate_mixstyle",
    "random_mixstyle",
    "run_with_mixstyle",
    "run_without_mixstyle",
]

__getattr__ = names_of(__name__)
