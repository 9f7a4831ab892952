"""What one run is: its configuration, command line, folder, log and result, and lists of runs.

arguments.py     the flags of train.py, and the configuration they make
completed.py     fills in what a command line leaves out: photos, settings, output folder
settings.py      which method file fits a trainer and a backbone
config.py        defaults, configuration files, KEY VALUE pairs
yaml_file.py     reads a YAML file
early.py         what is said before PyTorch is imported: unknown names, missing folders
run.py           one training or test
pack.py          several seeds of a run at once
first_look.py    what the owner of photos reads before and after a training
terminal.py      which lines a terminal shows; the log has all
register.py      makes the names of datasets and trainers known to Dassl
folder.py        its output folder: one process, one configuration, one list of images
items.py         items.json in that folder: class names, and hashes of the images
reading.py       how it reads images, if its configuration does not say
saved_config.py  config.yaml in that folder, compared with other configurations
results.py       its accuracy, read from its log
log.py           its training curve, read from its log
memory.py        the most memory it took, written to its log and read from it
layout.py        which folder is the result of what
job.py           a run that is planned: command line, folder, result
protocols.py     base-to-new, few-shot, cross-dataset, domain generalization as lists of jobs
embedded.py      the default of train.py: base-to-new on a bundled dataset
"""
