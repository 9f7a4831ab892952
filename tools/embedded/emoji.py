"""Emoji of several vendors, with the names and tags of emojibase."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tools.embedded.packages import member, members, npm
from tools.embedded.pictures import Drawing, rendered, square

ICONS = {  # vendor -> npm package of its drawings
    "noto": "@iconify-json/noto@1.2.9",
    "noto-v1": "@iconify-json/noto-v1@1.2.5",
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "emojione": "@iconify-json/emojione@1.2.3",
    "fluent-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "fluent": "@iconify-json/fluent-emoji@1.2.7",
    "fxemoji": "@iconify-json/fxemoji@1.2.2",
    "openmoji": "@iconify-json/openmoji@1.2.29",
    "fluent-high-contrast": "@iconify-json/fluent-emoji-high-contrast@1.2.6",
    "emojione-monotone": "@iconify-json/emojione-monotone@1.2.1",
}
RENDERS = "@lobehub/fluent-emoji-3d@1.1.0"  # in three dimensions
NAMES = "emojibase-data@17.0.0"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def emoji(work: Path) -> Iterator[tuple[Drawing, Image.Image]]:
    """All emoji without skin tones."""
    named = names(work)
    for vendor, package in ICONS.items():
        for name, svg in icons(json.loads(member(npm(work, package), "icons.json"))):
            if drawing := named.get(_slug(name)):
                yield drawing._replace(source=vendor), rendered(svg)
    by_code = {drawing.hexcode.lower(): drawing for drawing in named.values()}
    for name, content in members(npm(work, RENDERS)):
        if drawing := by_code.get(Path(name).stem):
            yield drawing._replace(source="fluent-3d"), square(Image.open(io.BytesIO(content)))


def icons(collection: dict) -> Iterator[tuple[str, str]]:
    """The icons of an Iconify file: name and SVG."""
    size = collection.get("width", 16), collection.get("height", 16)
    for name, icon in collection["icons"].items():
        width, height = icon.get("width", size[0]), icon.get("height", size[1])
        view = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        yield name, f'{SVG} viewBox="{view}">{icon["body"]}</svg>'


def names(work: Path) -> dict[str, Drawing]:
    """What is known of every emoji without skin tone, by slug."""
    package = npm(work, NAMES)
    subgroups = json.loads(member(package, "meta/groups.json"))["subgroups"]
    return {
        _slug(emoji["label"]): Drawing(
            source="",
            label=emoji["label"],
            hexcode=emoji["hexcode"],
            tags=tuple(emoji.get("tags", ())),
            subgroup=subgroups[str(emoji["subgroup"])],
        )
        for emoji in json.loads(member(package, "en/data.json"))
        if "group" in emoji
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("ñ", "n").replace("’", ""))
