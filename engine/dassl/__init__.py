"""Dassl's public interface for supervised plug-ins, on current PyTorch."""
