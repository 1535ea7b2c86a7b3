"""Makes clips.csv, clips.png, LICENSE and SHA256SUMS from five packages of Debian.

apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-wav
for file in asterisk-core-sounds-*.deb; do dpkg -x $file x; done
python data/voices/make.py --source x

clips.png is a grey picture: a clip 28×28, low tones at the bottom, 50 clips a row, without gaps, in the order of the
rows of clips.csv; the last row is filled up with silence. No sound can be made of it again.
"""

import argparse
import hashlib
import wave
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

HERE, ROOT = Path(__file__).parent, "usr/share/asterisk/sounds"
FOLDERS = {
    "en_US_f_Allison": ("Allison", "English"),
    "es_MX_f_Allison": ("Allison", "Spanish"),
    "fr_CA_f_June": ("June", "French"),
    "it_IT_m_Carlo": ("Carlo", "Italian"),
    "ru_RU_f_IvrvoiceRU": ("Ivrvoice", "Russian"),
}
KINDS = {"digits": "number", "letters": "letter", "phonetic": "spelling word"}  # any other is a phrase
NO_SPEECH = ("silence", "beep", "ascending-2tone", "descending-2tone", "tt-monkeys")  # beginnings of names
TONES = ("confbridge-join", "confbridge-leave")
SHORTEST, LONGEST = 0.2, 1.5  # seconds
RATE, WINDOW, HOP, SIDE, COLUMNS = 8000, 512, 420, 28, 50  # 28 moments are 1.5 seconds
LOW, HIGH = 100, 3900  # Hz
DEEPEST, ONSET = 60, 30  # decibels below the loudest of the clip: what is black, and where a clip begins


def read_wav(path: Path) -> np.ndarray:
    """The samples of a clip, (n,), 8,000 a second."""
    with wave.open(str(path)) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (RATE, 1, 2), path
        return np.frombuffer(clip.readframes(clip.getnframes()), "<i2").astype(float)


def mel_bands() -> np.ndarray:
    """Triangles (28, frequencies of the transform), evenly spaced in mel, 2595 log₁₀(1 + f/700), each of area 1."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (LOW, HIGH))
    edges = 700 * (10 ** (np.linspace(low, high, SIDE + 2) / 2595) - 1)
    f = np.fft.rfftfreq(WINDOW, 1 / RATE)
    left, top, right = (edges[i : i + SIDE, None] for i in range(3))
    triangles = np.clip(np.minimum((f - left) / (top - left), (right - f) / (right - top)), 0, None)
    return triangles / triangles.sum(1, keepdims=True)


def picture_of(samples: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """A clip as 28 bands × 28 moments, uint8: 255 is its loudest spot, 0 is 60 dB below that, and the silence after it.

    A clip begins where it first comes within 30 dB of its loudest moment.
    """
    frames = -(-len(samples) // HOP) + SIDE
    padded = np.zeros((frames - 1) * HOP + WINDOW)
    padded[: len(samples)] = samples
    heard = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(heard)) ** 2 @ bands.T
    level = 10 * np.log10(power.sum(1) + 1e-9)
    first = int(np.argmax(level > level.max() - ONSET))
    decibels = 10 * np.log10(power[first : first + SIDE] + 1e-9)
    grey = 255 * (1 + (decibels - decibels.max()) / DEEPEST)
    return np.clip(np.round(grey), 0, 255).astype(np.uint8).T[::-1]  # low tones at the bottom


def prompt_of(name: str) -> str:
    """What is said, as far as the name tells: vm-goodbye and goodbye are one prompt, in any language."""
    return name.split("/")[-1].removeprefix("vm-").removeprefix("queue-")


def read_clips(source: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The table of all clips that are kept, and their pictures (n, 28, 28)."""
    rows, pictures, bands = [], [], mel_bands()
    for folder, (voice, language) in FOLDERS.items():
        top = source / ROOT / folder
        for path in sorted(top.rglob("*.wav"), key=lambda path: path.relative_to(top).as_posix()):
            name = path.relative_to(top).with_suffix("").as_posix()
            samples = read_wav(path)
            if not SHORTEST < len(samples) / RATE <= LONGEST or name.startswith(NO_SPEECH) or name in TONES:
                continue
            kind = KINDS.get(name.split("/")[0] if "/" in name else "", "phrase")
            rows.append((voice, language, name, prompt_of(name), kind, round(len(samples) / RATE, 2)))
            pictures.append(picture_of(samples, bands))
    table = pd.DataFrame(rows, columns=["voice", "language", "name", "prompt", "kind", "seconds"])
    return table, np.stack(pictures)


def to_sheet(pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, 28, 28) side by side, 50 a row."""
    rows = -(-len(pictures) // COLUMNS)
    full = np.zeros((rows * COLUMNS, SIDE, SIDE), np.uint8)
    full[: len(pictures)] = pictures
    return full.reshape(rows, COLUMNS, SIDE, SIDE).swapaxes(1, 2).reshape(rows * SIDE, COLUMNS * SIDE)


def make(source: Path) -> None:
    """Write the four files into this folder."""
    table, pictures = read_clips(source)
    assert not table.duplicated(["language", "name"]).any()
    assert not table.isna().any(axis=None)
    table.to_csv(HERE / "clips.csv", index=False, lineterminator="\n", encoding="utf-8")
    sheet = to_sheet(pictures)
    Image.fromarray(sheet).save(HERE / "clips.png", optimize=True)
    assert (np.asarray(Image.open(HERE / "clips.png")) == sheet).all(), "the sheet did not survive"
    licence = (source / "usr/share/doc/asterisk-core-sounds-en-wav/copyright").read_text(encoding="utf-8")
    (HERE / "LICENSE").write_text(licence, encoding="utf-8", newline="\n")
    files = ("clips.csv", "clips.png")
    sums = [f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (HERE / "SHA256SUMS").write_text("".join(sums), newline="\n")
    size = sum((HERE / name).stat().st_size for name in files) / 1e6
    print(f"{len(table)} clips of {table.prompt.nunique()} prompts, {size:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled pictures of voices.")
    parser.add_argument("--source", type=Path, required=True, help="folder in which the five packages are unpacked")
    make(parser.parse_args().source)
