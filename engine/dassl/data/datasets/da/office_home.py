from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.da.office31 import Office31


@DATASET_REGISTRY.register()
class OfficeHome(Office31):
    """Venkateswara et al., Deep Hashing Network for Unsupervised Domain Adaptation, CVPR 2017.

    office_home/<domain>/<class>/<image>; class names are in lower case.
    """

    dataset_dir = "office_home"
    domains = ["art", "clipart", "product", "real_world"]
    url = "https://www.hemanthdv.org/officeHomeDataset.html"
    classname = staticmethod(str.lower)
