"""Folders as runs leave them, and a reader of the reports."""

from html.parser import HTMLParser

from runs import layout

TINY = "vit_t8_c2_ep20_batch4_4+4ctx"
TRAINING = "Finish training\n=> result\n* accuracy: {}%\n"
TEST = "=> result\n* accuracy: {}%\n"


def put(output, folder, accuracy, log=TRAINING):
    """The log of a run."""
    (output / folder).mkdir(parents=True)
    (output / folder / "log.txt").write_text(log.format(accuracy))


def base_new(output, dataset, seed, base, new, trainer="PromptSRC", config=TINY):
    """A run on base classes with its test on new ones."""
    tail = (dataset, trainer, config, 16, seed)
    put(output, layout.base2new("train_base", *tail), base)
    put(output, layout.base2new("test_new", *tail), new, TEST)


class Page(HTMLParser):
    """A page whose tags are closed in order: its tags, its text, and what it refers to."""

    def __init__(self, content):
        super().__init__()
        self.open, self.tags, self.references, self.text = [], [], [], []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [
            value for name, value in attributes if name in ("src", "href", "xlink:href")
        ]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data.strip())
