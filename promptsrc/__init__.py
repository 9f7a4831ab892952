"""PromptSRC: prompts that adapt a frozen CLIP without making it forget (ICCV 2023, arXiv 2307.06948)."""

import warnings

# clip imports pkg_resources, which announces its end at every start; setup.py pins a setuptools that has it
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
