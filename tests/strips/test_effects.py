"""Effects: each does its work and no more, on the same strips everywhere, and is set as settings are."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from multidigit.digits.base import Digits
from multidigit.errors import SettingsError
from multidigit.settings import EffectsSettings, LayoutSettings, overlay, parse_assignments, validate
from multidigit.strips.compose import Composer
from multidigit.strips.effects import CHUNK, EFFECTS, PRESETS, Chance, Effects, chances
from multidigit.strips.effects.base import lattice, lattice_bytes, smooth
from multidigit.strips.pixels import ONE, sample_rows
from multidigit.strips.stream import StripStream

COUNT = 296


def toy_pool() -> np.ndarray:
    """Ten digits that only tests can read: an upright, and a bar whose height tells which."""
    images = np.zeros((10, 28, 28), np.uint8)
    images[:, 4:24, 8:11] = 255
    for digit, image in enumerate(images):
        image[5 + 2 * digit : 7 + 2 * digit, 8:20] = 230
        image[4:24, 19] = 120
    return images


POOL = toy_pool()


def composed(slots: int) -> np.ndarray:
    digits, layout = Digits(POOL, np.arange(10, dtype=np.uint8)), LayoutSettings(length=(1, slots))
    return Composer(digits, layout, slots).compose(COUNT, np.random.default_rng(4)).images


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return composed(5)


def only(name: str, probability: float = 1.0, strength: float | tuple[float, float] = 2.0) -> EffectsSettings:
    return EffectsSettings.model_validate({name: {"probability": probability, "strength": strength}})


def changed(settings: EffectsSettings, images: np.ndarray, seed: int = 1) -> np.ndarray:
    return Effects(settings, POOL).apply(images, np.random.default_rng(seed))


def everything() -> EffectsSettings:
    return EffectsSettings.model_validate({name: {"probability": 0.6, "strength": [0, 1.5]} for name in EFFECTS})


# What each effect does


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_is_as_strong_and_as_frequent_as_it_is_set(name, plain):
    before = plain.copy()
    strong = changed(only(name), plain)
    assert (strong.shape, strong.dtype) == (plain.shape, np.uint8)
    # Neighbours need room, and blots or slopes may be drawn as none.
    every = (strong != plain).any((1, 2)).sum()
    assert every > COUNT / 2
    assert changed(only(name, probability=0), plain) is plain
    assert (changed(only(name, strength=0), plain) == plain).all()
    some = (changed(only(name, probability=0.25), plain) != plain).any((1, 2)).sum()
    assert 0.15 * every < some < 0.35 * every
    weak = changed(only(name, strength=0.3), plain)
    assert 0 < np.abs(weak.astype(int) - plain).mean() < np.abs(strong.astype(int) - plain).mean()
    assert (plain == before).all(), "the strips given are not written to"


@pytest.mark.parametrize("slots", [1, 3, 8, 12])
def test_strips_of_any_width_get_every_effect(slots):
    images = composed(slots)
    for name in EFFECTS:
        different = changed(only(name), images) != images
        assert different.any((1, 2)).mean() > 0.3, name
        if name not in ("neighbours", "lines", "specks"):
            # Nothing ends where a strip of five slots would, and nothing is drawn twice.
            columns = different.any((0, 1))
            assert columns[: 20 * slots].any(), name
            assert columns[-20 * slots :].any(), name


def test_blots_of_a_wide_strip_are_round_spots():
    blots = changed(only("blobs"), np.zeros((COUNT, 28, 336), np.uint8)) > 0
    assert blots.sum((1, 2)).max() < 300, "at most two, of a radius of a few pixels"
    assert blots.any((0, 1)).mean() > 0.9, "anywhere"


# Perspective moves the ink: it has a test of its own.
@pytest.mark.parametrize("name", [name for name in (*EFFECTS, *PRESETS) if name != "perspective"])
def test_ink_stays_brighter_than_its_background(name, plain):
    settings = EffectsSettings.model_validate({"name": name}) if name in PRESETS else only(name)
    images = changed(settings, plain).astype(float)
    ink, ground = plain > 200, plain == 0
    difference = (images * ink).sum((1, 2)) / ink.sum((1, 2)) - (images * ground).sum((1, 2)) / ground.sum((1, 2))
    assert difference.min() > 12
    assert np.median(difference) > 45


def test_a_neighbour_stands_at_an_end_and_apart_from_the_number(plain):
    added = changed(only("neighbours"), plain) != plain
    assert not added[:, :, 8:-8].any()
    number = (plain > 31).any(1)
    near = number.copy()
    near[:, 1:] |= number[:, :-1]
    near[:, :-1] |= number[:, 1:]
    assert not (added.any(1) & near).any()


@pytest.mark.parametrize("slots", [1, 5, 12])
def test_perspective_leaves_no_ink_outside(slots):
    plain = composed(slots)
    seen = changed(only("perspective"), plain)
    assert (seen.max((1, 2)) > 150).all()
    before, after = (images.sum((1, 2), dtype=np.int64) for images in (plain, seen))
    # It shrinks, and so loses area, but never a whole digit.
    assert (after > 0.5 * before).all()
    assert (after < 1.1 * before).all()


def test_blur_and_motion_keep_the_amount_of_ink():
    images = np.zeros((300, 28, 140), np.uint8)
    images[:, 10:18, 60:80] = 255
    for name in ("blur", "motion"):
        ink = changed(only(name), images).sum((1, 2), dtype=np.int64)
        assert (np.abs(ink - images[0].sum()) < 0.02 * images[0].sum()).all()


def test_flat_strips_stay_flat():
    for level in (0, 90, 255):
        flat = np.full((8, 28, 140), level, np.uint8)
        for name in ("blur", "motion", "low_resolution"):
            assert (changed(only(name), flat) == flat).all(), name
        # JPEG rounds the level itself to a multiple of its first step.
        stored = changed(only("jpeg"), flat)
        assert (stored == stored[:, :1, :1]).all()
        assert np.abs(stored.astype(int) - level).max() <= 8


# The arithmetic


def test_sampling_between_rows():
    images = np.array([[[0], [100], [200]]], np.uint8)
    position = np.array([[0, ONE // 2, ONE, 2 * ONE]])
    assert sample_rows(images, position)[0, :, 0].tolist() == [0, 50, 100, 200]


def test_smoothing_by_hand():
    images = np.array([[[0, 0, 200, 0, 0]]], np.uint8)
    quarter, eighth = np.array([64]), np.array([32])
    assert smooth(images, 0, 1, quarter)[0, 0].tolist() == [0, 50, 100, 50, 0]
    assert smooth(images, 0, 1, quarter, eighth)[0, 0].tolist() == [25, 50, 50, 50, 25]
    assert smooth(images, 1, 0, quarter)[0, 0].tolist() == [0, 0, 200, 0, 0]


@pytest.mark.parametrize(("step", "width"), [(2, 140), (3, 28), (4, 336), (10, 224)])
def test_random_fields_reach_from_0_to_most(step, width):
    grain = np.random.default_rng(0).integers(0, 256, (150, lattice_bytes(step, width)), np.uint8)
    field = lattice(grain, step, width)
    assert (field.shape, field.dtype) == ((150, 28, width), np.int16)
    assert field.min() >= 0
    assert 220 < field.max() <= 255
    assert 120 < field.mean() < 132
    assert lattice(grain, step, width, np.full(150, 30)).max() <= 30


# The same everywhere


def test_bytes_are_those_of_this_version(plain):
    """After a change of an effect on purpose: put the new digest here; strips of old seeds then change too."""
    made = {name: hashlib.sha256(changed(only(name, 0.5, (0, 2)), plain).tobytes()).hexdigest() for name in EFFECTS}
    made |= {name: hashlib.sha256(changed(EffectsSettings(name=name), plain).tobytes()).hexdigest() for name in PRESETS}
    digest = hashlib.sha256(repr(made).encode()).hexdigest()
    assert digest == "8a8ccd5d7a808cd70c1e94cd427b4b42e2553868ca21c95d6ca072c7743287df"


@pytest.mark.parametrize("count", [0, 1, 7, CHUNK, CHUNK + 1])
def test_a_strip_does_not_depend_on_how_many_are_asked_for(count, plain):
    assert (changed(everything(), plain[:count]) == changed(everything(), plain)[:count]).all()


def test_a_strip_does_not_depend_on_the_chunk(plain, monkeypatch):
    before = changed(everything(), plain)
    monkeypatch.setattr("multidigit.strips.effects.CHUNK", 33)
    assert (changed(everything(), plain) == before).all()


def test_an_effect_does_not_depend_on_the_others(plain):
    """With one effect turned off, strips that it would not have touched stay as they were."""
    off = EffectsSettings.model_validate({"name": "photo", "jpeg": {"probability": 0}})
    with_, without = changed(EffectsSettings(name="photo"), plain), changed(off, plain)
    share = (with_ == without).all((1, 2)).mean()
    assert abs(share - (1 - PRESETS["photo"]["jpeg"].probability)) < 0.1


def test_another_process_gives_the_same_without_heavy_imports(plain):
    code = (
        "import sys, numpy as np; from multidigit.settings import EffectsSettings;"
        "from multidigit.strips.effects import EFFECTS, Effects;"
        "given = {n: {'probability': .6, 'strength': [0, 1.5]} for n in EFFECTS};"
        "data = np.frombuffer(sys.stdin.buffer.read(), np.uint8); pool = data[:7840].reshape(10, 28, 28);"
        "e = Effects(EffectsSettings.model_validate(given), pool);"
        "sys.stdout.buffer.write(e.apply(data[7840:].reshape(-1, 28, 140), np.random.default_rng(1)).tobytes());"
        "assert not {'scipy', 'tensorflow', 'PIL', 'matplotlib'} & set(sys.modules)"
    )
    given = POOL.tobytes() + plain[:60].tobytes()
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, check=True)
    assert done.stdout == changed(everything(), plain[:60]).tobytes()


def test_only_some_strips_are_changed_and_these_as_all_would_be(plain):
    wanted = np.random.default_rng(8).random(COUNT) < 0.3
    wanted[:CHUNK] = False
    every, some = (
        changed(everything(), plain),
        Effects(everything(), POOL).apply(plain, np.random.default_rng(1), wanted),
    )
    assert (some[wanted] == every[wanted]).all()
    assert (some[~wanted] == plain[~wanted]).all()
    assert (every != plain).any((1, 2)).all()


# Presets and settings


def test_presets_change_more_and_more(plain):
    amounts = [
        np.abs(changed(EffectsSettings(name=name), plain).astype(int) - plain).mean()
        for name in ("none", "clean", "scan", "photo")
    ]
    assert amounts[0] == 0
    assert amounts == sorted(set(amounts))


def test_presets_are_possible():
    assert set(PRESETS) == {"none", "clean", "scan", "photo"}
    assert set(PRESETS["photo"]) == set(EFFECTS), "photo has everything"
    assert set(EffectsSettings.model_fields) == {"name", *EFFECTS}
    for preset in PRESETS.values():
        for name, chance in preset.items():
            # What a preset says could have been set by hand.
            only(name, chance.probability, chance[1:])


def test_the_stream_is_untouched_without_effects_and_has_them_in_every_split(toy_npz, toy_digits):
    digits = {"digits": str(toy_npz)}
    none, photo = (StripStream(validate(digits | {"effects": name})) for name in ("none", "photo"))
    composed = Composer(toy_digits, LayoutSettings(), 5).compose(50, np.random.default_rng([0, 0, 3]))
    assert (none.batch(3, 50).images == composed.images).all()
    for draw in (lambda s: s.batch(3, 50), lambda s: s.fixed("validation", 50), lambda s: s.fixed("test", 50)):
        assert (draw(none).slots == draw(photo).slots).all()
        assert (draw(none).images != draw(photo).images).any((1, 2)).mean() > 0.9
        assert (draw(photo).images == draw(photo).images).all()


def test_short_form_and_overrides():
    assert validate({"effects": "scan"}).effects == EffectsSettings(name="scan")
    data = overlay({"effects": "photo"}, parse_assignments(["effects.blur.probability=0", "effects.jpeg.strength=0.5"]))
    found = chances(validate(data).effects)
    assert "blur" not in found
    assert found["jpeg"] == Chance(PRESETS["photo"]["jpeg"].probability, 0.5, 0.5)
    assert found["noise"] == PRESETS["photo"]["noise"]
    # A name given over it keeps the rest, and complete settings can be laid under another preset.
    again = overlay(validate(data).model_dump(mode="json"), parse_assignments(["effects=scan"]))
    found = chances(validate(again).effects)
    assert "blur" not in found
    assert found["noise"] == PRESETS["scan"]["noise"]
    assert found["jpeg"] == Chance(1.0, 0.5, 0.5), "on once it is set, though the preset lacks it"
    assert chances(validate({"effects": {"blur": {"probability": 0.5}}}).effects) == {"blur": Chance(0.5, 0.0, 1.0)}


@pytest.mark.parametrize(
    ("effects", "key"),
    [
        ("foto", "effects.name"),
        (3, "effects"),
        ({"blurr": {}}, "effects.blurr"),
        ({"blur": 0.5}, "effects.blur"),
        ({"blur": {"odds": 1}}, "effects.blur.odds"),
        ({"blur": {"probability": 1.5}}, "effects.blur.probability"),
        ({"blur": {"probability": float("nan")}}, "effects.blur.probability"),
        ({"blur": {"strength": [1, 0.5]}}, "effects.blur.strength"),
        ({"blur": {"strength": [0, 3]}}, "effects.blur.strength"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line_that_names_the_key(effects, key):
    with pytest.raises(SettingsError) as error:
        validate({"effects": effects})
    assert key in str(error.value)
    assert "\n" not in str(error.value)
