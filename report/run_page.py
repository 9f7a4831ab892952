"""The page of one run: how it was trained, what it gets right, and what it has learned. One HTML file that needs nothing else."""

import base64
import html
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import runs.folder as run_folder
from promptsrc.clip.text import readable
from promptsrc.inference.images import read_image
from promptsrc.templates import DATASETS, DEFAULT
from report import svg
from report.learned import Confusion, Predictions, Word, confusions, learned_numbers
from report.run import Run

MOST_CLASSES = 40  # on the page: half with the largest gain, half with the largest loss
MOST_CONFUSIONS, MOST_IMAGES = 6, 4
THUMBNAIL = 96  # pixels
COUNTS = 0.01  # an epoch with this weight or more counts in the prompt average
NAMES = {
    "loss": "Loss",
    "loss_ce": "Cross-entropy",
    "loss_scl_text": "Text against CLIP",
    "loss_scl_image": "Image against CLIP",
    "loss_scl_logits": "Logits against CLIP",
    "acc": "Accuracy in training, %",
}
ORDINALS = ("nearest", "2nd", "3rd", "4th", "5th")
PARTS = {"all": "", "base": ", base classes", "new": ", new classes"}
SETTINGS = (
    "DATALOADER.TRAIN_X.BATCH_SIZE",
    "OPTIM.NAME",
    "OPTIM.LR",
    "OPTIM.LR_SCHEDULER",
    "OPTIM.WARMUP_EPOCH",
)
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def page(run: Run) -> str:
    """The whole page."""
    sections = [
        _header(run),
        _training(run),
        _aggregation(run),
        _classes(run),
        _confused(run),
        _words(run),
        _footer(run),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{_text(_title(run))}</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(filter(None, sections))
        + "\n</body></html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{_text(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def _said(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _missing(run: Run, part: str, title: str) -> str:
    """In place of a part: why it isn't there; nothing where it doesn't apply."""
    if part not in run.missing:
        return ""
    return _section(title, f'<p class="missing">Not here: {_text(run.missing[part])}</p>')


def _title(run: Run) -> str:
    if run.cfg is None:
        return run.folder.name
    return f"{run.cfg.TRAINER.NAME} on {_dataset(run)}{PARTS[run.cfg.DATASET.SUBSAMPLE_CLASSES]}"


def _dataset(run: Run) -> str:
    data = run.cfg.DATASET
    own = data.NAME in ("ImageFolder", "CSV")
    return Path(data.ROOT, data.FOLDER).name if own else data.NAME


def _header(run: Run) -> str:
    facts = "".join(
        f"<div{' class=first' if i == 0 else ''}><b>{_text(value)}</b><span>{_text(what)}</span></div>"
        for i, (value, what) in enumerate(_facts(run))
    )
    settings = "".join(
        f"<div><dt>{_text(key)}</dt><dd>{_text(value)}</dd></div>"
        for key, value in _settings(run).items()
    )
    listed = f'<dl class="settings">{settings}</dl>' if settings else ""
    return f'<header><h1>{_text(_title(run))}</h1>\n{_said(_origin(run))}\n<div class="facts">{facts}</div>\n{listed}</header>'


def _origin(run: Run) -> str:
    if run.cfg is None:
        return f"{run.folder}: a log without {run_folder.NAME}"
    shots, seed = run.cfg.DATASET.NUM_SHOTS, run.cfg.SEED
    said = [f"CLIP {run.cfg.MODEL.BACKBONE.NAME}"]
    if run.trains and shots > 0:
        said.append(f"{shots} training image{'s' * (shots > 1)} a class")
    said += [f"seed {seed}"] if seed >= 0 else []
    said += [f"tested with the prompts of {run.trained_in}"] if run.trained_in else []
    return ", ".join(said)


def _facts(run: Run) -> Iterable[tuple[str, str]]:
    """The few numbers of a run, with what they are."""
    found, lines = run.predictions, run.history.lines
    accuracy = run.accuracy
    if accuracy is None and found:
        accuracy = 100 * np.mean(found.shown == found.labels)
    yield ("–" if accuracy is None else f"{accuracy:.1f} %"), f"accuracy{_of_images(found)}"
    if found and found.trained is not None:
        yield (
            f"{100 * np.mean(found.zero_shot == found.labels):.1f} %",
            "zero-shot CLIP, same images",
        )
    if lines:
        done, of = run.history.epochs_done, lines[-1].epochs
        yield (f"{done}" if done == of else f"{done} of {of}"), "epochs"
        yield _duration(run.history.seconds), "of training"
    if run.state:
        yield f"{learned_numbers(run.state):,}", "learned numbers"


def _of_images(found: Predictions | None) -> str:
    return f" on {len(found.labels):,} test images" if found else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )


def _settings(run: Run) -> dict[str, object]:
    """Keys of the method and of its optimizer, as one would set them."""
    if run.cfg is None or not run.trains:
        return {}
    values = run_folder.plain(run.cfg)
    nodes = [f"TRAINER.{run.cfg.TRAINER.NAME.upper()}."] + [
        "REGULATION."
    ] * run.cfg.REGULATION.ENABLED
    keys = [*(key for node in nodes for key in values if key.startswith(node)), *SETTINGS]
    return {key.removeprefix(nodes[0]): values[key] for key in keys if values[key] != ""}


def _training(run: Run) -> str:
    history = run.history
    if not history.lines:
        nothing = (
            "There is nothing to train." if not run.trains else "The log has no lines of training."
        )
        return _section("Training", _said(nothing))
    said = "A dot is one batch, the line the mean over an epoch, up to the value beside the name."
    if run.weights:
        said += (
            " “Against CLIP” are the distances from the frozen CLIP, with their weight in the loss."
        )
    if run.trained_in:
        said += f" From the log of {run.trained_in}."
    figures = [_curve(run, name) for name in history.names]
    if history.validation:
        figures.append(_validation(run))
    return _section(
        "Training",
        _said(said),
        f'<div class="panels">{"".join([*figures, _learning_rate(run)])}</div>',
    )


def _curve(run: Run, name: str) -> str:
    means = run.history.means(name)
    drawing = svg.curve(
        run.history.values(name),
        means,
        _epochs(run),
        _text(name),
        top=100 if name == "acc" else None,
    )
    return _figure(NAMES.get(name, name), name, means[-1][1], drawing)


def _validation(run: Run) -> str:
    points = [(float(epoch), value) for epoch, value in sorted(run.history.validation.items())]
    drawing = svg.curve([], points, _epochs(run), "accuracy on validation", top=100)
    return _figure("Validation accuracy, %", "val/accuracy", points[-1][1], drawing)


def _learning_rate(run: Run) -> str:
    points = [(line.at, line.lr) for line in run.history.lines]
    return _figure(
        "Learning rate",
        "lr",
        points[-1][1],
        svg.curve([], points, _epochs(run), "learning rate", steps=True),
    )


def _epochs(run: Run) -> int:
    return run.history.lines[-1].epochs


def _figure(title: str, name: str, last: float, drawing: str) -> str:
    code = f" <code>{_text(name)}</code>" if name and name != title else ""
    return f"<figure><figcaption><h3>{_text(title)}{code}</h3><b>{svg.number(last)}</b></figcaption>{drawing}</figure>"


def _aggregation(run: Run) -> str:
    title = "Prompt average over the epochs"
    if not run.weights:
        return _missing(run, "weights", title)
    counted = [epoch for epoch, weight in enumerate(run.weights, 1) if weight >= COUNTS]
    peak = max(run.weights)
    said = (
        f"The tested prompts are the average of those at the end of each epoch; epochs {_spans(counted)} count "
        f"(1 % or more), epoch {run.weights.index(peak) + 1} most ({100 * peak:.1f} %)."
    )
    if run.epoch is not None and run.epoch < len(run.weights):
        said += f" This run is at epoch {run.epoch}: its prompts are not averaged yet."
    bars = "".join(
        _bar(epoch, weight, peak, len(run.weights)) for epoch, weight in enumerate(run.weights, 1)
    )
    return _section(
        title, _said(said), f'<div class="bars">{bars}</div>', _said("Weight in percent, by epoch.")
    )


def _bar(epoch: int, weight: float, peak: float, epochs: int) -> str:
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if epochs / step <= 10)
    label = epoch if epoch % every == 0 else ""
    counts = weight >= COUNTS
    value = f"<small>{100 * weight:.0f}</small>" if counts and epochs <= 30 else ""
    height = f'<i style="height:{86 * weight / peak:.2f}%"></i>'
    return (
        f'<div title="epoch {epoch}: {100 * weight:.3g} %"{"" if counts else " class=out"}>'
        f'<div class="room">{value}{height}</div><div class="under">{label}</div></div>'
    )


def _spans(numbers: list[int]) -> str:
    """1, 2, 3, 7 as `1–3, 7`."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and n == spans[-1][-1] + 1:
            spans[-1].append(n)
        else:
            spans.append([n])
    return ", ".join(f"{span[0]}–{span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans)


def _classes(run: Run) -> str:
    title, found = "Accuracy by class", run.predictions
    if found is None:
        return _missing(run, "classes", title)
    ours, plain = found.by_class(found.shown), found.by_class(found.zero_shot)
    order = [c for c in np.lexsort((ours, ours - plain))[::-1].tolist() if not np.isnan(ours[c])]
    rows = [_class_row(found, c, ours[c], plain[c]) for c in order]
    if len(rows) > MOST_CLASSES:
        half, left = MOST_CLASSES // 2, len(rows) - MOST_CLASSES
        rows = [
            *rows[:half],
            _said(f"… {left} classes between these and those below …"),
            *rows[-half:],
        ]
    scale = "".join(f'<span style="left:{t}%">{t}</span>' for t in (0, 25, 50, 75, 100))
    head = (
        f'<div class="head"><span></span><div class="track axis">{scale}</div><span>%</span><span>'
    )
    head += "</span></div>" if found.trained is None else "change</span></div>"
    return _section(
        title, _legend(run), *_doubt(run), f'<div class="classes">{head}{"".join(rows)}</div>'
    )


def _legend(run: Run) -> str:
    template = DATASETS.get(run.cfg.DATASET.NAME, DEFAULT)
    ring = f'<span class="key"><i class="ring"></i></span>zero-shot CLIP with “{_text(template)}”'
    if run.predictions.trained is None:
        return f"<p>{ring}. Behind a name the number of its test images.</p>"
    dot = f'<span class="key"><i class="dot"></i></span>{_text(run.cfg.TRAINER.NAME)}'
    return (
        f"<p>{ring}, {dot}; sorted by the change. Behind a name the number of its test images.</p>"
    )


def _doubt(run: Run) -> list[str]:
    """Whether these images are those of the log."""
    found = run.predictions
    here = 100 * np.mean(found.shown == found.labels)
    if run.accuracy is None or abs(here - run.accuracy) < 0.1:
        return []
    told = f"The log says {run.accuracy:.1f} %, the images that are here give {here:.1f} %: the data, the device or the"
    return [f'<p class="missing">{told} checkpoint is another one.</p>']


def _class_row(found: Predictions, label: int, ours: float, plain: float) -> str:
    name = f"{_text(readable(found.classnames[label]))} <small>{found.totals[label]}</small>"
    marks = f'<i class="ring" style="left:{plain:.1f}%"></i>'
    change = ""
    if found.trained is not None:
        down = " down" if ours < plain else ""
        low, high = sorted((ours, plain))
        marks = (
            f'<i class="change{down}" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>{marks}'
        )
        marks += f'<i class="dot" style="left:{ours:.1f}%"></i>'
        colour = "up" if ours > plain else "down-text" if down else ""
        change = f'<span class="{colour}">{_signed(ours - plain)}</span>'
    return (
        f'<div><span class="name">{name}</span><div class="track">{marks}</div><span>{ours:.0f}</span>'
        f"{change or '<span></span>'}</div>"
    )


def _signed(difference: float) -> str:
    return f"{difference:+.0f}".replace("-", "−") if round(difference) else "0"


def _confused(run: Run) -> str:
    found = run.predictions
    if found is None:
        return ""
    worst = confusions(found)[:MOST_CONFUSIONS]
    if not worst:
        return _section(
            "What is taken for what", _said("No test image is taken for another class.")
        )
    cards = "".join(_card(found, confusion) for confusion in worst)
    return _section(
        "What is taken for what",
        _said("The most frequent confusions, with some of the images."),
        f'<div class="confusions">{cards}</div>',
    )


def _card(found: Predictions, confusion: Confusion) -> str:
    true, predicted = (
        readable(found.classnames[label]) for label in (confusion.true, confusion.predicted)
    )
    said = f"{len(confusion.images)} of {found.totals[confusion.true]}"
    if found.trained is not None:
        alike = (found.labels == confusion.true) & (found.zero_shot == confusion.predicted)
        said += f"; zero-shot CLIP: {alike.sum()}"
    images = "".join(_thumbnail(found.paths[i]) for i in confusion.images[:MOST_IMAGES])
    return (
        f"<figure><h3>{_text(true)} <span class=down-text>taken for</span> {_text(predicted)}</h3>{_said(said)}"
        f'<div class="thumbs">{images}</div></figure>'
    )


def _thumbnail(path: str) -> str:
    image, out = read_image(path), io.BytesIO()
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    image.save(out, "JPEG", quality=82)
    name = _text(Path(path).name)
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}" alt="{name}" title="{name}">'


def _words(run: Run) -> str:
    title = "Words near the learned text vectors"
    if not run.words:
        none = run.state and "words" not in run.missing
        return (
            _section(title, _said("It learns no vectors among words."))
            if none
            else _missing(run, "words", title)
        )
    said = (
        f"Tokens of CLIP with the nearest embeddings, and their Euclidean distance; two words are {run.apart:.2f} apart "
        "(median). “…” marks the beginning of a word. Only vectors of the first layer stand among words: deeper ones take "
        "the place of states inside the text tower, not of words."
    )
    if run.cfg.TRAINER.NAME == "CoCoOp":
        said += " CoCoOp shifts them for each image; these are the vectors before that."
    if len(run.words) == 1:
        table = _word_table(
            ["vector", *ORDINALS], {str(n): words for n, words in enumerate(run.words[0], 1)}
        )
    else:
        contexts = {
            _class_of_context(run, i): [word for (word,) in context]
            for i, context in enumerate(run.words)
        }
        table = _word_table(
            ["class", *(f"vector {n}" for n in range(1, len(run.words[0]) + 1))], contexts
        )
    return _section(title, _said(said), f'<div class="wide">{table}</div>')


def _class_of_context(run: Run, index: int) -> str:
    return readable(run.predictions.classnames[index]) if run.predictions else f"class {index + 1}"


def _word_table(header: list[str], rows: dict[str, list[Word]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join(
        f"<tr><th>{_text(name)}</th>{''.join(map(_word, words))}</tr>"
        for name, words in rows.items()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _word(word: Word) -> str:
    return f"<td>{_text(word.text)}<small>{word.distance:.3f}</small></td>"


def _footer(run: Run) -> str:
    said = [f"Run: {run.folder}"]
    if run.checkpoint:
        said.append(
            f"checkpoint: {run.checkpoint.parent.name}/{run.checkpoint.name}, epoch {run.epoch}"
        )
    return f"<footer>{_said('; '.join(said) + '. Made by python -m report.')}</footer>"
