"""Programs below a folder that only root may enter are copied to where their account may."""

import os

import pytest

from forecast_assets.stores import programs


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's server is the user")
def test_programs_behind_a_closed_folder_are_copied_once_and_nothing_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_COPIES", tmp_path / "copies")
    package = tmp_path / "closed" / "package"
    package.mkdir(parents=True)
    package.parent.chmod(0o700)
    (package / "program").write_text("x")
    copied = programs.enterable(package)
    assert (copied / "program").read_text() == "x"
    assert programs.enterable(package) == copied
    assert package.parent.stat().st_mode & 0o777 == 0o700
