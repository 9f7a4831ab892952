"""The table: what worked, and whose failure the rest is."""

from dataclasses import dataclass

from tools.plugins.tryout import CELLS, Result

HEAD = ("repository", "commit", "trainer", "train", "new classes", "resume", "note")


@dataclass
class Row:
    """One trainer's results here and, where it was asked for, on Dassl.pytorch."""

    repository: str
    commit: str
    trainer: str
    here: Result
    there: Result | None = None

    @property
    def failures(self) -> list[str]:
        return [cell for cell in CELLS if getattr(self.here, cell) == "no"]

    @property
    def ours(self) -> bool:
        """Whether something fails here that does not fail there, or nobody looked there."""
        there = self.there or Result()
        return any(getattr(there, cell) != "no" for cell in self.failures)

    @property
    def note(self) -> str:
        notes = []
        if self.here.failed:
            notes.append(f"`{self.here.failed.error[:160]}`")
            if self.there:
                notes.append("works on Dassl.pytorch" if self.ours else "fails there too")
        elif self.there and self.there.failed:
            notes.append(f"on Dassl.pytorch: `{self.there.failed.error[:160]}`")
        if self.there and self.here.train == self.there.train == "yes":
            notes.append(compared(self.here.trained.losses, self.there.trained.losses))
        if not self.here.repeats:
            notes.append("two trainings with one seed differ")
        elif self.here.resume == "yes" and not self.here.exact:
            notes.append("resumes with other losses")
        if self.here.redirected:
            notes.append("CUDA calls kept on the CPU")
        return "; ".join(filter(None, notes))

    @property
    def cells(self) -> tuple[str, ...]:
        results = (getattr(self.here, cell) for cell in CELLS)
        return (self.repository, self.commit, self.trainer, *results, self.note.replace("|", "\\|"))


def compared(here: list[dict], there: list[dict]) -> str:
    """How far two sequences of losses are apart."""
    if not here or not there:  # of trainers that only test
        return ""
    if repr(here) == repr(there):  # NaN is itself
        return "losses equal bit for bit"
    if [fact["losses"].keys() for fact in here] != [fact["losses"].keys() for fact in there]:
        return "other losses"
    gaps = [
        abs(value - b["losses"][name])
        for a, b in zip(here, there, strict=True)
        for name, value in a["losses"].items()
    ]
    return f"losses within {max(gaps):.1e}"


def table(rows: list[Row]) -> str:
    """In Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
