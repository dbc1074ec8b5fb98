"""What is read from sweeps about normal classes and clusters, from rows without their runs."""

from core import scenarios
from core.runs import files
from core.sweeps import cells, claims, grid, sweep
from core.sweeps.rows import Row

REGION = {
    "dataset": "digits",
    "scenario": "several-normal",
    "target": [["0", "1"], ["0", "1", "2"], ["3", "5"]],
    "method": ["deep-svdd", "clad"],
}
CLUSTERS = {
    "dataset": "digits",
    "scenario": "latent-super-category",
    "target": ["CUR", "MIX"],
    "method": "clad",
    "knobs": {"clusters": [2, 10]},
}


def measured(name: str, content, auroc) -> sweep.Sweep:
    """A sweep whose rows are all there, without runs.  auroc: of each request."""
    asked = grid.read({"name": name, **content})
    found = cells.expand(asked)
    kept = sweep.keep(asked, found)
    rows = [
        Row(c.settings, c.spec, sweep.FINISHED, headline="x", metrics={"x": {"auroc": {"value": auroc(c.spec)}}})
        for c in found
    ]
    files.write_json(kept.folder / "rows.json", [each.to_json() for each in rows])
    return kept


def test_a_method_has_a_value_for_each_task_of_so_many_classes(empty):
    measured("regions", REGION, lambda spec: len(spec.target) / 10 + (spec.method == "clad"))
    found = claims.by_normal_classes()
    assert list(found.reached) == ["clad", "deep-svdd"]  # ours first
    assert found.reached["clad"] == {2: [1.2, 1.2], 3: [1.3]} and found.reached["deep-svdd"][2] == [0.2, 0.2]
    assert found.sentence.endswith("mean of up to 2, the band from lowest to highest, by the sweep regions.")


def test_without_clad_or_with_one_number_of_classes_there_is_no_claim(empty):
    measured("no-clad", REGION | {"method": ["deep-svdd", "oc-svm"]}, lambda spec: 0.5)
    measured("one-number", REGION | {"target": [["0", "1"], ["3", "5"]]}, lambda spec: 0.5)
    assert claims.by_normal_classes() is None and claims.by_clusters() is None


def test_clusters_are_read_by_normal_group_with_what_it_hides(empty):
    measured("counts", CLUSTERS, lambda spec: spec.knobs["clusters"] / 100)
    found = claims.by_clusters()
    assert found.reached == {"CUR": {2: [0.02], 10: [0.1]}, "MIX": {2: [0.02], 10: [0.1]}}
    assert found.hidden == {"CUR": 3, "MIX": 4} and found.dataset == "digits"


def test_the_sweep_that_measured_most_is_taken_and_a_damaged_one_is_no_obstacle(empty):
    measured("few", CLUSTERS | {"target": "CUR"}, lambda spec: 0.1)
    measured("more", CLUSTERS, lambda spec: 0.2)
    damaged = measured("damaged", CLUSTERS | {"seeds": [0, 1]}, lambda spec: 0.3)
    (damaged.folder / "rows.json").write_text("[{}]")
    assert claims.by_clusters().sentence.endswith("by the sweep more.")


def test_an_undefined_value_is_left_out(empty):
    measured("counts", CLUSTERS, lambda spec: None if spec.target == ("MIX",) else 0.7)
    assert list(claims.by_clusters().reached) == ["CUR"]


VAE = {
    "dataset": "digits",
    "scenario": "contaminated",
    "target": "3",
    "method": "vae-threshold",
    "seeds": [0, 1],
    "knobs": {"latent": [2, 8], "dropout": [0.0, 0.1], "epochs": [5, 6]},
}


def task(target: str, split_seed: int = 0):
    return scenarios.task_spec("digits", "contaminated", target, {}, split_seed)


def test_the_settings_of_a_method_come_from_its_task_first(empty):
    assert claims.by_settings("vae-threshold", task("3"), ["latent"]) is None
    measured("many", VAE | {"target": "5"}, lambda spec: 0.5)
    other = claims.by_settings("vae-threshold", task("3"), ["latent", "l2", "dropout"])
    assert not other.same_task and len(other.rows) == 16 and "by the sweep many: 16 runs, 2 of each" in other.sentence
    assert "digits · " in other.sentence
    measured("own", VAE | {"seeds": 0}, lambda spec: 0.5)
    found = claims.by_settings("vae-threshold", task("3", split_seed=7), ["latent", "l2", "dropout"])
    assert found.same_task and found.axes == {"latent": [2, 8], "dropout": [0.0, 0.1]} and len(found.rows) == 8
    assert found.sentence == "Measured on this task by the sweep own: 8 runs, one of each setting."


def test_a_sweep_over_other_things_says_nothing_of_the_settings(empty):
    measured("seeds", VAE | {"knobs": {"epochs": [5, 6]}}, lambda spec: 0.5)
    assert claims.by_settings("vae-threshold", task("3"), ["latent", "dropout"]) is None
    assert claims.by_settings("rapp-ae", task("3"), ["epochs"]) is None
