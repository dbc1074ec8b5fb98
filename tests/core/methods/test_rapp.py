"""RaPP: each equation against numpy, and what the three ways of training touch."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from core import data
from core.methods import rapp
from core.methods.base import build, from_state
from core.methods.cards import rapp as cards
from core.runs import files
from core.training import Progress, TaskTensors

MNIST = (1, 28, 28)
VARIANTS = [
    (rapp.RappAE, cards.Knobs(layers=3, bottleneck=6, epochs=2, batch_size=64)),
    (rapp.RappVAE, cards.VAEKnobs(layers=3, bottleneck=6, epochs=2, batch_size=64, draws=4)),
    (rapp.RappAAE, cards.AAEKnobs(layers=3, bottleneck=6, epochs=2, batch_size=64)),
]
NAMES = [detector.__name__ for detector, _ in VARIANTS]


@pytest.fixture(scope="module")
def task() -> TaskTensors:
    images = torch.from_numpy(data.load("digits").images.copy())
    return TaskTensors(images[:400], images[400:460])


@pytest.fixture(scope="module")
def others() -> torch.Tensor:
    return torch.from_numpy(data.load("digits").images[460:500].copy())


@pytest.fixture(scope="module")
def trained(task) -> dict[str, rapp.Rapp]:
    return {kind.__name__: build(kind, knobs, task.shape, 0).fit(task) for kind, knobs in VARIANTS}


def parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


# --- networks ---------------------------------------------------------------------------------------------------------


def test_parameter_counts_of_the_published_networks():
    """L = 10, bottleneck 20: counted by hand from the widths of the authors' rule."""
    ae = rapp.RappAE(cards.Knobs(layers=10, bottleneck=20), MNIST)
    vae = rapp.RappVAE(cards.VAEKnobs(layers=10, bottleneck=20), MNIST)
    aae = rapp.RappAAE(cards.AAEKnobs(layers=10, bottleneck=20), MNIST)
    assert [parameters(each.networks) for each in (ae, vae, aae)] == [4_182_052, 4_183_992, 4_183_465]
    assert [parameters(ae.encoder), parameters(ae.decoder)] == [2_090_644, 2_091_408]
    assert parameters(vae.encoder) == 2_092_584 and parameters(aae.networks["discriminator"]) == 1_413
    assert parameters(rapp.RappAE(cards.Knobs(layers=3, bottleneck=20), MNIST).networks) == 1_135_946
    assert ae.pathway.widths == (784, 707, 631, 554, 478, 402, 325, 249, 172, 96, 20)
    assert vae.pathway.widths[-2:] == (96, 40)
    assert sum(ae.pathway.widths[1:]) == 3_634 and sum(vae.pathway.widths[1:]) == 3_654


def test_a_hidden_layer_is_linear_leaky_and_normalised_and_the_last_is_linear_alone():
    *hidden, last = rapp.blocks((8, 6, 4, 2))
    assert len(hidden) == 2 and isinstance(last, nn.Linear)
    for block in hidden:
        assert [type(layer) for layer in block] == [nn.Linear, nn.LeakyReLU, nn.BatchNorm1d]
        assert block[1].negative_slope == 0.2


# --- losses and scores ------------------------------------------------------------------------------------------------


def test_losses_are_sums_over_the_batch(rng):
    images, redrawn = rng.random((5, 7)), rng.random((5, 7))
    assert float(rapp.squared_error(torch.from_numpy(images), torch.from_numpy(redrawn))) == pytest.approx(
        np.square(images - redrawn).sum()
    )
    mean, log_variance = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    normal = torch.distributions.Normal(torch.from_numpy(mean), torch.from_numpy(np.exp(log_variance / 2)))
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum()
    assert float(rapp.kl_divergence(torch.from_numpy(mean), torch.from_numpy(log_variance))) == pytest.approx(
        float(expected)
    )
    logits = rng.normal(size=(6, 1))
    real = 1 / (1 + np.exp(-logits))
    assert float(rapp.real_or_fake(torch.from_numpy(logits), True)) == pytest.approx(-np.log(real).sum())
    assert float(rapp.real_or_fake(torch.from_numpy(logits), False)) == pytest.approx(-np.log(1 - real).sum())


def numpy_encoder(layers: nn.ModuleList, values: np.ndarray) -> list[np.ndarray]:
    """h_0 .. h_L in float64, written out."""
    activations = [values]
    for layer in layers:
        linear = layer if isinstance(layer, nn.Linear) else layer[0]
        values = values @ linear.weight.detach().double().numpy().T + linear.bias.detach().double().numpy()
        if not isinstance(layer, nn.Linear):
            values = np.where(values > 0, values, 0.2 * values)
            norm = layer[2]
            scaled = (values - norm.running_mean.double().numpy()) / np.sqrt(
                norm.running_var.double().numpy() + norm.eps
            )
            values = scaled * norm.weight.detach().double().numpy() + norm.bias.detach().double().numpy()
        activations.append(values)
    return activations


def test_the_pathway_runs_image_and_redrawing_through_the_same_encoder(trained, others):
    detector = trained["RappAE"]
    pixels = others.numpy().reshape(40, -1) / 255.0
    latent = numpy_encoder(detector.encoder, pixels)[-1]
    redrawn = numpy_encoder(detector.decoder, latent)[-1]
    pairs = zip(numpy_encoder(detector.encoder, pixels), numpy_encoder(detector.encoder, redrawn), strict=True)
    expected = [np.square(second - first).sum(1) for first, second in pairs]
    scores, layers = detector.score(others), detector.explain(others)["layers"]
    np.testing.assert_allclose(layers, np.stack(expected, 1), rtol=1e-3)
    np.testing.assert_allclose(scores["reconstruction"], expected[0], rtol=1e-3)
    np.testing.assert_allclose(scores["sap"], sum(expected[1:]), rtol=1e-3)
    assert [f"layer-{i}" in scores for i in range(5)] == [True] * 4 + [False]


def test_sap_takes_both_ends_of_its_window(rng):
    norms = rng.random((4, 6))
    np.testing.assert_allclose(rapp.sap(torch.from_numpy(norms), 2, 4), norms[:, 2] + norms[:, 3] + norms[:, 4])
    np.testing.assert_allclose(rapp.sap(torch.from_numpy(norms), 3, 3), norms[:, 3])


@pytest.mark.parametrize("name", NAMES)
def test_nap_is_the_svd_of_the_training_differences(trained, task, others, name):
    detector = trained[name]
    with torch.inference_mode():
        train, images = (detector.differences(each)[0].double().numpy()[:, 64:] for each in (task.train, others))
    centred = train - train.mean(0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    keep = singular > 1e-5 * singular[0]
    expected = np.square((images - train.mean(0)) @ axes[keep].T / singular[keep]).sum(1)
    np.testing.assert_allclose(detector.score(others)["nap"], expected, rtol=1e-3)
    hidden = np.linalg.svd(centred[:, : sum(detector.pathway.widths[1:-1])], compute_uv=False)
    assert (
        detector.whitening.rank == keep.sum() == (hidden > 1e-5 * singular[0]).sum()
    )  # the affine last layer adds none


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "curves"),
    [
        ("RappAE", {"reconstruction"}),
        ("RappVAE", {"reconstruction", "kl"}),
        ("RappAAE", {"reconstruction", "discriminator", "generator"}),
    ],
)
def test_training_lowers_the_validation_loss(task, name, curves):
    kind, knobs = VARIANTS[NAMES.index(name)]
    detector = build(kind, dataclasses.replace(knobs, epochs=6), task.shape, 0)
    heard = []

    class Listening(Progress):
        def epoch(self, number, curves):
            heard.append(curves)

    detector.fit(task, progress=Listening())
    assert set(heard[0]) == curves | {"validation"}
    assert heard[5]["validation"] < 0.95 * heard[0]["validation"]
    assert detector.reconstruction_loss(task.valid) == pytest.approx(min(each["validation"] for each in heard if each))


def changed_by(detector: rapp.Rapp, act) -> set[str]:
    """The networks some trainable weight of which `act` changes."""
    before = {name: [p.detach().clone() for p in network.parameters()] for name, network in detector.networks.items()}
    act()
    return {
        name
        for name, network in detector.networks.items()
        if any(not torch.equal(old, new) for old, new in zip(before[name], network.parameters(), strict=True))
    }


def test_each_step_of_the_adversarial_autoencoder_touches_only_what_it_should(task, monkeypatch):
    detector = build(rapp.RappAAE, VARIANTS[2][1], task.shape, 0)
    detector.networks.train()
    touched, descend = [], rapp.descend
    monkeypatch.setattr(
        rapp, "descend", lambda loss, *adams: touched.append(changed_by(detector, lambda: descend(loss, *adams)))
    )
    detector.step(detector.pixels(task.train[:64]), detector.optimisers())
    assert touched == [{"encoder", "decoder"}, {"discriminator"}, {"encoder"}]


def test_the_discriminator_learns_to_tell_and_the_encoder_to_deceive(task, monkeypatch):
    """Alone, the second step parts the logits of prior and latents; alone, the third raises those of the latents.

    Latents far from the prior and a discriminator that is one plane: then every seed must part them.
    """
    detector = build(rapp.RappAAE, dataclasses.replace(VARIANTS[2][1], discriminator_rate=1e-2), task.shape, 0)
    detector.networks["discriminator"] = nn.Linear(6, 1)
    nn.init.zeros_(detector.networks["discriminator"].weight)
    nn.init.constant_(detector.encoder[-1].bias, 2.0)
    images, adams, descend = detector.pixels(task.train[:128]), detector.optimisers(), rapp.descend

    def logits() -> tuple[float, float]:
        """Of the prior and of the latents: higher is taken for the prior."""
        detector.networks.eval()
        with torch.inference_mode():
            judged = [
                detector.networks["discriminator"](z)
                for z in (torch.randn(500, 6), rapp.through(detector.encoder, images))
            ]
        detector.networks.train()
        return float(judged[0].mean()), float(judged[1].mean())

    def only(kept: int) -> tuple[float, float]:
        """The logits after 60 batches in which that one of the three steps alone is taken."""
        count = itertools.count()
        monkeypatch.setattr(
            rapp, "descend", lambda loss, *each: descend(loss, *each) if next(count) % 3 == kept else None
        )
        for _ in range(60):
            detector.step(images, adams)
        return logits()

    prior, latent = only(1)
    assert prior > latent + 0.5
    assert only(2)[1] > latent + 0.2


def test_the_variational_loss_averages_the_draws(task, monkeypatch):
    detector = build(rapp.RappVAE, VARIANTS[1][1], task.shape, 0)
    detector.networks.eval()  # so that draws don't share batch statistics
    images = detector.pixels(task.train[:10])
    monkeypatch.setattr(rapp, "descend", lambda loss, *adams: losses.append(float(loss.detach())))
    losses: list[float] = []
    torch.manual_seed(3)
    told = detector.step(images, {"adam": None})
    torch.manual_seed(3)
    noise = torch.randn(4, 10, 6)
    with torch.no_grad():
        mean, log_variance = detector.encode(images)
        errors = [
            (rapp.through(detector.decoder, mean + log_variance.exp().sqrt() * each) - images).square().sum()
            for each in noise
        ]
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
    assert float(told["reconstruction"]) == pytest.approx(float(sum(errors)) / 4, rel=1e-5)
    assert losses == [pytest.approx(float(sum(errors) / 4 + divergence), rel=1e-5)]


@pytest.mark.parametrize(("weights", "epoch"), [("best", 2), ("last", 3)])
def test_the_weights_of_the_best_epoch_are_scored_where_asked(task, monkeypatch, weights, epoch):
    detector = build(rapp.RappAE, dataclasses.replace(VARIANTS[0][1], weights=weights), task.shape, 0)
    stage = detector.stages(task)[0]
    stage.begin(task, Progress())
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(detector, "reconstruction_loss", lambda images: next(losses))
    kept = {}
    for number in (1, 2, 3):
        stage.epoch(number)
        kept[number] = {name: value.clone() for name, value in detector.networks.state_dict().items()}
    stage.end()
    assert all(torch.equal(value, kept[epoch][name]) for name, value in detector.networks.state_dict().items())
    assert any(not torch.equal(kept[2][name], kept[3][name]) for name in kept[2])


@pytest.mark.parametrize("name", NAMES)
def test_a_step_in_bfloat16_is_nearly_the_same(task, name):
    kind, knobs = VARIANTS[NAMES.index(name)]
    losses = {}
    for precision in ("float32", "bfloat16"):
        detector = build(kind, dataclasses.replace(knobs, precision=precision), task.shape, 0)
        detector.networks.train()
        told = detector.step(detector.pixels(task.train[:64]), detector.optimisers())
        losses[precision] = {name: float(value) for name, value in told.items()}
        assert all(value.dtype == torch.float32 for value in detector.networks.parameters())
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


# --- scores of one image, state, window -------------------------------------------------------------------------------


@pytest.mark.parametrize("draws", [0, 4])
def test_an_image_scores_alone_as_in_a_batch(task, others, draws):
    detector = build(rapp.RappVAE, dataclasses.replace(VARIANTS[1][1], draws=draws), task.shape, 0).fit(task)
    together = detector.score(others)
    for place in (0, 17):
        alone = detector.score(others[place : place + 1])
        for name, values in alone.items():
            np.testing.assert_allclose(values[0], together[name][place], rtol=1e-4, err_msg=name)
    np.testing.assert_array_equal(detector.score(others)["nap"], together["nap"])


def test_the_variational_reconstruction_is_the_mean_of_its_draws(trained, others):
    detector = trained["RappVAE"]
    detector.networks.eval()
    pixels = detector.pixels(others)
    with torch.inference_mode():
        mean, log_variance = detector.encode(pixels)
        each = [rapp.through(detector.decoder, mean + (log_variance / 2).exp() * noise) for noise in detector.noise]
        torch.testing.assert_close(detector.redraw(pixels), torch.stack(each).mean(0), rtol=1e-4, atol=1e-5)
    assert detector.noise.shape == (4, 6) and detector.noise.std() > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_state_survives_a_file_with_its_packed_factor(task, others, tmp_path, name):
    kind, knobs = VARIANTS[NAMES.index(name)]
    # One hidden layer: in a second one, a unit whose inputs all have one sign would cost the factor its triangle.
    detector = build(kind, dataclasses.replace(knobs, layers=2), task.shape, 0).fit(task)
    files.write_state(tmp_path / "state.safetensors", detector.state())
    restored = from_state(
        type(detector), detector.knobs, detector.shape, files.read_state(tmp_path / "state.safetensors")
    )
    for score, values in detector.score(others).items():
        np.testing.assert_array_equal(restored.score(others)[score], values)
    np.testing.assert_array_equal(restored.explain(others)["windows"], detector.explain(others)["windows"])
    width = restored.whitening.factor.shape[0]
    assert detector.whitening.triangular and detector.state()["whitening"]["factor"].shape == (
        width * (width + 1) // 2,
    )


def test_a_factor_that_is_not_triangular_survives_too(task, others, tmp_path):
    few = TaskTensors(task.train[:30], task.valid)
    detector = build(rapp.RappAE, VARIANTS[0][1], task.shape, 0).fit(few)
    assert not detector.whitening.triangular and detector.whitening.rank == 29
    files.write_state(tmp_path / "state.safetensors", detector.state())
    restored = from_state(rapp.RappAE, detector.knobs, detector.shape, files.read_state(tmp_path / "state.safetensors"))
    np.testing.assert_array_equal(restored.score(others)["nap"], detector.score(others)["nap"])


def test_a_loaded_state_leaves_nothing_of_the_one_before(trained, task, others):
    other = build(rapp.RappAE, VARIANTS[0][1], task.shape, 1).fit(task)
    other.explain(others)
    other.load(trained["RappAE"].state())
    np.testing.assert_array_equal(other.explain(others)["windows"], trained["RappAE"].explain(others)["windows"])
    untrained = build(rapp.RappAE, VARIANTS[0][1], task.shape, 2)
    other.load(untrained.state())
    assert other.whitening is None and other.statistics is None and other.all_windows() is None


def test_a_state_keeps_half_of_the_symmetric_scatter_and_gives_back_all_of_it(trained, task):
    detector = trained["RappAE"]
    width = sum(detector.pathway.widths)
    state = detector.state()
    assert state["statistics"]["scatter"].shape == (width * (width + 1) // 2,)
    restored = from_state(rapp.RappAE, VARIANTS[0][1], task.shape, state)
    assert torch.equal(restored.statistics.scatter, detector.statistics.scatter)


@pytest.mark.parametrize("kept", [True, False])
def test_another_window_gives_the_scores_of_a_detector_trained_with_it(task, others, tmp_path, monkeypatch, kept):
    """With the scatter at hand nothing else is needed; without it, as on wide pathways, the training images are."""
    monkeypatch.setattr(rapp, "SMALL_PATHWAY", 1000 if kept else 10)
    first, wanted = VARIANTS[0][1], dataclasses.replace(VARIANTS[0][1], first_layer=0, last_layer=2)
    files.write_state(tmp_path / "state.safetensors", build(rapp.RappAE, first, task.shape, 0).fit(task).state())
    detector = from_state(rapp.RappAE, first, task.shape, files.read_state(tmp_path / "state.safetensors"))
    assert (detector.statistics is not None) == kept
    asked = []
    detector.set_knobs(wanted, lambda: asked.append(1) or task)
    assert len(asked) == (0 if kept else 1)
    expected = build(rapp.RappAE, wanted, task.shape, 0).fit(task).score(others)
    for name, values in detector.score(others).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, err_msg=name)
    unmoved = dataclasses.replace(wanted, normal_share=0.9)
    detector.set_knobs(unmoved, lambda: pytest.fail("the window didn't move"))
    assert detector.knobs == unmoved


@pytest.mark.parametrize("window", [(1, 3), (0, 2), (1, 2), (0, -1)])
def test_who_is_asked_for_the_headline_alone_fits_its_window_alone(task, others, window):
    settings = dataclasses.replace(VARIANTS[0][1], first_layer=window[0], last_layer=window[1])
    whole, alone = (build(rapp.RappAE, settings, task.shape, 0) for _ in range(2))
    alone.headline_alone = True
    for each in (whole, alone):
        each.fit_statistics(task.train)
    np.testing.assert_allclose(alone.score(others)["nap"], whole.score(others)["nap"], rtol=1e-5)
    columns = alone.pathway.columns(*settings.window())
    assert len(alone.statistics.mean) == columns.stop - columns.start
    torch.testing.assert_close(alone.statistics.of(columns)[1], whole.statistics.of(columns)[1])


def test_the_windows_of_the_explanation_hold_nap(trained, others):
    detector = trained["RappAE"]
    reasons = detector.explain(others)
    column = detector.pathway.windows.index(detector.knobs.window())
    np.testing.assert_allclose(reasons["windows"][:, column], detector.score(others)["nap"], rtol=1e-4)
    assert reasons["reconstruction"].shape == others.shape and reasons["reconstruction"].dtype == np.uint8
    assert reasons["latent"].shape == (40, 6)


def test_the_portrait_tells_the_spectrum_of_every_window(trained, task):
    detector = trained["RappAE"]
    portrait = detector.portrait(task)
    assert portrait["widths"].tolist() == list(detector.pathway.widths) and portrait["count"] == 400
    spectra = np.split(portrait["spectra"], portrait["spectrum_ends"][:-1])
    for (first, last), rank, spectrum in zip(portrait["windows"], portrait["ranks"], spectra, strict=True):
        assert len(spectrum) == sum(detector.pathway.widths[first : last + 1])
        assert (spectrum > 1e-5 * spectrum[0]).sum() == rank
        assert (np.diff(spectrum) <= 0).all()


def test_a_snapshot_shows_the_probe(trained, others):
    shot = trained["RappAE"].snapshot(others, "train")
    np.testing.assert_allclose(shot["layers"], trained["RappAE"].explain(others)["layers"], rtol=1e-5)
    np.testing.assert_array_equal(shot["reconstruction"], trained["RappAE"].explain(others[:24])["reconstruction"])
