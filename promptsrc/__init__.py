"""PromptSRC: prompts that adapt a frozen CLIP without making it forget (ICCV 2023, arXiv 2307.06948)."""
