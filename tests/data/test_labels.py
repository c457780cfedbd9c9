"""Labelled pictures in every form that people have them in, and every fault named by its line or file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from multidigit.data import labels
from multidigit.data.labels import read_labels
from multidigit.errors import DataError, MultidigitError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8)).save(path)


def texts(path: Path, **options: object) -> dict[str, str]:
    found = read_labels(path, **options)  # type: ignore[arg-type]
    return {str(each.path.relative_to(path if path.is_dir() else path.parent)): each.text for each in found.pictures}


WANTED = {"a.png": "007", "more/b.png": "12", "c.png": ""}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "image_path,text\na.png,007\nmore/b.png,12\nc.png,\n"),
        ("labels.csv", "plate_text;filename\n007;a.png\n12;more/b.png\n;c.png\n"),
        ("labels.csv", "\ufefffile\tLabel\na.png\t007\nmore/b.png\t12\nc.png\t\n"),
        ("labels.jsonl", '{"image_path": "a.png", "text": "007"}\n\n{"file_name": "more/b.png", "label": 12}\n'
         '{"path": "./c.png", "number": ""}\n'),
    ],
)  # fmt: skip
def test_tables(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert texts(tmp_path) == texts(tmp_path / name) == WANTED


def test_a_column_says_which_part(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("image_path,text,split\na.png,1,train\nb.png,2,val\nc.png,3,\nd.png,4,Test\n")
    parts = [each.part for each in read_labels(tmp_path / "mine.csv").pictures]
    assert parts == ["train", "validation", None, "test"]


def test_names_and_folders(tmp_path: Path) -> None:
    for name in ("12345_hall.png", "cellar_00017.jpg", "below/meter_9.png"):
        picture(tmp_path / "named" / name)
    assert texts(tmp_path / "named") == {
        "12345_hall.png": "12345",
        "cellar_00017.jpg": "00017",
        "below/meter_9.png": "9",
    }
    for name in ("007/a.png", "007/b.png", "12/2024_5.png"):
        picture(tmp_path / "folders" / name)
    assert texts(tmp_path / "folders") == {"007/a.png": "007", "007/b.png": "007", "12/2024_5.png": "12"}


def coco(names: Mapping[int, str]) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
            "categories": [{"id": key, "name": name} for key, name in names.items()],
            "annotations": [
                {"image_id": 1, "category_id": 3, "bbox": [40, 0, 9, 20]},
                {"image_id": 1, "category_id": 2, "bbox": [5, 3, 10, 20]},
                {"image_id": 1, "category_id": 2, "bbox": [20, 0, 10, 20]},
            ],
        }
    )


def test_boxes_are_read_from_left_to_right(tmp_path: Path) -> None:
    folder = tmp_path / "coco"
    picture(folder / "a.png")
    picture(folder / "images" / "b.png")
    (folder / "export.json").write_text(coco({2: "7", 3: "0"}))
    assert texts(folder) == texts(folder / "export.json") == {"a.png": "770", "images/b.png": ""}
    for name in ("images/train/a.png", "images/val/b.png"):
        picture(tmp_path / "yolo" / name)
    (tmp_path / "yolo" / "labels" / "train").mkdir(parents=True)
    (tmp_path / "yolo" / "labels" / "train" / "a.txt").write_text("3 0.8 0.5 0.1 0.4\n0 0.1 0.5 0.1 0.4\n")
    assert texts(tmp_path / "yolo") == {"images/train/a.png": "03", "images/val/b.png": ""}
    (tmp_path / "yolo" / "data.yaml").write_text("names: [nine, '1', '2', '4']\n")
    assert texts(tmp_path / "yolo")["images/train/a.png"] == "4"
    assert [each.part for each in read_labels(tmp_path / "yolo").pictures] == ["train", "validation"]


@pytest.mark.parametrize("text", ["names: [1", "\x01", "7", "- names", "names: 1\nnames: 2"])
def test_what_is_no_list_of_classes_is_refused(tmp_path: Path, text: str) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(MultidigitError, match=r"data\.yaml") as caught:
        read_labels(tmp_path)
    assert str(caught.value).isprintable()


def test_what_is_no_digit_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text('image_path,text\na.png,"12.5"\nb.png,-3.0 kWh\n')
    found = read_labels(tmp_path)
    assert [each.text for each in found.pictures] == ["125", "30"]
    assert found.left_out == {".": 2, "-": 1, "k": 1, "W": 1, "h": 1}
    with pytest.raises(DataError, match=r"line 2: expected digits alone; received '12.5'; .* do not be strict"):
        read_labels(tmp_path, strict=True)


def test_a_picture_may_stand_twice_with_the_same_number(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image_path,text\na.png,1\n./a.png,1\n")
    assert texts(tmp_path) == {"a.png": "1"}
    table.write_text("image_path,text\na.png,1\nb.png,2\na.png,3\n")
    with pytest.raises(DataError, match=r"line 4: a.png is '3' here and '1' in .*line 2"):
        read_labels(tmp_path)


def test_a_log_of_answers(tmp_path: Path) -> None:
    """As ``multidigit label`` writes it: the last line about a picture counts."""
    lines = [
        ("a.png", "12", False),
        ("b.png", "3", False),
        ("a.png", "13", False),
        ("b.png", "", True),
        ("c.png", "", False),
    ]
    rows = [{"image_path": name, "text": text, **({"unreadable": True} if bad else {})} for name, text, bad in lines]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert texts(tmp_path) == {"a.png": "13", "c.png": ""}
    (tmp_path / "labels.csv").write_text("image_path,text\na.png,1\n")
    with pytest.raises(DataError, match=r"holds labels.csv and labels.jsonl; name the one that counts"):
        read_labels(tmp_path)
    assert texts(tmp_path / "labels.csv") == {"a.png": "1"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.csv", "", "expected the columns image_path, text and at least one row; received no rows"),
        ("labels.csv", "image_path,text\n", "received no rows"),
        ("labels.csv", "a.png,7\nb.png,8\n", "expected the columns image_path, text and .* received a.png, 7"),
        ("labels.csv", "a.png,7\n", "expected the columns image_path, text and .* received a.png, 7"),
        ("labels.csv", "image_path,text\na.png\n", "line 2: expected a picture's path and its number"),
        ("labels.csv", "image_path,text\n,7\n", "line 2: expected a picture's path and its number"),
        ("labels.csv", "image_path,text\na.png,1234567\n", "line 2: expected a number of at most 5 digits"),
        # Blank lines and quoted line breaks count as the lines that they are.
        ("labels.csv", "image_path,text\n\n\na.png,123456\n", "line 4: .*'123456'"),
        ("labels.csv", 'image_path,text,note\na.png,1,"two\nlines"\nb.png,123456,\n', "line 4: .*'123456'"),
        ("labels.csv", "image_path,text,Text\na.png,1,2\n", "received image_path, text, text"),
        ("labels.csv", "image_path,text\n../a.png,1\n", r"line 2: \.\./a.png leads out of"),
        ("labels.csv", "image_path,text\n/etc/a.png,1\n", "line 2: /etc/a.png leads out of"),
        ("labels.csv", "image_path,text,split\na.png,1,dev\n", "line 2: split must be train, validation, test"),
        ("labels.jsonl", "{\n", "line 1: cannot be read as JSON"),
        ("labels.jsonl", "[1]\n", "line 1: expected"),
        ("labels.json", "{}", "expected COCO's images, annotations and categories"),
        ("1.png.txt", "", "received no picture"),
    ],
)  # fmt: skip
def test_faults_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path, 5)


def test_a_table_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"image_path,text\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"mine.csv: cannot be read as text \('utf-8' codec can't"):
        read_labels(tmp_path / "mine.csv")


def test_names_that_do_not_say_which_number(tmp_path: Path) -> None:
    picture(tmp_path / "2024_12345.png")
    with pytest.raises(DataError, match=r"2024_12345.png: expected a number at the start or the end.*2024 and 12345"):
        read_labels(tmp_path)


@pytest.mark.parametrize("name", ["{count:04}_{label}.png", "{label}_{count}.png"])
def test_pictures_that_are_counted_in_their_names(tmp_path: Path, name: str) -> None:
    labels = ["20391", "64", "318", "90714", "318"]
    # The third was thrown away.
    counts = [1, 2, 4, 5, 6]
    for count, label in zip(counts, labels, strict=True):
        picture(tmp_path / name.format(count=count, label=label))
    assert sorted(texts(tmp_path).values()) == sorted(labels)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["100_31.png", "101_870.png"], ["31", "870"]),
        (["100_31.png", "103_31.png"], ["31", "31"]),
        # A count that leaves out more than every other picture is none.
        (["100_31.png", "104_870.png"], None),
        # Both sides may be counts, or neither.
        (["1_7.png", "2_8.png"], None),
        (["7_1.png", "7_1.jpg"], None),
    ],
)
def test_two_pictures_that_are_counted(tmp_path: Path, names: list[str], labels: list[str] | None) -> None:
    for name in names:
        picture(tmp_path / name)
    if labels is None:
        with pytest.raises(DataError, match=r"expected a number at the start or the end"):
            read_labels(tmp_path)
    else:
        assert [each.text for each in read_labels(tmp_path).pictures] == labels


def test_a_folder_that_is_called_as_a_number_is_no_label_of_what_lies_in_it(tmp_path: Path) -> None:
    picture(tmp_path / "2024" / "17_a.png")
    (found,) = read_labels(tmp_path / "2024").pictures
    assert (found.text, found.where) == ("17", str(tmp_path / "2024" / "17_a.png"))


def test_names_without_a_number(tmp_path: Path) -> None:
    picture(tmp_path / "hall.png")
    with pytest.raises(DataError, match=r"hall\.png: .*; received none; write a labels\.csv of image_path,text$"):
        read_labels(tmp_path)


def test_a_table_that_csv_refuses(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("image_path,text\n" + "7" * 200_000 + ",1\n")
    with pytest.raises(DataError, match=r"mine\.csv: cannot be read as CSV \(field larger than"):
        read_labels(tmp_path / "mine.csv")


def test_above_the_current_folder_is_outside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    picture(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path / "mine")
    Path("labels.csv").write_text("image_path,text\n../a.png,1\n")
    for given in (Path("labels.csv"), Path()):
        with pytest.raises(DataError, match=r"line 2: \.\./a.png leads out of"):
            read_labels(given)


def test_there_is_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.csv: no such file; .* with the columns image_path, text, or"):
        read_labels(tmp_path / "missing.csv")


def test_faults_of_labels_can_be_collected(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image_path,text\na.png,123456\nb.png,7\nb.png,8\nc.png,98765\n")
    faults: list[str] = []
    found = read_labels(tmp_path, 5, faults=faults)
    assert [each.text for each in found.pictures] == ["7", "98765"]
    assert [line.partition(", ")[2][:6] for line in faults] == ["line 2", "line 4"]


@pytest.mark.parametrize("link", ["images/../../x.png", "../x.png", "/etc/passwd"])
def test_boxes_name_no_picture_elsewhere(tmp_path: Path, link: str) -> None:
    data = {"categories": [], "images": [{"id": 1, "file_name": link}], "annotations": []}
    (tmp_path / "boxes.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"^.*boxes\.json: .* leads out of"):
        read_labels(tmp_path / "boxes.json")


def test_names_of_classes_are_bounded_yaml(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "data.yaml").write_text("names: " + "[" * 60 + "]" * 60)
    with pytest.raises(MultidigitError, match=r"data.yaml, line 1: not valid YAML \(nested too deeply\)"):
        read_labels(tmp_path)


def test_a_table_of_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_ROWS", 2)
    (tmp_path / "labels.csv").write_text("image_path,text\na.png,1\nb.png,2\n")
    assert len(read_labels(tmp_path).pictures) == 2
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("c.png,3\n")
    with pytest.raises(DataError, match="line 4: a table has at most 2 rows"):
        read_labels(tmp_path)
    (tmp_path / "labels.csv").unlink()
    lines = '{"path": "a.png", "text": "1"}\n{"path": "b.png", "text": "2"}\n'
    (tmp_path / "labels.jsonl").write_text(lines)
    assert len(read_labels(tmp_path).pictures) == 2
    (tmp_path / "labels.jsonl").write_text(lines + lines)
    with pytest.raises(DataError, match=r"labels\.jsonl, line 3: a table has at most 2 rows"):
        read_labels(tmp_path)


def yolo(folder: Path, boxes: str = "3 0.8 0.5 0.1 0.4\n0 0.1 0.5 0.1 0.4\n") -> Path:
    """A folder in YOLO's format, not divided into parts, with one picture and its boxes."""
    picture(folder / "images" / "a.png")
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text(boxes)
    return folder


def test_boxes_of_yolo_without_parts(tmp_path: Path) -> None:
    (found,) = read_labels(yolo(tmp_path)).pictures
    assert (found.text, found.part, found.where) == ("03", None, str(tmp_path / "labels" / "a.txt"))
    # Nothing was put between the digits, not even what would be left out again.
    assert read_labels(tmp_path, strict=True).left_out == {}


@pytest.mark.parametrize(
    ("name", "names", "text"),
    [
        ("classes.txt", "7\n1\n2\n4\n", "74"),
        ("data.yaml", "names: {0: 7, 3: 4}\n", "74"),
        ("data.yaml", "names: ['7', '1', '2', '4']\n", "74"),
        # Neither a list nor a table of names: classes are the digits themselves.
        ("data.yaml", "names: 7\n", "03"),
        ("data.yaml", "path: here\n", "03"),
    ],
)
def test_names_of_yolos_classes(tmp_path: Path, name: str, names: str, text: str) -> None:
    (yolo(tmp_path) / name).write_text(names)
    assert [each.text for each in read_labels(tmp_path).pictures] == [text]


def test_classes_txt_goes_before_data_yaml(tmp_path: Path) -> None:
    (yolo(tmp_path) / "data.yaml").write_text("names: [1, 1, 1, 1]\n")
    (tmp_path / "classes.txt").write_text("7 1 2 4")
    assert [each.text for each in read_labels(tmp_path).pictures] == ["74"]


@pytest.mark.parametrize("wrong", ["3", "x 0.8 0.5 0.1 0.4", "3 left 0.5 0.1 0.4", "4 0.8 0.5 0.1 0.4", ""])
def test_faults_of_yolo_are_named(tmp_path: Path, wrong: str) -> None:
    (yolo(tmp_path, f"0 0.1 0.5 0.1 0.4\n{wrong}\n") / "classes.txt").write_text("7 1 2 4")
    with pytest.raises(DataError, match=r"a\.txt, line 2: expected a class and four numbers; received ") as caught:
        read_labels(tmp_path)
    assert str(caught.value).endswith(f"received {wrong!r}")


def test_yolo_without_pictures(tmp_path: Path) -> None:
    (yolo(tmp_path) / "images" / "a.png").unlink()
    with pytest.raises(DataError, match=r"images: expected a folder with pictures .*; received none"):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": [{"id": 1, "file_name": "../a.png"}]}, r"export\.json: \.\./a\.png leads out of "),
        ({"categories": [{"id": 2, "name": "7"}]}, r"export\.json: expected COCO's .*; KeyError\(3\) is wrong"),
        ({"categories": None}, r"export\.json: expected COCO's .*; TypeError"),
        ({"annotations": [{"bbox": [1, 2, 3]}]}, r"export\.json: expected COCO's .*; ValueError"),
    ],
)
def test_faults_of_coco_are_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    (tmp_path / "export.json").write_text(json.dumps(json.loads(coco({2: "7", 3: "0"})) | change))
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path)


@pytest.mark.parametrize(("width", "text"), [(20, "077"), (44, "077"), (50, "707"), (80, "770")])
def test_middles_of_boxes_are_compared(tmp_path: Path, width: int, text: str) -> None:
    data = json.loads(coco({2: "7", 3: "0"}))
    # The 0 begins before both of the 7, whose middles are at 23 and 35.
    for box, each in zip(([0, width], [18, 10], [30, 10]), data["annotations"], strict=True):
        each["bbox"] = [box[0], 0, box[1], 20]
    (tmp_path / "export.json").write_text(json.dumps(data))
    labels = read_labels(tmp_path)
    found = labels.pictures[0]
    assert (found.text, found.where, found.part) == (text, str(tmp_path / "export.json"), None)
    assert labels.left_out == {}


def test_the_first_coco_file_counts(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "a.json").write_text(coco({2: "7", 3: "0"}))
    (tmp_path / "A.json").mkdir()
    assert texts(tmp_path)["images/a.png"] == "770"


def test_lines_without_a_picture_are_named(tmp_path: Path) -> None:
    table = tmp_path / "labels.jsonl"
    table.write_text('\n{"text": "1"}\n')
    with pytest.raises(DataError, match=r"line 2: expected a picture's path and its number, .*; received '' and '1'$"):
        read_labels(tmp_path)
    table.write_text('{"path": "a.png"}\n')
    with pytest.raises(DataError, match=r"line 1: expected .*; received 'a\.png' and nothing$"):
        read_labels(tmp_path)
    # Long lines are cut.
    table.write_text(json.dumps("7" * 70) + "\n")
    with pytest.raises(DataError, match=r'line 1: expected .*; received "7{59}$'):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("a" * 4_097, "1", r"line 1: expected a picture's path; received 'a{60}', which cannot be one$"),
        ("a\0.png", "1", r"line 1: expected a picture's path; received 'a\\x00.png', which cannot be one$"),
        ("a.png", "1" + "0" * 4_096, r"line 1: expected a number; received 4,097 characters, '10{59}' …$"),
        ("a.png", 10**13, r"line 1: expected a picture's path and its number"),
    ],
)
def test_what_no_path_and_no_number_can_be(tmp_path: Path, name: str, label: str | int, message: str) -> None:
    (tmp_path / "labels.jsonl").write_text(json.dumps({"path": name, "text": label}))
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path)


def test_the_longest_path_and_numbers(tmp_path: Path) -> None:
    rows = ({"path": "a" * 4_096, "text": "x" * 4_095 + "7"}, {"path": "b.png", "text": 123_456_789_012})
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [each.text for each in read_labels(tmp_path).pictures] == ["7", "123456789012"]
