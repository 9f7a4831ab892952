from dassl.data.datasets.build import DATASET_REGISTRY
from dassl.data.datasets.dg.digits_dg import DigitsDG


@DATASET_REGISTRY.register()
class OfficeHomeDG(DigitsDG):
    """OfficeHome in two parts: office_home_dg/<domain>/train and val/<class>/*.jpg."""

    dataset_dir = "office_home_dg"
    domains = ["art", "clipart", "product", "real_world"]
    data_url = "https://drive.google.com/uc?id=1gkbf_KaxoBws-GWT3XIPZ7BnkqbAxIFa"
