"""Parts are decided by content, and what belongs together stays together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from multidigit.data.labels import Labelled
from multidigit.data.parts import fingerprint, near_duplicates, parts
from multidigit.errors import DataError


def pictures(folder: Path, count: int, seed: int = 0) -> list[Labelled]:
    """Pictures of noise, all with the same number."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(count):
        path = folder / f"device{index // 10}" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 20), np.uint8)).resize((80, 32)).save(path)
        found.append(Labelled(path, "7", str(path)))
    return found


def divided(found: list[Labelled], group: str | None = None) -> list[str]:
    return [*parts(found, [fingerprint(each.path) for each in found], group)]


def test_parts_have_their_shares_and_stay_when_others_join(tmp_path: Path) -> None:
    found = pictures(tmp_path, 300)
    first = divided(found)
    assert first.count("train") == pytest.approx(200, abs=30)
    assert first.count("validation") == pytest.approx(50, abs=20)
    assert first.count("test") == pytest.approx(50, abs=20)
    assert divided(found[:100]) == first[:100]
    renamed = tmp_path / "other.png"
    renamed.write_bytes(found[3].path.read_bytes())
    assert divided([Labelled(renamed, "7", "")]) == [first[3]]


def test_seeds_test_every_picture_once(tmp_path: Path) -> None:
    found = pictures(tmp_path, 120)
    prints = [fingerprint(each.path) for each in found]
    turned = [parts(found, prints, seed=seed) for seed in range(6)]
    for of_one in zip(*turned, strict=True):
        assert sorted(of_one) == ["test", "train", "train", "train", "train", "validation"]


def test_near_duplicates_stay_together(tmp_path: Path) -> None:
    found = pictures(tmp_path, 40)
    for place in range(40):
        with Image.open(found[place].path) as original:
            brighter = original.point(lambda level: level * 0.8 + 30)
        path = tmp_path / f"again{place}.jpg"
        brighter.save(path, quality=80)
        found.append(Labelled(path, "7", ""))
    prints = [fingerprint(each.path) for each in found]
    assert near_duplicates(found, prints) == [(place, place + 40) for place in range(40)]
    together = parts(found, prints)
    assert together[:40] == together[40:]
    # Of another number it is another thing, however alike they look: rows of one meter differ in little.
    other = [Labelled(each.path, str(place), "") for place, each in enumerate(found)]
    assert near_duplicates(other, prints) == []


def test_groups_stay_together(tmp_path: Path) -> None:
    found = pictures(tmp_path, 100)
    by_device = divided(found, r"device(\d+)")
    assert all(len({by_device[place] for place in range(start, start + 10)}) == 1 for start in range(0, 100, 10))
    assert len(set(by_device)) > 1
    with pytest.raises(DataError, match=r"data.group: not a regular expression .* received '\('"):
        divided(found, "(")
    with pytest.raises(DataError, match=r"data.group 'writer' finds nothing in"):
        divided(found, "writer")


def test_what_a_table_says_comes_first(tmp_path: Path) -> None:
    found = [Labelled(each.path, each.text, each.where, "test") for each in pictures(tmp_path, 20)]
    assert set(divided(found)) == {"test"}


def test_a_table_that_tells_train_from_test_alone(tmp_path: Path) -> None:
    found = [replace(each, part="train" if index % 4 else "test") for index, each in enumerate(pictures(tmp_path, 120))]
    got = divided(found)
    assert [each == "test" for each in got] == [each.part == "test" for each in found]
    assert got.count("validation") == pytest.approx(18, abs=10)
    # So it is of those that are for training by their content, too.
    drawn = zip(pictures(tmp_path, 120), divided(pictures(tmp_path, 120)), strict=True)
    first = [replace(each, part="test" if part == "test" else "train") for each, part in drawn if part != "validation"]
    assert divided(first).count("validation") == pytest.approx(16, abs=8)
    # Those that say nothing are divided as ever, and then there is validation.
    assert divided([*found, replace(found[1], part=None)])[:120] == [each.part for each in found]


def test_what_is_no_picture_has_a_fingerprint_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    assert not fingerprint(tmp_path / "a.png").bits.any()
    assert not fingerprint(tmp_path / "missing.png").bits.any()
