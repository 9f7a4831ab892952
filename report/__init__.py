"""Tables of the results in an output folder, and reports of runs: python -m report FOLDER"""
