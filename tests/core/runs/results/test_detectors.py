import shutil

import numpy as np
import pytest

from core import scenarios
from core.errors import DamagedRun, WrongRequest
from core.runs import files, store
from core.runs.results import detectors


@pytest.fixture
def run(store_with_runs) -> store.Run:
    return store.find("rapp-ae")


@pytest.fixture
def own_run(store_with_runs, tmp_path, monkeypatch) -> store.Run:
    """A copy that a test may damage."""
    shutil.copytree(store_with_runs, tmp_path / "runs")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "runs"))
    return store.find("rapp-ae")


@pytest.mark.parametrize("method", ["rapp-ae", "rapp-vae", "rapp-aae"])
def test_a_loaded_detector_gives_the_scores_that_its_training_stored(store_with_runs, method):
    run = store.find(method)
    test = run.arrays("test", "images")["images"]
    found = detectors.load_detector(run, "cpu").score(test)
    for name in ("reconstruction", "sap", "nap"):
        np.testing.assert_allclose(found[name], run.scores(name), rtol=1e-4)


def test_a_judgement_is_percentile_and_verdict_against_the_normal_validation_images(run):
    test = run.arrays("test", "images")["images"][:40]
    said = detectors.score_images(run, test, device="cpu")
    assert list(said.scores) == ["reconstruction", "sap", "nap"]
    for name, values in said.scores.items():
        reference = run.scores(name, "valid")
        below = (reference[None] < values[:, None]).mean(1) + (reference[None] == values[:, None]).mean(1) / 2
        np.testing.assert_allclose(said.percentiles[name], 100 * below)
        assert said.thresholds[name] == np.quantile(reference, 0.95, method="higher")
        np.testing.assert_array_equal(said.novel(name), said.percentiles[name] > said.marks[name])
    assert said.held_out == len(reference)


def test_the_verdict_at_the_threshold_itself_is_normal(run):
    judge = detectors.load_judge(run, "cpu")
    image = run.arrays("test", "images")["images"][:1]
    score = judge.detector.score(image)["nap"]
    at = detectors.Judge(judge.detector, judge.reference, judge.thresholds | {"nap": float(score[0])})
    assert not at.judge(image).novel("nap")[0]
    below = detectors.Judge(judge.detector, judge.reference, judge.thresholds | {"nap": np.nextafter(score[0], 0)})
    assert below.judge(image).novel("nap")[0]


def test_another_score_or_shape_is_refused(run):
    with pytest.raises(WrongRequest, match="no score 'sharpness'. Choose from reconstruction, sap, nap"):
        detectors.score_images(run, np.zeros((1, 1, 8, 8), np.uint8), ["sharpness"], "cpu")
    with pytest.raises(WrongRequest, match=r"shape \(1, 8, 8\).*not \(3, 8, 8\)"):
        detectors.score_images(run, np.zeros((1, 3, 8, 8), np.uint8), device="cpu")


def test_evaluate_finds_the_metrics_that_the_run_stored(run):
    found = detectors.evaluate(run, "cpu")
    assert found["thresholds"] == pytest.approx(run.about["thresholds"], rel=1e-4)
    for name, metrics in found["metrics"].items():
        for key in ("auroc", "aupr_novel", "f1"):
            assert metrics[key]["value"] == pytest.approx(run.metrics(name)[key]["value"], abs=1e-3)


def test_a_run_without_a_digest_is_not_evaluated_on_other_images_than_it_keeps(own_run):
    about = own_run.about
    older = {name: value for name, value in about["spec"].items() if name != "images"}
    files.write_json(own_run.folder / "run.json", about | {"spec": older})
    assert detectors.evaluate(own_run, "cpu")["thresholds"].keys() == about["thresholds"].keys()
    tested = own_run.arrays("test")
    files.write_arrays(own_run.folder / "test.npz", tested | {"images": tested["images"][::-1]})
    with pytest.raises(WrongRequest, match="have changed since .* was trained"):
        detectors.evaluate(own_run, "cpu")


def test_a_smaller_normal_share_lowers_the_threshold_and_leaves_the_scores(run):
    image = run.arrays("test", "images")["images"][:5]
    usual = detectors.score_images(run, image, device="cpu")
    strict = detectors.score_images(run, image, device="cpu", changes={"normal_share": "0.5"})
    np.testing.assert_array_equal(strict.scores["nap"], usual.scores["nap"])
    np.testing.assert_array_equal(strict.percentiles["nap"], usual.percentiles["nap"])
    assert strict.thresholds["nap"] == np.quantile(run.scores("nap", "valid"), 0.5, method="higher")


def test_another_window_moves_scores_percentiles_and_threshold_together(run):
    task = scenarios.build(run.spec.task)
    window = {"first_layer": 0, "last_layer": 0}
    said = detectors.score_images(run, task.images("test"), ["sap"], "cpu", window)
    np.testing.assert_allclose(said.scores["sap"], run.scores("reconstruction"), rtol=1e-4)  # layer 0 is the input
    assert said.thresholds["sap"] == pytest.approx(run.threshold("reconstruction"), rel=1e-4)
    with pytest.raises(WrongRequest, match="doesn't lie in layers 0 to 4"):
        detectors.load_detector(run, "cpu", {"first_layer": 3, "last_layer": 1})


def test_a_knob_of_the_training_is_refused(run):
    with pytest.raises(WrongRequest, match="bottleneck acts in training.*first_layer"):
        detectors.load_detector(run, "cpu", {"bottleneck": 5})


def test_a_run_scores_where_its_dataset_is_missing(own_run):
    about = files.read_json(own_run.folder / "run.json")
    about["spec"]["dataset"] = "a-set-of-somebody-else"
    files.write_json(own_run.folder / "run.json", about)
    test = own_run.arrays("test", "images")["images"][:3]
    assert detectors.score_images(own_run, test, device="cpu").scores["nap"].shape == (3,)


def _without_a_file(run: store.Run) -> None:
    (run.folder / "detector.safetensors").unlink()


def _torn(run: store.Run) -> None:
    path = run.folder / "detector.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def _of_another_network(run: store.Run) -> None:
    about = files.read_json(run.folder / "run.json")
    about["spec"]["knobs"]["bottleneck"] = 3
    files.write_json(run.folder / "run.json", about)


def _of_another_whitening(run: store.Run) -> None:
    state = files.read_state(run.folder / "detector.safetensors")
    state["whitening"]["mean"] = state["whitening"]["mean"][:-1]
    files.write_state(run.folder / "detector.safetensors", state)


def _not_numbers(run: store.Run) -> None:
    state = files.read_state(run.folder / "detector.safetensors")
    state["whitening"]["mean"][:] = float("nan")
    files.write_state(run.folder / "detector.safetensors", state)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_without_a_file, "has no detector.safetensors"),
        (_torn, "detector.safetensors of the run .* is damaged"),
        (_of_another_network, "weights of the run .* don't fit its settings"),
        (_of_another_whitening, "weights of the run .* don't fit its settings"),
        (_not_numbers, "weights of the run .* don't fit its settings"),
    ],
)
def test_weights_that_are_missing_damaged_or_foreign_give_one_sentence(own_run, damage, sentence):
    damage(own_run)
    with pytest.raises(DamagedRun, match=sentence):
        detectors.load_detector(own_run, "cpu")


def test_only_a_finished_run_scores(own_run):
    store.mark(own_run, store.FAILED)
    with pytest.raises(WrongRequest, match="is failed; only a finished run can score images"):
        detectors.load_detector(own_run, "cpu")


def test_nearest_training_images_come_in_order_with_their_distances(run):
    bank = run.arrays("neighbours", "bank", "classes")
    found = detectors.nearest_training(run, bank["bank"][7])
    assert found["distances"][0] == 0
    np.testing.assert_array_equal(found["images"][0], bank["bank"][7])
    every = np.sqrt(((bank["bank"] / 255.0 - bank["bank"][7] / 255.0) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(found["distances"], np.sort(every)[:5], rtol=1e-5)
    np.testing.assert_array_equal(found["classes"], bank["classes"][np.argsort(every, kind="stable")[:5]])
    assert (found["searched"], found["of"]) == (len(every), run.about["counts"]["train"])


def test_nearest_training_images_of_an_embedding_are_those_that_lie_there(monkeypatch, tmp_path):
    """Of each shipped run that keeps an embedding: an image that was learned from is nearest to itself."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    keeping = {run.spec.method: run for run in store.runs() if run.has("projection")}
    assert {"metric-learning", "metric-learning-odm", "softmax-twin", "clad", "deep-svdd"} <= keeping.keys()
    for method in ("metric-learning-odm", "clad"):
        run = keeping[method]
        shown, bank = run.arrays("projection"), run.arrays("neighbours")
        code = shown["embedding"][9].astype(np.float32)
        found = detectors.nearest_in_embedding(run, code)
        every = np.sqrt(np.square(shown["embedding"].astype(float) - code).sum(1))
        np.testing.assert_allclose(found["distances"], np.sort(every)[:5], rtol=1e-4, atol=1e-5)
        (own,) = np.flatnonzero(bank["bank_of"] == shown["train_of"][9])
        assert found["distances"][0] == 0
        np.testing.assert_array_equal(found["images"][0], bank["bank"][own])
        assert found["classes"][0] == run.arrays("train")["classes"][shown["train_of"][9]]
        assert (found["searched"], found["of"]) == (len(every), run.about["counts"]["train"])
        with pytest.raises(DamagedRun, match="is of another size"):
            detectors.nearest_in_embedding(run, code[1:])
