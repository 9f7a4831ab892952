from setuptools import find_packages, setup

setup(
    name="promptsrc-engine",
    version="0.1.0",
    description="The part of Dassl.pytorch's public interface that supervised plug-ins use, on current PyTorch",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(),
    install_requires=[
        "torch>=2.5",
        "torchvision>=0.20",
        "numpy",
        "pillow",
        "scikit-learn",
        "tabulate",
        "tensorboard",
        "tqdm",
        "yacs",
        "setuptools<81",  # tensorboard imports pkg_resources
    ],
)
