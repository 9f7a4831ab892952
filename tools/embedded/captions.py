"""Captions for pre-training: a drawing's class, its name, its name and class, or its tags."""

import random

from promptsrc.templates import TEACHER
from tools.embedded.concepts import CLASSES, concept_of, concepts

SHORT = (
    "{}",
    "a {}",
    "a drawing of a {}.",
    "a photo of a {}.",
    "an icon of a {}.",
    "a picture of a {}.",
    "emoji of a {}.",
)

# What a folder of clip art, or a group of emoji outside our classes, is called in captions.
GROUPS = {
    "bugs": "insect",
    "birds": "bird",
    "penguin": "bird",
    "mammals": "mammal",
    "big cats": "mammal",
    "housecats": "mammal",
    "horses": "mammal",
    "bears": "mammal",
    "dogs": "mammal",
    "fish": "sea animal",
    "fruit": "fruit",
    "vegetables": "vegetable",
    "desserts": "dessert",
    "beverages": "drink",
    "alcohol": "drink",
    "meats and eggs": "meal",
    "breads and carbs": "meal",
    "flowers": "flower",
    "trees": "plant",
    "evergreen": "plant",
    "plants": "plant",
    "homes": "building",
    "buildings": "building",
    "vehicles": "road vehicle",
    "hummers": "road vehicle",
    "clothing": "clothing",
    "music": "musical instrument",
    "sports": "sports equipment",
    "toys": "toy",
    "tools": "tool",
    "bodypart": "body part",
    "books": "document",
    "electronics": "electronic device",
    "telephone": "electronic device",
    "furniture": "household item",
    "hats": "hat",
    "weapons": "weapon",
    "boating": "boat",
    "smilies": "face",
    "animal-mammal": "mammal",
    "animal-bird": "bird",
    "animal-bug": "insect",
    "animal-marine": "sea animal",
    "animal-reptile": "reptile",
    "food-fruit": "fruit",
    "food-vegetable": "vegetable",
    "place-building": "building",
    "place-religious": "building",
    "musical-instrument": "musical instrument",
    "plant-flower": "flower",
    "plant-other": "plant",
    "drink": "drink",
    "dishware": "household item",
    "household": "household item",
    "tool": "tool",
    "sport": "sports equipment",
    "body-parts": "body part",
    "transport-water": "boat",
    "transport-air": "aircraft",
    "face-concerned": "sad face",
    "face-smiling": "happy face",
    "person-sport": "athlete",
    "person-fantasy": "fantasy character",
    "cat-face": "cat face",
    "time": "clock",
    "country-flag": "flag",
    "computer": "electronic device",
    "phone": "electronic device",
    "book-paper": "document",
}


# Where tags are other names of the whole picture.
NAMED_BY_TAGS = ("clothes", "digits", "letters")


class Captions:
    """Draws captions for the pictures of a list."""

    def __init__(self, rows: list[dict]):
        class_of = {
            concept: name for name in CLASSES for group in concepts(name) for concept in group
        }
        self.groups = [
            class_of.get(concept_of(row["label"])) or GROUPS.get(row["subgroup"]) for row in rows
        ]
        self.in_class = [group in CLASSES for group in self.groups]
        self.rows = rows

    def draw(self, i: int, rng: random.Random) -> str:
        """A caption of picture i; half of them only name its group, if it has one."""
        row, group = self.rows[i], self.groups[i]
        template = rng.choice(SHORT if rng.random() < 0.5 else TEACHER)
        if row["source"] in NAMED_BY_TAGS:
            return template.replace("{}", rng.choice(row["tags"]))
        label = row["label"].replace(":", "").lower()
        names = [label] if label else []
        if label and group:
            names.append(f"{label}, {group}")
        if row["tags"]:
            names.append(" ".join(rng.sample(row["tags"], min(3, len(row["tags"])))))
        bare = group and (not names or rng.random() < 0.5)
        name = group if bare else (rng.choice(names) if names else row["subgroup"])
        return template.replace("{}", name)
