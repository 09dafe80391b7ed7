"""The page of the playbook: its files, what is wrong with them, and what was in force when."""

from __future__ import annotations

from collections.abc import Sequence

from flask import abort, render_template, request

from dashboard.house import House
from model.errors import Refused
from sync import register
from sync.register import Version

SHOWN = 10  # versions


class PlaybookPages:
    """The files as they are on disk, and whether they are what is in force."""

    def __init__(self, house: House) -> None:
        self.house = house

    def playbook(self) -> str:
        """Show one file, the check, and the newest versions with who signed them off."""
        files = self.house.files()
        name = request.args.get("file", files[0][0] if files else "")
        text = dict(files).get(name)
        if files and text is None:
            abort(404)
        found = self.house.problems()
        return render_template(
            "dashboard/playbook.html",
            files=[one for one, _ in files],
            name=name,
            lines=(text or "").splitlines(),
            problems=found,
            marked={one.at.line for one in found if one.at.file == name},
            version=self.house.playbook().version,
            versions=self._versions(),
            sign_off=self.house.playbook().scoring.sign_off,
        )

    def _versions(self) -> Sequence[Version] | None:
        """Return the newest versions; ``None`` while the store is away: the files are shown all the same."""
        try:
            with self.house.reading() as snapshot:
                return register.newest(snapshot, self.house.space, SHOWN)
        except Refused:
            return None
