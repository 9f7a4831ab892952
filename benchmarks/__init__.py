"""Speed and memory of ours beside the textbook way of doing it. Results: RESULTS.md."""
