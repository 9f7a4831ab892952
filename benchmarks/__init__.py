"""Speed and memory, ours and the plain implementation's. Results: RESULTS.md."""
