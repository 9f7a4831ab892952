"""Where CLIP's weights come from: names, files and their layouts, downloads, the bundled model."""
