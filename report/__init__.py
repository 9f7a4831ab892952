"""Tables and a page of what an output folder holds, next to the numbers of the papers: python -m report OUTPUT"""
