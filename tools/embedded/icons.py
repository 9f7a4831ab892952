"""Icons of things from Iconify's collection: coloured ones, and ones of one colour."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tools.embedded.emoji import icons, names
from tools.embedded.packages import member, npm
from tools.embedded.pictures import Drawing, rendered

PACKAGE = "@iconify/json@2.2.535"
COLOURED = (
    "flat-color-icons",
    "glyphs-poly",
    "icon-park",
    "meteocons",
    "streamline-color",
    "streamline-emojis",
    "streamline-freehand-color",
    "streamline-kameleon-color",
    "streamline-plump-color",
    "streamline-stickies-color",
    "streamline-ultimate-color",
)
MONO = (
    "fa7-solid",
    "game-icons",
    "healthicons",
    "hugeicons",
    "lucide",
    "maki",
    "mdi",
    "ph",
    "pinhead",
    "tabler",
    "temaki",
)
# Words of a name that say how an icon is drawn.
STYLES = """
alt big bold color duo duotone fill filled flat large light line negative off outline outlined
regular small solid circle square thin variant
"""
MORE_THINGS = """
apron backpack bag belt blazer blouse boot boots cap cardigan coat dress flip flops gown handbag hat
heel heels hoodie jacket jeans jumper pants polo pullover purse raincoat sandal sandals scarf shirt
shoe shoes shorts skirt slipper slippers sneaker sneakers sock socks suit sweater sweatshirt
swimsuit tie top trousers tshirt underwear vest waistcoat
"""
SUBGROUPS = ("animal-", "plant-", "food-", "drink", "dishware", "place-", "transport-", "sky-",
             "sport", "game", "arts-", "clothing", "musical-", "phone", "computer", "light-",
             "book-", "household", "tool", "science", "medical", "weapon", "office")  # fmt: skip


def objects(work: Path) -> Iterator[tuple[Drawing, Image.Image]]:
    """Icons whose name ends with the word for a thing, such as `pickup-truck`."""
    styles = STYLES.split()
    things = set(MORE_THINGS.split()) | {
        re.findall(r"[a-z]+", drawing.label.lower())[-1]
        for drawing in names(work).values()
        if drawing.subgroup.startswith(SUBGROUPS)
    }
    package = npm(work, PACKAGE)
    for collection in (*COLOURED, *MONO):
        seen = set()
        for name, svg in icons(json.loads(member(package, f"json/{collection}.json"))):
            words = [word for word in re.findall(r"[a-z]+", name) if word not in styles]
            label = " ".join(words)
            if not 1 <= len(words) <= 3 or words[-1] not in things or label in seen:
                continue
            seen.add(label)
            mono = collection in MONO
            yield Drawing(source=collection, label=label, mono=mono), rendered(svg)
