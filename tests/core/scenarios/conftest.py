import numpy as np
import pytest


@pytest.fixture
def mnist(data_root, monkeypatch) -> None:
    monkeypatch.setenv("NOVELTY_DATA", str(data_root))


@pytest.fixture
def grouped(tmp_path, monkeypatch) -> str:
    """A set whose images come in tracks of 1 to 12: two classes of 300 images, a third of 100; no official test set."""
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path))
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [300, 300, 100])
    tracks = np.concatenate([100 * c + np.sort(rng.integers(0, n // 6, n)) for c, n in enumerate((300, 300, 100))])
    tracks[::50] = -1  # some images have no track
    np.savez(
        tmp_path / "tracks.npz",
        train_images=rng.integers(0, 256, (700, 8, 8), np.uint8),
        train_labels=labels,
        train_groups=tracks,
        class_names=np.array(["red", "green", "blue"]),
    )
    return "tracks"
