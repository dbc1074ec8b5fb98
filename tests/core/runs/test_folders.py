"""Where runs lie."""

from pathlib import Path

from core.runs import folders


def test_the_user_s_runs_lie_beside_the_shipped_ones_or_where_a_variable_says(tmp_path, monkeypatch):
    monkeypatch.delenv("NOVELTY_CHECKPOINTS", raising=False)
    assert folders.root() == folders.PROJECT / "checkpoints" == folders.shipped_root().parent
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "a" / ".." / "mine"))
    assert folders.root() == tmp_path / "mine" and folders.shipped_root().is_dir()


def test_the_project_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (folders.PROJECT / "streamlit_app.py").is_file() and Path(folders.PROJECT).is_absolute()
