"""Which datasets are ready, and what to do about the others: python -m datasets.check"""
