from setuptools import setup

setup(
    name="promptsrc",
    version="0.1.0",
    description="PromptSRC: prompts that adapt a frozen CLIP without making it forget",
    license="MIT",
    python_requires=">=3.10",
    packages=[
        "promptsrc",
        "promptsrc.clip",
        "promptsrc.inference",
        "promptsrc.prompts",
        "promptsrc.weights",
    ],
    package_data={"promptsrc.weights": ["*.safetensors", "README.md"]},
    install_requires=[
        "torch>=2.5",
        "torchvision>=0.20",
        "clip-anytorch==2.6.0",
        "setuptools<81",  # clip imports pkg_resources, which later ones do not have
        "numpy",
        "safetensors",
        "tqdm",
    ],
    extras_require={
        "trainers": [
            "pyyaml",
            "scipy",
            "pillow",
            "yacs",
        ],  # what the checkout runs besides the engine
        "plots": ["matplotlib"],
        "slurm": ["submitit"],
        "open_clip": ["open_clip_torch"],
        "onnx": ["onnx", "onnxruntime", "onnxscript"],
        "hub": ["huggingface_hub"],
        "dev": [
            "pytest",
            "pytest-timeout",
            "ruff",
            "hypothesis",
            "open_clip_torch",
            "transformers",
        ],
    },
)
