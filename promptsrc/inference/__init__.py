"""Using what was trained: prompt files, classifying images, exports, the hub."""
