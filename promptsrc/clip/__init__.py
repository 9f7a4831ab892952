"""One frozen CLIP: loading, its towers with prompts in between, texts, precision."""
