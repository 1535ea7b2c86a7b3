"""A folder of pictures as a world: every kind of file becomes the picture it shows, or is refused in words."""

import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import mtl_lesson as mtl
from mtl_lesson.data import Folder, Table, folder, folders, pictures, pictures_in

PARTS = ("train", "validation", "test")
KINDS = {"kind": "class"}
few = settings(max_examples=25, deadline=None)


def filled(size=(9, 9), colour=(200, 30, 90)):
    return Image.new("RGB", size, colour)


def save(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def garment_folder(root, n=40):
    """n garments of two classes, as PNG of 28 × 28, and their labels.csv with a person for every four."""
    garments = mtl.data.garments()
    where = torch.cat([torch.where(garments.train_labels == kind)[0][: n // 2] for kind in (1, 8)])
    rows = []
    for number, at in enumerate(where.tolist()):
        name = f"{number:03}.png"
        save(Image.fromarray(garments.train[at].numpy()), root / name)
        kind = garments.classes[garments.train_labels[at]]
        rows.append({"person": f"p{number % 10}", "file": name, "kind": kind, "weight": number / 7})
    table = pd.DataFrame(rows)
    table.to_csv(root / "labels.csv", index=False)
    return table, garments.train[where]


@pytest.fixture
def root(tmp_path):
    garment_folder(tmp_path / "pictures")
    return tmp_path / "pictures"


def read(path, **shape):
    """One picture as it becomes, (channels, size, size), from 0 to 1."""
    return pictures.read_picture(path, pictures.PictureShape(**shape))[0] / 255


def refusal(path):
    with pytest.raises(ValueError, match="it ") as caught:
        pictures.read_picture(path, pictures.PictureShape())
    return str(caught.value)


# --- the world -----------------------------------------------------------------------------------------------------


def test_a_world_has_the_pictures_and_labels_that_the_table_names(tmp_path):
    table, values = garment_folder(tmp_path)
    shuffled = table.sample(frac=1, random_state=3)
    world = folder(tmp_path, shuffled, {"kind": "class", "weight": "number"}, channels=1, quiet=True)
    assert isinstance(world, Folder)
    assert isinstance(world, Table)
    assert [task.name for task in world.tasks] == ["kind", "weight"]
    assert sorted(name for part in PARTS for name in world.files_of(part)) == sorted(table.file)
    for part in PARTS:
        split, names = getattr(world, part), world.files_of(part)
        own = table.set_index("file").loc[names]
        at = torch.tensor([int(name[:3]) for name in names])
        assert torch.equal((split.x * 255).round().byte()[:, 0], values[at])
        assert [world.encoder.answer("kind", int(label)) for label in split.labels["kind"]] == own.kind.tolist()
        assert world.encoder.decode("weight", split.labels["weight"]) == pytest.approx(own.weight.to_numpy(), abs=1e-5)
        assert torch.equal(world.encoder.encode([tmp_path / name for name in names]), split.x)


def test_groups_stay_whole_a_seed_draws_anew_and_the_test_stays(root):
    world = folder(root, "labels.csv", KINDS, group="person", quiet=True)
    groups = [set(world.groups[part].tolist()) for part in PARTS]
    assert world.group == "person"
    assert not groups[0] & groups[1] | groups[1] & groups[2] | groups[0] & groups[2]
    other = world.draw(1)
    assert isinstance(other, Folder)
    assert other.files_of("test") == world.files_of("test")
    assert torch.equal(other.test.x, world.test.x)
    assert sorted(other.files_of("train")) != sorted(world.files_of("train"))
    again = folder(root, "labels.csv", KINDS, group="person", seed=1, quiet=True)
    assert torch.equal(again.train.x, other.train.x)


def test_it_trains_by_every_way_and_can_be_changed(root):
    world = folder(root, "labels.csv", {"kind": "binary", "weight": "number"}, group="person", quiet=True)
    assert np.isfinite(mtl.fit(mtl.Hard(world, mtl.nets.conv(width=2)), world, epochs=1, progress=False).test()["kind"])
    for way in (mtl.Separate, mtl.Soft):
        run = mtl.fit(way(world, mtl.nets.conv(width=2)), world, epochs=1, progress=False)
        assert np.isfinite(mtl.inspection.by_group(run).loss).all()
    assert mtl.data.only(world, ["kind"]).files == world.files
    alone = folder(root, "labels.csv", {"weight": "number"}, task="kind", size=12, quiet=True)
    assert [task.name for task in alone.tasks] == ["bag", "trousers"]
    assert all(x.shape[1:] == (3, 12, 12) for x in alone.train.x.values())


def test_sub_folders_are_classes(tmp_path, capsys):
    for name, colour in (("red things", "red"), ("中文", "lime")):
        for number in range(20):
            save(Image.new("RGB", (5, 5), colour), tmp_path / name / "deeper" / f"{number}.PNG")
    save(filled(), tmp_path / "loose.png")
    (tmp_path / "中文" / "notes.txt").write_text("no picture")
    save(filled(), tmp_path / ".ipynb_checkpoints" / "hidden.png")
    save(filled(), tmp_path / "中文" / "._0.PNG")
    world = folder(tmp_path, size=5)
    assert world.task("folder").answers == ("red things", "中文")
    for part in PARTS:
        split = getattr(world, part)
        colours = split.x.mean((2, 3))
        assert torch.equal(colours[:, 1] > 0.5, split.labels["folder"] == 1)
        assert torch.equal(colours[:, 0] > 0.5, split.labels["folder"] == 0)
    said = capsys.readouterr().out
    assert said.splitlines() == [f"{sentence}." for sentence in world.decisions]
    assert "Left out, in no sub-folder: 'loose.png'." in said
    assert "Left out, not ending as pictures do: '中文/notes.txt'." in said
    assert "hidden" not in said
    assert len(world.files) == 40


NAMES = [
    "$cost$.png",
    "<script>alert(1)<script>.png",
    "中文/图 1.png",
    "two  spaces .png",
    "é.PnG",
    "a'b\"c.png",
    "%s.png",
]


def test_odd_names_are_names(tmp_path):
    names = [*NAMES, *[f"{n}.png" for n in range(40)]]
    for number, name in enumerate(names):
        save(Image.new("L", (2, 2), number), tmp_path / name)
    table = pd.DataFrame({"picture": names, "number": np.arange(len(names), dtype=float)})
    table.to_csv(tmp_path / "labels.csv", index=False)
    world = folder(tmp_path, "labels.csv", {"number": "number"}, size=2, channels=1, quiet=True)
    for part in PARTS:
        numbers = world.encoder.decode("number", getattr(world, part).labels["number"])
        assert (getattr(world, part).x[:, 0, 0, 0] * 255).numpy() == pytest.approx(numbers, abs=1e-3)
        assert [names[round(number)] for number in numbers] == world.files_of(part)


def test_decisions_say_what_was_done(tmp_path):
    table, _ = garment_folder(tmp_path)
    save(filled((40, 20)), tmp_path / "000.png")
    save(filled((4, 3)), tmp_path / "001.png")
    save(filled(), tmp_path / "$new$.png")
    said = "\n".join(folder(tmp_path, "labels.csv", KINDS, quiet=True).decisions)
    for sentence in (
        "40 pictures become 28 × 28 pixels, red, green and blue, from 0, black, to 1, white",
        "They had 3 sizes, from 4 × 3 to 40 × 20: all are resized",
        "2 pictures are not square: padded with white",
        "1 picture is smaller than 28 pixels, and enlarged",
        "38 pictures are stored in grey, others are not",
        "Left out, without labels in the table: '$new$.png'",
        "Left out, since a network sees the pictures alone: 'person' and 'weight'",
    ):
        assert sentence in said
    cropped = "\n".join(folder(tmp_path, table, KINDS, fit="crop", size=4, channels=1, quiet=True).decisions)
    assert "what is beside their middle is cut off" in cropped
    assert "1 picture is smaller than 4 pixels, and enlarged" in cropped
    assert "enlarged" not in "".join(folder(tmp_path, table, KINDS, size=4, quiet=True).decisions)
    assert "2 pictures are not stored in grey: turned grey" in cropped


def test_equal_pictures_are_kept(root):
    (root / "001.png").write_bytes((root / "000.png").read_bytes())
    assert len(folder(root, "labels.csv", KINDS, quiet=True).files) == 40


# --- pictures --------------------------------------------------------------------------------------------------------


MIDDLE = {"CMYK": (0, 0, 0, 127), "YCbCr": (128, 128, 128), "LAB": (137, 128, 128)}  # middle grey, in other modes
KEPT_BY = {"I;16": (".png", ".tif"), "LAB": (".tif",)}  # other formats save something else, and do not say so


@few
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.sampled_from(["pad", "crop"]),
    st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "LAB"]),
    st.sampled_from([".png", ".JPG", ".webp", ".Gif", ".bmp", ".tif", ".jpeg"]),
)
def test_whatever_the_size_and_the_mode_one_colour_stays_one_colour(
    tmp_path_factory, width, height, size, channels, fit, mode, ending
):
    """Middle grey, but for the bits and prints that have none; padding is white and nothing else is."""
    path = tmp_path_factory.mktemp("one") / f"a{ending}"
    middle = Image.new("RGB", (width, height), (128, 128, 128))
    if mode in KEPT_BY and ending not in KEPT_BY[mode]:
        image = middle
    elif mode == "I;16":
        image = Image.fromarray(np.full((height, width), 128 * 257, np.uint16))
    elif mode in MIDDLE:
        image = Image.new(mode, (width, height), MIDDLE[mode])
    else:
        image = middle.quantize(2) if mode == "P" else middle.convert(mode, dither=Image.Dither.NONE)
    try:
        image.save(path)
    except (OSError, ValueError):  # not every format has every mode
        middle.save(path)
    values = read(path, size=size, channels=channels, fit=fit)
    assert values.shape == (channels, size, size)
    centre = values[:, size // 2, size // 2]
    assert np.ptp(centre) < 0.03
    grey = 1.0 if mode == "1" and centre[0] > 0.9 else 128 / 255
    off = np.abs(values - grey).max(0) > 0.05
    assert (values[:, off] == 1).all()
    if fit == "crop" or width == height:
        assert not off.any()
    else:
        shown = [max(1, round(side * size / max(width, height))) for side in (height, width)]
        assert (~off).sum() in (np.prod(shown), size * size)
        for across, side in zip((1, 0), shown, strict=True):  # in the middle, or half a pixel from it
            rows = np.flatnonzero((~off).any(across))
            assert len(rows) == size or rows[0] == (size - side) // 2


@few
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_a_picture_of_the_size_is_taken_as_it_is(tmp_path_factory, size, other, seed):
    values = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    path = save(Image.fromarray(values), tmp_path_factory.mktemp("one") / "a.png")
    assert np.array_equal(read(path, size=size) * 255, values.transpose(2, 0, 1))
    wide = np.full((size, size + 2 * other, 3), 7, np.uint8)
    wide[:, other : other + size] = values
    path = save(Image.fromarray(wide), path.with_name("wide.png"))
    assert np.array_equal(read(path, size=size, fit="crop") * 255, values.transpose(2, 0, 1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_camera_held_otherwise_is_turned_upright(tmp_path, orientation, ending, deep):
    """What is stored for each orientation, as EXIF defines it, so that the bright corner belongs to the upper left."""
    upright = np.zeros((16, 16), np.uint8)
    upright[:8, :8], upright[:8, 8:] = 255, 100
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes the camera
    image = Image.fromarray(upright.astype(np.uint16) * 257 if deep and ending != ".jpg" else upright)
    if orientation > 1:
        image = image.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(image, tmp_path / f"a{ending}", exif=exif)
    values, seen = pictures.read_picture(path, pictures.PictureShape(16, 1))
    assert np.abs(values[0].astype(int) - upright).max() < 12
    assert ("turned" in seen.notes) == (orientation > 1)


def test_what_is_clear_is_white(tmp_path):
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half.putpixel((1, 1), (255, 0, 0, 255))
    half.putpixel((2, 2), (0, 0, 255, 128))
    for name, image, options in (
        ("a.png", half, {}),
        ("a.webp", half, {"lossless": True, "exact": True}),
        ("a.tif", half, {}),
        ("p.png", half.quantize(8), {}),
        ("p.gif", half, {}),
        ("t.png", half.convert("RGB"), {"transparency": (255, 0, 0)}),
        ("l.png", Image.new("LA", (4, 4), (0, 0)), {}),
    ):
        path = save(image, tmp_path / name, **options)
        values, seen = pictures.read_picture(path, pictures.PictureShape(4))
        assert "clear" in seen.notes, name
        assert (values[:, 0, 0] == 255).all(), name
    values = read(tmp_path / "a.png", size=4) * 255
    assert values[:, 1, 1].tolist() == [255, 0, 0]
    assert values[:, 2, 2] == pytest.approx([127, 127, 255], abs=1)
    assert (
        "clear"
        not in pictures.read_picture(save(filled().convert("RGBA"), tmp_path / "o.png"), pictures.PictureShape())[
            1
        ].notes
    )


def test_sixteen_bits_and_print_are_noted_and_right(tmp_path):
    ramp = np.linspace(0, 65535, 25).astype(np.uint16).reshape(5, 5)
    for ending in (".png", ".tif"):
        values, seen = pictures.read_picture(
            save(Image.fromarray(ramp), tmp_path / f"a{ending}"), pictures.PictureShape(5, 1)
        )
        assert values[0] == pytest.approx(ramp / 257, abs=1)
        assert seen.notes == {"deep", "grey"}
    ink = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=95)
    values, seen = pictures.read_picture(ink, pictures.PictureShape(8))
    assert values[:, 4, 4] == pytest.approx([255, 0, 0], abs=4)
    assert seen.notes == {"print"}
    for mode in ("I", "F"):
        assert "32 bits" in refusal(save(Image.new(mode, (3, 3)), tmp_path / f"{mode}.tif"))


def test_a_telephones_two_pictures_are_one_and_a_film_is_none(tmp_path):
    frames = [filled((6, 6), colour) for colour in ("red", "lime", "blue")]
    path = save(frames[0], tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert read(path, size=6)[:, 3, 3] == pytest.approx([1, 0, 0], abs=0.05)
    for name in ("a.gif", "a.png", "a.webp", "a.tif"):
        first, *others = (frame.copy() for frame in frames)  # what was saved once keeps how
        path = save(first, tmp_path / name, save_all=True, append_images=others)
        assert "3 pictures in one file" in refusal(path)
        assert read(save(frames[0].copy(), path), size=6)[:, 3, 3] == pytest.approx([1, 0, 0], abs=0.05)


def bomb(path, side):
    """A PNG of few bytes that says it has side × side pixels."""
    chunks = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(bytes(99)), b"IEND"
    whole = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(whole))
    return path


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, side):
    assert "more than 89,478,485 pixels, which may fill the memory" in refusal(bomb(tmp_path / "a.png", side))


def cut(path):
    content = save(Image.effect_noise((64, 64), 90).convert("RGB"), path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


HARMS = {
    "empty": (lambda path: path.write_bytes(b""), "it is empty"),
    "text": (lambda path: path.write_text("<svg></svg>"), "no picture that can be read, PNG, JPEG"),
    "cut": (cut, "damaged, or cannot be opened"),
    "noise": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(99)), r"no picture|damaged"),
    "missing": (Path.unlink, "there is no such file"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "there is no such file"),
    "capitals": (lambda path: path.rename(path.with_suffix(".PNG")), r"there is '\d+\.PNG'"),
    "postscript": (
        lambda path: filled().save(path, "EPS"),
        "no picture that can be read",
    ),  # which runs another program
}


@pytest.mark.parametrize("harm", HARMS)
def test_broken_files_are_refused_or_left_out_and_named(root, harm):
    break_it, words = HARMS[harm]
    for number in (3, 8):
        break_it(root / f"{number:03}.png")
    with pytest.raises(ValueError, match=r"2 of 40 pictures cannot be used: '003.png' \(.*'008.png' \(") as caught:
        folder(root, "labels.csv", KINDS, quiet=True)
    assert re.search(words, str(caught.value))
    assert "broken='leave out'" in str(caught.value)
    whole = folder(root, "labels.csv", KINDS, broken="leave out", quiet=True)
    assert len(whole.files) == 38
    assert not {"003.png", "008.png"} & set(whole.files.values())
    assert re.search(f"2 of 40 rows are left out, as you said: '003.png' .*{words}", "\n".join(whole.decisions))
    own = pd.read_csv(root / "labels.csv").set_index("file").kind
    for part in PARTS:  # rows and pictures still belong to one another
        x, names = getattr(whole, part).x, whole.files_of(part)
        assert torch.equal(x, whole.encoder.encode([root / name for name in names]))
        answers = [whole.encoder.answer("kind", int(label)) for label in getattr(whole, part).labels["kind"]]
        assert answers == own[names].tolist()


def test_of_many_broken_files_the_first_few_are_named(root):
    for number in range(8):
        (root / f"{number:03}.png").unlink()
    with pytest.raises(ValueError, match=r"8 of 40 pictures .*'004.png' \([^)]*\) and 3 more\. Mend"):
        folder(root, "labels.csv", KINDS, quiet=True)
    for number in range(20):
        (root / f"{number:03}.png").unlink(missing_ok=True)
    with pytest.raises(ValueError, match="20 of 40 pictures can be read, too few"):
        folder(root, "labels.csv", KINDS, broken="leave out", quiet=True)


def test_a_row_without_a_file_is_named_by_its_number(root):
    table = pd.read_csv(root / "labels.csv")
    table.loc[0, "kind"] = table.loc[[4, 7], "file"] = None
    with pytest.raises(ValueError, match="2 of 40 rows name no file in the column 'file', first row 5: take them out"):
        folder(root, table, KINDS, quiet=True)
    left = folder(root, table, KINDS, broken="leave out", quiet=True)
    assert "2 rows name no file, first row 5: left out, as you said" in left.decisions
    assert "1 rows have no label at all: left out" in left.decisions
    for part in PARTS:  # rows are still those of the whole table
        assert left.files_of(part) == table.file[left.rows[part]].tolist()
    assert "Left out, without labels in the table: '000.png', '004.png' and '007.png'" in left.decisions


def test_a_file_that_is_not_there_is_refused_before_the_others_are_read(root, monkeypatch):
    (root / "004.png").unlink()
    monkeypatch.setattr("mtl_lesson.data.folders.read_pictures", None)
    with pytest.raises(ValueError, match=r"'004.png' \(there is no such file\)"):
        folder(root, "labels.csv", KINDS, quiet=True)


def test_what_is_broken_is_not_said_to_be_without_labels(root):
    (root / "004.png").write_bytes(b"")
    decisions = folder(root, "labels.csv", KINDS, broken="leave out", quiet=True).decisions
    assert not [sentence for sentence in decisions if "without labels" in sentence]


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 900, "a\0b.png", ".", "loop.png"])
def test_names_that_no_file_can_have_are_of_files_that_are_not_there(root, name):
    (root / "loop.png").symlink_to(root / "loop.png")
    table = pd.read_csv(root / "labels.csv").assign(text=f"{name}!")
    table.loc[2, "file"] = name
    with pytest.raises(ValueError, match=r"1 of 40 pictures cannot be used: '.*' \(there is no such file\)"):
        folder(root, table, KINDS, quiet=True)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", ["000.png", "./000.png", "sub/../000.png", " 000.png"])
def test_a_file_listed_twice_is_refused(root, again):
    (root / "sub").mkdir()
    table = pd.read_csv(root / "labels.csv")
    table.loc[1, "file"] = again
    with pytest.raises(ValueError, match="listed more than once: make it one row a file"):
        folder(root, table, KINDS, broken="leave out", quiet=True)


@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png", "{outside}", "link.png", "way/secret.png"])
def test_what_leads_out_of_the_folder_is_refused(root, name):
    secret = save(filled(), root.parent / "secret.png")
    (root / "link.png").symlink_to(secret)
    (root / "way").symlink_to(root.parent)
    (root / "sub").mkdir()
    table = pd.read_csv(root / "labels.csv")
    table.loc[1, "file"] = name.format(outside=secret)
    for broken in folders.BROKEN:
        with pytest.raises(ValueError, match="leads out of the folder"):
            folder(root, table, KINDS, broken=broken, quiet=True)


def test_a_linked_sub_folder_is_no_class(tmp_path):
    for name in ("a", "b"):
        save(filled(), tmp_path / "in" / name / "1.png")
        save(filled(), tmp_path / "out" / "1.png")
    (tmp_path / "in" / "c").symlink_to(tmp_path / "out")
    with pytest.raises(ValueError, match="'c' lead to other folders"):
        folder(tmp_path / "in", quiet=True)


def test_the_column_of_files_is_found_or_said(root):
    table = pd.read_csv(root / "labels.csv")
    table.insert(0, "note", ["000.png", *["-"] * 39])  # one cell that is a file makes no column of files
    assert folder(root, table, KINDS, quiet=True).known.files == "file"
    table["elsewhere"] = [f"x{name}" for name in table.file]
    assert folder(root, table, KINDS, quiet=True).known.files == "file"
    with pytest.raises(ValueError, match=r"40 of 40 .*'x000.png' \(there is no such file\)"):
        folder(root, table, KINDS, files="elsewhere", quiet=True)
    with pytest.raises(ValueError, match="40 of 40 pictures cannot be used"):  # they end as pictures, and none is there
        folder(root, table.drop(columns=["file", "note"]), KINDS, quiet=True)
    with pytest.raises(ValueError, match=r"no column of the table names files in .*such as '000.png'"):
        folder(root, table.assign(file=[name[:3] for name in table.file]).drop(columns="elsewhere"), KINDS, quiet=True)
    with pytest.raises(KeyError, match="no column 'picture'"):
        folder(root, table, KINDS, files="picture", quiet=True)


def test_labels_are_looked_for_in_the_folder_and_where_one_is(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    inside = folder("pictures", "labels.csv", KINDS, quiet=True)
    (root / "labels.csv").rename(root.parent / "labels.csv")
    beside = folder("pictures", "labels.csv", KINDS, quiet=True)
    assert torch.equal(inside.train.x, beside.train.x)
    (root / "labels.csv").write_text("file,kind\n")
    with pytest.raises(ValueError, match=r"two files labels\.csv: say .*pictures/labels\.csv or "):
        folder("pictures", "labels.csv", KINDS, quiet=True)
    assert len(folder("pictures", root.parent / "labels.csv", KINDS, quiet=True).files) == 40
    with pytest.raises(FileNotFoundError, match=r"no file other\.csv, neither in .*pictures nor in "):
        folder("pictures", "other.csv", KINDS, quiet=True)


@pytest.mark.parametrize(
    ("given_", "error", "words"),
    [
        ({"size": 0}, ValueError, "size is from 1 to 1024 pixels"),
        ({"size": 28.0}, TypeError, "size is a whole number"),
        ({"channels": 4}, ValueError, r"channels is 3 \(red, green, blue\) or 1"),
        ({"fit": "stretch"}, ValueError, "fit is 'pad'"),
        ({"broken": "ignore"}, ValueError, "broken is 'refuse' or 'leave out', not 'ignore'"),
        ({"tasks": None}, ValueError, "say which columns are tasks"),
        ({"tasks": {"colour": "class"}}, KeyError, "no column 'colour'"),
        ({"tasks": {"file": "class"}}, ValueError, "'file' names the files, so it can be neither a task nor the group"),
        ({"group": "file"}, ValueError, "can be neither a task nor the group"),
        ({"labels": None}, ValueError, "each sub-folder of .* with pictures is a class: there are 0"),
        ({"labels": None, "group": "person"}, ValueError, "group= is a column of a table of labels"),
        ({"path": 3}, TypeError, "a folder is the name of one, not int"),
        ({"path": "nowhere"}, FileNotFoundError, "there is no folder nowhere"),
        ({"path": __file__}, NotADirectoryError, "is a file; say the folder it is in"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_nonsense_is_refused_in_words(root, given_, error, words):
    with pytest.raises(error, match=words):
        folder(**{"path": root, "labels": "labels.csv", "tasks": KINDS, "quiet": True} | given_)


# --- new pictures, and while one waits --------------------------------------------------------------------------------


def test_the_encoder_reads_new_pictures_as_it_read_those(root, tmp_path):
    encoder = folder(root, "labels.csv", KINDS, size=9, fit="crop", quiet=True).encoder
    assert encoder.columns == ("red", "green", "blue")
    x = encoder.encode(root)
    assert x.shape == (40, 3, 9, 9)
    assert (x.min() >= 0, x.max() <= 1) == (True, True)
    assert torch.equal(x, encoder.encode(pictures_in(root)))
    again = folders.PictureEncoder.from_bytes(encoder.to_bytes())
    assert torch.equal(again.encode(root), x)
    assert [again.answer("kind", number) for number in (0, 1)] == ["bag", "trousers"]
    for bad in (b"", b"{}", b'{"pictures": {"size": 9, "channels": 7}, "labels": []}'):
        with pytest.raises(ValueError, match="does not say how pictures are read"):
            folders.PictureEncoder.from_bytes(bad)
    (root / "000.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"1 of 40 pictures cannot be used: '.*000.png' \(it is empty\)"):
        encoder.encode(root)
    with pytest.raises(ValueError, match="there is no picture in"):
        encoder.encode(save(filled(), tmp_path / "none" / "a.x", format="PNG").parent)
    for wrong in (3, [], [1, 2], pd.DataFrame()):
        with pytest.raises(TypeError, match="the name of a folder, or a list of files"):
            encoder.encode(wrong)


def test_a_model_answers_to_a_folder_or_a_list_of_files_also_when_it_was_saved(root, tmp_path):
    world = folder(root, "labels.csv", {"kind": "class", "weight": "number"}, group="person", quiet=True)
    run = mtl.fit(mtl.Hard(world, mtl.nets.conv(width=2)), world, epochs=1, progress=False)
    of_tensor, of_folder = run.predict(world.encoder.encode(root)), run.predict(root)
    assert of_folder.index.tolist() == [f"{number:03}.png" for number in range(40)]
    pd.testing.assert_frame_equal(of_folder.reset_index(drop=True), of_tensor)
    assert set(of_folder.kind) <= {"bag", "trousers"}
    files = [root / "007.png", str(root / "003.png")]
    some = run.predict(files)
    assert some.index.tolist() == [str(file) for file in files]
    np.testing.assert_allclose(some["weight"], of_folder.loc[["007.png", "003.png"], "weight"], rtol=1e-4, atol=1e-4)
    run.save(tmp_path / "model.mtl")
    pd.testing.assert_frame_equal(mtl.load(tmp_path / "model.mtl").predict(root), of_folder, rtol=1e-4)


def test_sub_folders_that_are_no_text_are_no_classes(tmp_path):
    for name in ("a", "b\n"):
        save(filled(), tmp_path / name / "1.png")
    with pytest.raises(ValueError, match=r"must be text to be classes: rename 'b\\n'"):
        folder(tmp_path, quiet=True)


def test_a_bar_is_shown_when_it_takes_long_and_stop_stops(root, monkeypatch, capsys):
    assert pictures.PATIENCE == 2
    folder(root, "labels.csv", KINDS)
    assert "reading" not in capsys.readouterr().err
    monkeypatch.setattr(pictures, "PATIENCE", 0)
    folder(root, "labels.csv", KINDS)
    assert "reading" in capsys.readouterr().err
    folder(root, "labels.csv", KINDS, quiet=True)
    assert capsys.readouterr() == ("", "")

    def stopped(path, shape):
        raise KeyboardInterrupt

    monkeypatch.setattr(pictures, "read_picture", stopped)
    with pytest.raises(KeyboardInterrupt):
        folder(root, "labels.csv", KINDS, broken="leave out", quiet=True)


def test_pictures_of_another_range_are_refused(root):
    world = folder(root, "labels.csv", KINDS, quiet=True)
    run = mtl.fit(mtl.Hard(world, mtl.nets.conv()), world, epochs=1, progress=False)
    names = world.files_of("test")[:2]
    x = world.encoder.encode([root / name for name in names])
    assert len(run.predict(x)) == 2
    for wrong in (255 * x, (255 * x).to(torch.uint8)):
        with pytest.raises(ValueError, match="from 0 to 1 here"):
            run.predict(wrong)
